// Copyright (C) The ngx_signaling authors
//
// nginx with both modules under memcheck: two sites live through the same, but
// for the number of reloads.  No process may use what was never written or was
// freed, nor hand it to the kernel; a worker that has left leaves nothing
// lost; and what the master has left at its end is no more after twelve
// reloads than after two.
//
//     node valgrind.mjs

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

// whoever starts nginx is told so before

process.env.NGINX = fileURLToPath(new URL('valgrind.sh', import.meta.url));

const { call, publish, roster, SECRET } = await import('./api.mjs');
const { onlyNewest, reload } = await import('./processes.mjs');
const { pk } = await import('./key_file.mjs');
const { connect, ORIGIN, refused, startSite, waitFor } =
  await import('./signaling.mjs');
const { FILES, issue, secretKey } = await import('./token.mjs');

const RELOADS = [2, 12];

const SITE = {
  workers: 1,
  modules: ['signaling', 'turncred'],
  keys: `key_file live.keys;
    secret_key sk_id_main { secret ${SECRET}; channels **; }
    ${secretKey('sk_ES256', { alg: 'ES256' })}`,
  http: 'turn_server turn:turn.example.com; turn_secret north-star-secret;',
  location: 'signaling_ice_servers $turn_ice_servers; signaling_deflate on;',
  server: `
    location /v1/ { signaling_api calls; }
    location = /turn { turn_credentials; }
    location = /token { token_issue sk_id_main; }`,
  files: {
    'live.keys': { text: pk('pk_live_all') },
    'ES256.pem': FILES['ES256.pem']
  }
};

/* all doors once; gives two who stay */
async function visit(ngx) {
  const a = await connect(ngx, { perMessageDeflate: true });
  const b = await connect(ngx, {
    query: `token=${await issue({ channels: ['**'] }, { alg: 'ES256' })}`
  });

  await a.join('room');
  await b.join('room');
  await a.next('presence');
  await talk(a, b);

  const [published, listed, turn, token] = await Promise.all([
    publish(ngx, 'room', { data: 'from a backend' }),
    roster(ngx, 'room'),
    call(ngx, 'GET', '/turn?apiKey=pk_live_all',
      { key: null, headers: { Origin: ORIGIN } }),
    call(ngx, 'POST', '/token', {
      body: JSON.stringify({ peerId: 'alice', channels: ['room'] }),
      headers: { 'Content-Type': 'application/json' }
    })
  ]);

  for (const { status, text } of [published, listed, turn, token]) {
    assert.ok(status >= 200 && status < 300, `${status} ${text}`);
  }
  await ngx.status();
  assert.equal((await refused(ngx, { key: 'pk_live_none' })).code, 4001);

  return [a, b];
}

async function talk(a, b) {
  await a.ok({ type: 'publish', channel: 'room', data: 'x'.repeat(2000) });
  await b.next('message');
  await b.ok({ type: 'send', to: a.peerId, data: 'y'.repeat(2000) });
  await a.next(({ data }) => data?.startsWith?.('yy'));
}

/* a key comes, as soon as the worker has looked at the file */
async function changeKeys(ngx) {
  fs.writeFileSync(`${ngx.dir}/live.keys`,
    pk('pk_live_all') + pk('pk_live_more'));

  await waitFor(() => connect(ngx, { key: 'pk_live_more' })
    .then((client) => client.close(), () => false), 'new key');
}

async function live(reloads) {
  const ngx = await startSite(SITE);
  const [a, b] = await visit(ngx);

  await changeKeys(ngx);

  for (let n = 0; n < reloads; n++) {
    await reload(ngx);
  }
  await talk(a, b);

  const c = await connect(ngx);
  await c.join('room');

  await Promise.all([a, b, c].map((client) => client.close()));
  await onlyNewest(ngx);
  await ngx.empty();

  return end(ngx, reloads + 1);
}

/* ends nginx; gives bytes that the master has left, and what is wrong */
async function end({ dir, pid }, generations) {
  process.kill(pid, 'SIGQUIT');
  await waitFor(() => !fs.existsSync(`/proc/${pid}`), 'end of nginx');

  const reports = fs.readdirSync(dir)
    .filter((name) => name.startsWith('memcheck.'))
    .map((name) => ({
      of: Number(name.slice('memcheck.'.length)),
      text: fs.readFileSync(`${dir}/${name}`, 'utf8')
        .replace(/^==\d+== ?/gm, '')
    }));
  const wrong = reports.flatMap(({ of, text }) =>
    [...errors(text), ...(of === pid ? [] : losses(text))]);

  assert.ok(reports.length > generations, `${reports.length} reports`);

  const master = reports.find(({ of }) => of === pid).text;
  const left = Number(/in use at exit: ([\d,]+) bytes/.exec(master)[1]
    .replaceAll(',', ''));

  if (!wrong.length) {
    fs.rmSync(dir, { recursive: true });
  }

  return { left, wrong };
}

const paragraphs = (text) => text.split(/\n\s*\n/);

/* everything that memcheck has to say before it counts the heap */
function errors(text) {
  if (/^ERROR SUMMARY: 0 errors/m.test(text)) {
    return [];
  }

  return paragraphs(text.split('HEAP SUMMARY:')[0]).slice(1);
}

/* what we have allocated, directly or not, and nobody can free any more */
const losses = (text) => paragraphs(text).filter((part) =>
  / lost in loss record /.test(part) &&
  /: (ngx_(signaling|turncred)_|access_|sig_|turn_)\w+ \(/.test(part));

let failed = 0;

function ok(good, what, ...why) {
  failed += !good;
  console.log(`${good ? 'ok' : 'FAILED'}  ${what}`, ...(good ? [] : why));
}

const results = await Promise.all(RELOADS.map(live));
const left = results.map((result) => result.left);

results.forEach(({ wrong }, i) => {
  ok(!wrong.length, `${RELOADS[i]} reloads, each process in order`,
    `\n${[...new Set(wrong)].join('\n')}`);
});
ok(left[0] === left[1], `the master has left ${left[0]} bytes both times`,
  `and ${left[1]} after more reloads`);

console.log(`${3 - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
