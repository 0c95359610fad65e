// The "Check" tab: one step for each part that a call needs.  A step that
// fails names the line of nginx.conf or turnserver.conf to look at.

import { SignallingClient } from './sdk/realtime.js';
import { publishableKey } from './config.js';
import { channelOf } from './room.js';
import { openDevice, deviceProblem } from './media.js';
import { gatherRelay, sendThroughRelay } from './relay.js';

const KEY_BLOCK = `publishable_key ${publishableKey} in nginx.conf`;

const ok = (text) => ({ state: 'ok', text });
const failed = (text, mend) => ({ state: 'failed', text, mend });
const unsure = (text, mend) => ({ state: 'unsure', text, mend });
const skipped = (text) => ({ state: 'skipped', text });

// --- page, WebSocket, key, origin -------------------------------------------

function checkPage() {
  if (window.isSecureContext) {
    return ok(`${location.origin} may use camera and microphone.`);
  }

  return failed(
    `${location.origin} is not a secure address.`,
    'Browsers give out camera and microphone only on https:// and on '
    + 'localhost. Add “listen 443 ssl” and a certificate to the server block.');
}

async function statusOf(path) {
  try {
    return (await fetch(path, { cache: 'no-store' })).status;
  } catch {
    return 0;
  }
}

// What a plain GET of the endpoint says about a WebSocket that did not open.
const BY_STATUS = {
  0: 'The server does not answer at all. Is nginx running?',
  403: 'An access rule (allow, deny, auth_request) applies to /v1.',
  404: 'Put “signaling” into “location = /v1” and load '
       + 'ngx_signaling_module.so. The path has to be /v1, at the root of '
       + 'the host.',
  426: 'The endpoint is there, but the upgrade does not reach it. A proxy '
       + 'in front has to pass the headers Upgrade and Connection.',
  429: 'limit_req or limit_conn of the location refused the attempt. Wait a '
       + 'minute, or raise the rate.',
  502: 'A proxy in front does not reach this nginx.',
  503: 'The server is shutting down, or a limit of the location refused '
       + 'the attempt.',
};

async function checkWebSocket(found) {
  const client = new SignallingClient({
    apiKey: publishableKey,
    url: location.origin.replace(/^http/, 'ws'),
    reconnect: false,
    webSocketFactory: (url) => {
      const socket = new WebSocket(url);

      socket.addEventListener('open', () => { found.opened = true; });
      return socket;
    },
  });

  client.on('connected', (welcome) => { found.welcome = welcome; });
  found.client = client;

  try {
    await client.connect();
  } catch (err) {
    found.closeCode = err.closeCode ?? 0;
    found.error = err;
  }

  if (found.opened) {
    return ok('The WebSocket at /v1 opens.');
  }

  const status = await statusOf('/v1');

  return failed(
    `The WebSocket at /v1 does not open; a plain GET is answered with ${
      status || 'nothing'}.`,
    BY_STATUS[status]
    ?? 'Look at location = /v1 of nginx.conf, and at its error_log.');
}

// The credentials endpoint tells an unknown key (401) from a refused origin,
// which the WebSocket does not.
async function keyStatus() {
  return statusOf(`/turn/credentials?key=${encodeURIComponent(publishableKey)}`);
}

async function checkKey(found) {
  if (found.welcome) {
    return ok(`The key ${publishableKey} is accepted.`);
  }

  if (found.closeCode === 4001) {
    switch (await keyStatus()) {
    case 401:
      found.wrongKey = true;
      return failed(
        `The server does not know the key ${publishableKey}.`,
        'Write the name of a publishable_key block of nginx.conf into '
        + 'config.js. A block that was just added needs a reload.');
    case 200:
    case 403:
    case 503:
      found.refusedOrigin = true;
      return ok(`The key ${publishableKey} is known.`);
    default:
      return failed(
        'The server refused the key or this address (close code 4001).',
        `Compare the name of the publishable_key block with config.js, and `
        + `its origins with ${location.origin}.`);
    }
  }

  if (found.closeCode === 4010) {
    return failed('The server takes no more connections (close code 4010).',
                  'Raise max_connections of signaling_app, or the size of '
                  + 'signaling_zone.');
  }

  if (found.closeCode === 4012) {
    return failed('Calls are suspended (close code 4012).',
                  'Remove “suspended” from signaling_app.');
  }

  return failed(
    `There was no welcome: ${found.error?.message ?? 'no reason known'}.`,
    'Look at the error_log of nginx.');
}

