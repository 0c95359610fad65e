// Who comes in by which credential, and what minting one costs: rows that one
// nginx of ours serves by turns. README.md says what they are compared with.

import { createHmac, generateKeyPairSync, randomBytes, sign } from
  'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { rate, ratios, spread, table, thousands } from './figures.mjs';
import { measure } from './generator.mjs';
import { startNginx } from './nginx.mjs';
import { programs } from './programs.mjs';
import { KEY, ZONE } from './servers.mjs';

const ORIGIN = 'https://example.com';
const CLIENTS = 32;

// So many others come between two visits by one token that a worker, which
// remembers the last 1024 or less, knows one of 3000 again.
const STRANGERS = 8192;
const STUN = 'stun:turn.example.com:3478';
const TURN = ['turn:turn.example.com:3478?transport=udp',
  'turns:turn.example.com:5349?transport=tcp'];

const asymmetric = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519')
};

// as long as what "turn_credentials" answers, for the same servers
const BODY = JSON.stringify([{ urls: STUN }, ...TURN.map((urls) => ({
  urls,
  username: `${'1'.repeat(10)}:${'0'.repeat(16)}`,
  credential: 'c'.repeat(28)
}))]);

function connectArgs(where, ...args) {
  return ['--dialect=signaling', '--mode=connect', `--clients=${CLIENTS}`,
    `--path=${where}`, ...args];
}

function requestArgs(where) {
  return ['--dialect=http', '--mode=request', '--expect="credential":"',
    `--path=${where}?key=${KEY}`, `--origin=${ORIGIN}`,
    `--bytes=${BODY.length}`];
}

const byKey = [`--key=${KEY}`, `--origin=${ORIGIN}`];
const byToken = (file) => (dir) => [`--token-file=${path.join(dir, file)}`];
const withServers = '--expect="credential":"';

// "args" may need the directory of the server's files
const rows = [
  { name: 'key', label: 'connect, publishable key',
    args: () => connectArgs('/v1', ...byKey) },
  { name: 'HS256', label: 'connect, JWT HS256',
    args: (dir) => connectArgs('/v1', ...byToken('HS256')(dir)) },
  ...Object.keys(asymmetric).map((algorithm) => ({
    name: algorithm,
    label: `connect, JWT ${algorithm}, first seen`,
    args: (dir) => connectArgs('/v1', ...byToken(algorithm)(dir))
  })),
  ...Object.keys(asymmetric).map((algorithm) => ({
    name: `${algorithm} again`,
    label: `connect, JWT ${algorithm}, seen before`,
    args: (dir) => connectArgs('/v1', ...byToken(`${algorithm}.again`)(dir))
  })),
  { name: 'key+turn', label: 'connect, key, TURN in the welcome',
    args: () => connectArgs('/turn/v1', ...byKey, withServers) },
  { name: 'HS256+turn', label: 'connect, JWT HS256, TURN in the welcome',
    args: (dir) => connectArgs('/turn/v1', ...byToken('HS256')(dir),
      withServers) },
  { name: 'mint', label: 'TURN credentials',
    args: () => requestArgs('/turn/credentials') },
  { name: 'return', label: '"return 200", same length',
    args: () => requestArgs('/return') },
  { name: 'headers', label: 'the same with the same headers',
    args: () => requestArgs('/headers') }
];

const goals = [
  { row: 'HS256', other: 'key', mode: 'connect', least: 0.8 },
  { row: 'ES256', other: 'key', mode: 'connect', least: 0.4 },
  { row: 'RS256', other: 'key', mode: 'connect' },
  { row: 'EdDSA', other: 'key', mode: 'connect' },
  { row: 'RS256 again', other: 'key', mode: 'connect' },
  { row: 'ES256 again', other: 'key', mode: 'connect' },
  { row: 'EdDSA again', other: 'key', mode: 'connect' },
  { row: 'HS256+turn', other: 'key+turn', mode: 'connect' },
  { row: 'mint', other: 'return', mode: 'request', least: 0.6 },
  { row: 'mint', other: 'headers', mode: 'request' }
];

function signature(algorithm, key, input) {
  switch (algorithm) {
    case 'HS256':
      return createHmac('sha256', key).update(input).digest();
    case 'ES256':
      return sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
    case 'EdDSA':
      return sign(null, input, key);
    default:
      return sign('sha256', input, key);
  }
}