function checkOrigin(found) {
  if (found.welcome) {
    return ok(`Pages from ${location.origin} are admitted.`);
  }

  if (found.refusedOrigin) {
    return failed(
      `Pages from ${location.origin} are refused.`,
      `Add ${location.origin} to the origins of ${KEY_BLOCK}. Scheme, host `
      + 'and port all count.');
  }

  return skipped('Not known before the key is accepted.');
}

// --- what the key may do ----------------------------------------------------

const RIGHTS = {
  channel_not_authorized:
    `Add the pattern call-* to the channels of ${KEY_BLOCK}.`,
  backend_error:
    'The zone is full: raise the size of signaling_zone in nginx.conf.',
};

async function tryAction(action, run) {
  try {
    await run();
    return null;
  } catch (err) {
    if (err.name === 'action_not_permitted') {
      return [`“${action}” is not permitted.`,
              `Add ${action} to the actions of ${KEY_BLOCK}.`];
    }
    return [`“${action}” fails: ${err.message}.`,
            RIGHTS[err.name] ?? 'Look at the error_log of nginx.'];
  }
}

async function checkRights({ client, welcome }) {
  const channel = channelOf(`check-${crypto.randomUUID()}`);
  const presence = new Promise((resolve) => {
    client.on('presence', () => resolve(true));
  });
  const problems = [
    await tryAction('subscribe', () => client.subscribe(channel)),
    await tryAction('publish', () => client.publish(channel, 'check')),
    await tryAction('send', () => client.send(welcome.peerId, 'check')),
  ].filter(Boolean);

  // Without the right the server is silent instead of saying no.
  if (problems.length === 0 && !await within(3000, presence)) {
    problems.push(['Nobody says who is in the room.',
                   `Add presence to the actions of ${KEY_BLOCK}.`]);
  }

  if (problems.length === 0) {
    return ok('The key may join rooms, see who is there, and send.');
  }

  return failed(problems.map((p) => p[0]).join(' '),
                [...new Set(problems.map((p) => p[1]))].join(' '));
}

function within(ms, promise) {
  return Promise.race([
    promise,
    new Promise((resolve) => { setTimeout(() => resolve(null), ms); }),
  ]);
}

// --- TURN -------------------------------------------------------------------

function urlsOf(server) {
  return [server.urls].flat();
}

// One entry for each relay URL, with the credentials that belong to it.
function relaysOf(servers) {
  return servers.flatMap((server) => urlsOf(server)
    .filter((url) => /^turns?:/i.test(url))
    .map((url) => ({ ...server, urls: url })));
}

function transportOf(url) {
  if (/^turns:/i.test(url)) {
    return 'TLS';
  }

  return /[?&]transport=tcp/i.test(url) ? 'TCP' : 'UDP';
}

function lifetime(username) {
  const seconds = Number.parseInt(username, 10) - Date.now() / 1000;

  return Number.isFinite(seconds)
    ? ` They are valid for ${Math.round(seconds / 360) / 10} hours.` : '';
}