// What a site would issue: rights, a name for the others, an hour.
function token(algorithm, key, sub) {
  const now = Math.floor(Date.now() / 1000);

  const input = [
    { alg: algorithm, kid: `sk_id_${algorithm}`, typ: 'JWT' },
    { sub,
      iat: now,
      exp: now + 3600,
      channels: ['bench-*'],
      permissions: ['subscribe', 'publish', 'presence', 'send'],
      peerMetadata: { name: `Client ${sub}` } }
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

  return `${input}.${signature(algorithm, key, Buffer.from(input))
    .toString('base64url')}`;
}

function writeTokens(dir, algorithm, key) {
  const lines = [];

  for (let i = 0; i < STRANGERS; i++) {
    lines.push(`bench-${i} ${token(algorithm, key, `bench-${i}`)}\n`);
  }

  writeFileSync(path.join(dir, algorithm), lines.join(''));
  writeFileSync(path.join(dir, `${algorithm}.again`),
    lines.slice(0, CLIENTS).join(''));
}

// The keys as nginx is told of them; their tokens are left in "dir".
function keyBlocks(dir) {
  const secret = randomBytes(32).toString('hex');

  writeTokens(dir, 'HS256', secret);

  const blocks = [`
        publishable_key ${KEY} {
            origins        ${ORIGIN};
            channels       **;
        }

        secret_key sk_id_HS256 {
            secret   ${secret};
            channels **;
        }`];

  for (const [algorithm, generate] of Object.entries(asymmetric)) {
    const { publicKey, privateKey } = generate();
    const file = path.join(dir, `${algorithm}.pem`);

    writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
    writeTokens(dir, algorithm, privateKey);

    blocks.push(`
        secret_key sk_id_${algorithm} {
            algorithm       ${algorithm};
            public_key_file ${file};
            channels        **;
        }`);
  }

  return blocks.join('\n');
}

function start() {
  return startNginx('access', {
    modules: [programs.module, programs.turncred],
    connections: 4 * CLIENTS,
    http: (dir) => `
        signaling_zone calls ${ZONE};
        signaling_rate off;
        keepalive_requests 1000000000;

        turn_server ${STUN};
        turn_server ${TURN.join(' ')};
        turn_secret ${randomBytes(16).toString('hex')};
        ${keyBlocks(dir)}
    `,
    location: `
            default_type application/json;

            location = /v1 {
                signaling calls;
            }

            location = /turn/v1 {
                signaling             calls;
                signaling_ice_servers $turn_ice_servers;
            }

            location = /turn/credentials {
                turn_credentials;
            }

            location = /return {
                return 200 '${BODY}';
            }

            location = /headers {
                add_header Cache-Control no-store;
                add_header Vary Origin;
                add_header Access-Control-Allow-Origin ${ORIGIN};
                return 200 '${BODY}';
            }
    `
  });
}

async function headerLines(port, where) {
  const asked = http.get({ port, path: `${where}?key=${KEY}`, agent: false,
                           headers: { origin: ORIGIN } });
  const [response] = await once(asked, 'response');

  response.resume();
  await once(response, 'end');

  return response.rawHeaders.filter((_, i, all) =>
    all[i & ~1] !== 'Date').join('\n').split('\n').sort().join('\n');
}

export async function measureAccess({ rounds, seconds, progress }) {
  const measured = [];
  const running = await start();

  try {
    if (await headerLines(running.port, '/turn/credentials')
      !== await headerLines(running.port, '/headers'))
    {
      throw new Error('the headers of the two answers are not the same');
    }

    for (let round = 1; round <= rounds; round++) {
      for (const row of rows) {
        const result = await measure(running,
          [`--seconds=${seconds}`, ...row.args(running.dir)]);

        measured.push({ server: row.name, round, ...result });

        progress(round, row.label, result);
      }
    }

  } finally {
    await running.stop();
  }

  return measured;
}

export function accessTable(measured, { rounds, seconds }) {
  const cells = [['', 'per second', 'min - max', 'each']];

  for (const row of rows) {
    const s = spread(measured.filter((r) => r.server === row.name)
      .map(rate));

    cells.push([row.label, thousands(s.median),
      `${thousands(s.min)} - ${thousands(s.max)}`,
      `${(1e6 / s.median).toFixed(1)} us`]);
  }

  return 'Connections that come and go, and requests, per second of server '
    + `CPU, one worker;\nmedian of ${rounds} rounds of ${seconds} s\n\n`
    + `${table(cells)}\n`;
}

export function accessLines(measured) {
  const label = (name) => rows.find((row) => row.name === name).label;

  return goals.map((goal) => ({
    what: label(goal.row),
    beside: label(goal.other),
    value: ratios(measured, goal.mode, goal.row, goal.other),
    least: goal.least
  }));
}