function checkCredentials(found) {
  const servers = found.welcome.iceServers ?? [];

  found.relays = relaysOf(servers);

  if (servers.length === 0) {
    return failed(
      'The welcome of the server has no ICE servers.',
      'nginx.conf needs all of: turn_server, turn_secret_file (or '
      + 'turn_secret), “signaling_ice_servers $turn_ice_servers” in '
      + `location = /v1, and no “turn off” in ${KEY_BLOCK}.`);
  }

  if (found.relays.length === 0) {
    return failed(
      'The ICE servers of the welcome have no relay, only STUN.',
      'Add turn_server turn:<your host>:3478?transport=udp to nginx.conf.');
  }

  const { username, credential } = found.relays[0];

  if (!username || !credential) {
    return failed('The relays come without credentials.',
                  'Set turn_secret_file (or turn_secret) in nginx.conf.');
  }

  return ok(`${found.relays.map((r) => r.urls).join(', ')}.${
    lifetime(username)}`);
}

const LOOPBACK = /^turns?:(127\.|localhost)/i;
const NO_ANSWER = {
  UDP: 'The firewall has to pass listening-port for UDP.',
  TCP: 'The firewall has to pass listening-port for TCP.',
  TLS: 'The firewall has to pass tls-listening-port, and turnserver.conf '
       + 'needs cert and pkey that fit the name in the URL.',
};

function relayMend(url, error) {
  switch (error?.errorCode) {
  case 401:
  case 438:
    return 'coturn refuses the credentials. turnserver.conf needs '
           + 'use-auth-secret, static-auth-secret with the content of the '
           + 'file that turn_secret_file names, and a realm; the clocks of '
           + 'the two machines have to agree.';
  case 403:
    return 'coturn forbids this address: see denied-peer-ip and '
           + 'allowed-peer-ip in turnserver.conf.';
  case 486:
    return 'Too many allocations at once: see user-quota and total-quota in '
           + 'turnserver.conf.';
  case 508:
    return 'coturn found no free relay port: see min-port, max-port and '
           + 'relay-ip in turnserver.conf.';
  default:
    return `${url} does not answer. Is coturn running? ${NO_ANSWER[
      transportOf(url)]} Compare listening-ip in turnserver.conf with `
      + `turn_server in nginx.conf.${LOOPBACK.test(url)
        ? ' Firefox uses no relay on a loopback address.' : ''}`;
  }
}

const WHY_ABSENT = {
  UDP: 'turn_server has no turn: URL with transport=udp, which is the '
       + 'fastest way through a relay.',
  TCP: 'turn_server has no turn: URL with transport=tcp. People behind a '
       + 'firewall that lets no UDP through cannot be reached.',
};

async function checkRelay(transport, found) {
  const relays = found.relays.filter((r) => transportOf(r.urls) === transport);

  if (relays.length === 0) {
    return unsure('Not offered.', WHY_ABSENT[transport]);
  }

  for (const relay of relays) {
    const { candidate, error } = await gatherRelay(relay);

    if (!candidate) {
      return failed(
        `No allocation at ${relay.urls}${error
          ? ` (${error.errorCode} ${error.errorText})` : ''}.`,
        relayMend(relay.urls, error));
    }

    found.working ??= relay;
    found.address = `${candidate.address}:${candidate.port}`;
  }

  return ok(`The relay gave out ${found.address}.`);
}

async function checkRelayedData({ working }) {
  if (!working) {
    return skipped('No relay to send through.');
  }

  if (await sendThroughRelay(working)) {
    return ok('Data went through the relay and arrived.');
  }

  return failed(
    'The relay gives out addresses, but data sent through them is lost.',
    'In turnserver.conf: external-ip, if the machine is behind NAT; '
    + 'denied-peer-ip, and for a relay on this very machine '
    + 'allow-loopback-peers. In the firewall: the UDP ports from min-port to '
    + 'max-port.');
}

// --- devices ----------------------------------------------------------------

async function checkDevice(kind) {
  try {
    const track = await openDevice(kind);
    const { label } = track;

    track.stop();
    return ok(`${label || `The ${kind}`} works.`);

  } catch (err) {
    const { title, text } = deviceProblem(kind, err);

    return failed(`${title}.`, text);
  }
}

// --- the list of steps ------------------------------------------------------

// needs: what an earlier step has to have found.
const STEPS = [
  { id: 'page', title: 'Secure address', run: checkPage },
  { id: 'websocket', title: 'WebSocket', run: checkWebSocket },
  { id: 'key', title: 'Publishable key', needs: 'opened', run: checkKey },
  { id: 'origin', title: 'Origin', needs: 'opened', run: checkOrigin },
  { id: 'rights', title: 'Rights of the key', needs: 'welcome',
    run: checkRights },
  { id: 'credentials', title: 'TURN credentials', needs: 'welcome',
    run: checkCredentials },
  { id: 'turn-udp', title: 'Relay over UDP', needs: 'relays',
    run: (found) => checkRelay('UDP', found) },
  { id: 'turn-tcp', title: 'Relay over TCP', needs: 'relays',
    run: (found) => checkRelay('TCP', found) },
  { id: 'turn-tls', title: 'Relay over TLS', needs: 'relays', optional: 'TLS',
    run: (found) => checkRelay('TLS', found) },
  { id: 'relayed', title: 'Data through the relay', needs: 'relays',
    run: checkRelayedData },
  { id: 'camera', title: 'Camera', run: () => checkDevice('camera') },
  { id: 'microphone', title: 'Microphone',
    run: () => checkDevice('microphone') },
];

const WORDS = {
  waiting: 'waiting', running: 'checking …', ok: 'works', failed: 'fails',
  unsure: 'could be better', skipped: 'not checked',
};

let results = [];

export function checkResults() {
  return results.map((r) => ({ ...r }));
}

function showStep(list, step, { state, text = '', mend = '' }) {
  let item = list.querySelector(`[data-step="${step.id}"]`);

  if (!item) {
    item = document.createElement('li');
    item.dataset.step = step.id;
    for (const [tag, className] of [['strong', 'step-title'],
                                    ['span', 'step-word'],
                                    ['p', 'step-text'], ['p', 'step-mend']])
    {
      const part = document.createElement(tag);

      part.className = className;
      item.append(part);
    }
    item.querySelector('.step-title').textContent = step.title;
    list.append(item);
  }

  item.dataset.state = state;
  item.querySelector('.step-word').textContent = WORDS[state];
  item.querySelector('.step-text').textContent = text;
  item.querySelector('.step-mend').textContent = mend;
}

async function runStep(step, found) {
  if (step.needs && !found[step.needs]) {
    return skipped('Needs what failed above.');
  }

  try {
    return await step.run(found);
  } catch (err) {
    return failed(`The step broke off: ${err.message}.`,
                  'This is a fault of the page itself.');
  }
}

async function runAll(list) {
  const found = {};

  results = [];
  list.replaceChildren();
  STEPS.filter((s) => !s.optional)
    .forEach((s) => showStep(list, s, { state: 'waiting' }));

  for (const step of STEPS) {
    if (step.optional && !found.relays?.some(
      (r) => transportOf(r.urls) === step.optional))
    {
      continue;
    }

    showStep(list, step, { state: 'running' });

    const result = await runStep(step, found);

    results.push({ id: step.id, ...result });
    showStep(list, step, result);
  }

  found.client?.close().catch(() => {});
}

export function setUpCheck(button, list, summary) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    summary.textContent = 'Checking …';
    delete summary.dataset.state;

    await runAll(list);

    const bad = results.filter((r) => r.state === 'failed').length;

    summary.dataset.state = bad ? 'failed' : 'ok';
    summary.textContent = bad
      ? `${bad} of ${results.length} steps failed. Mend the first one first: `
        + 'the others may follow from it.'
      : 'Everything that a call needs works.';
    button.disabled = false;
    button.textContent = 'Run the check again';
  });
}
