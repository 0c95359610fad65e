// Copyright (C) The ngx_signaling authors
//
// The directives of ngx_signaling_module: every mistake in them is an error
// that names the directive and the mend.

import assert from 'node:assert/strict';
import test from 'node:test';

import { configTest } from './nginx.mjs';
import { certificate } from './signaling.mjs';

const KEY = 'publishable_key pk { origins *; channels **; }';

const run = (http, options = {}) => configTest({ http, ...options });

/* one endpoint with more in its location */
function endpoint(inner = '', zone = 'signaling_zone calls 16m;') {
  return `${zone} ${KEY}
    server { listen 127.0.0.1:@PORT@; location = /v1 { ${inner} } }`;
}

const one = (inner) => endpoint(`signaling calls; ${inner}`);

const accepted = [
  ['nothing', ''],
  ['a zone alone', 'signaling_zone calls 16m;'],
  ['several zones', `signaling_zone a 16m; signaling_zone B-1_.c 16m;
    signaling_zone ${'d'.repeat(64)} 16m;`],
  ['an endpoint', one('')],
  ['two endpoints of one zone', `${endpoint('signaling calls;')}
    server { listen 127.0.0.1:@PORT@; server_name b;
             location /a { signaling calls; } }`],
  ['the shortest names and numbers', one(`signaling_max_message 1;
    signaling_max_channels 1; signaling_rate 1r/m burst=1;
    signaling_ping 100ms grace=100ms; signaling_snapshot_delay 0;
    signaling_drain 0; signaling_reload drain; signaling_same_peer single;`)],
  ['the longest times and sizes', one(`signaling_max_message 1008k;
    signaling_max_channels 65535; signaling_rate 1000000r/s burst=1000000;
    signaling_ping 30d grace=1d; signaling_snapshot_delay 50ms;
    signaling_send_buffer 1024m; signaling_drain 24h;`)
    .replace('16m', '64m')],
  ['what is written out for default', one(`signaling_max_message 64k;
    signaling_max_channels 100; signaling_rate 200r/s burst=1000;
    signaling_ping 30s grace=10s; signaling_send_buffer 4m;
    signaling_snapshot_delay 10ms; signaling_reload keep;
    signaling_drain 3s; signaling_same_peer shared;`)],
  ['no limit', one('signaling_rate off;')],
  ['values for all locations', `signaling_rate 1r/s; signaling_ping 1s;
    signaling_max_message 1k; signaling_send_buffer 1m; ${one('')}`],
  ['variables', one(`signaling_ice_servers $turn_ice_servers;
    signaling_peer_id $remote_user; signaling_peer_metadata '{"a":1}';`)],
  ['a status page', `signaling_zone calls 16m;
    server { listen 127.0.0.1:@PORT@; location / { signaling_status calls; } }`],
  ['a secret key alone', one('').replace(KEY,
    `secret_key sk { secret ${'s'.repeat(32)}; channels **; }`)]
];

for (const [name, http] of accepted) {
  test(`accepted: ${name}`, async () => {
    const { code, stderr } = await run(http);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
  });
}

/* a value of a directive that takes one, and what the message tells to write */
const value = (directive, bad, mend) => [
  `${directive} ${bad || '""'}`, one(`${directive} ${bad || '""'};`),
  `invalid value "${bad}" in "${directive}"; write ${mend} in `];

const RATE = 'in "signaling_rate"; write a number of messages such as ' +
  '"200r/s" or "600r/m", or "off"';
const BURST = 'in "signaling_rate"; write "burst=" and a number from 1 to ' +
  '1000000';
const PING = 'in "signaling_ping"; write a time of at least 100ms such as ' +
  '"30s"';
const GRACE = 'in "signaling_ping"; write "grace=" and a time of at least ' +
  '100ms such as "grace=10s"';
const MESSAGE = 'a size from 1 to 1008k such as "64k"';
const CHANNELS = 'a number from 1 to 65535 such as "100"';
const BUFFER = 'a size up to 1024m such as "4m"';
const DELAY = 'a time from 0 to 50ms such as "10ms"';
const DRAIN = 'a time up to 24h such as "3s"';

const rejected = [
  // zones
  ['a zone without a size', 'signaling_zone calls;',
   'invalid number of arguments in "signaling_zone" directive'],
  ...['', 'a b', 'a"b', 'a<b', '\u00e9', 'a'.repeat(65)].map((name) =>
    [`the zone "${name}"`, `signaling_zone '${name}' 16m;`,
     `invalid name "${name}" in "signaling_zone"; write 1 to 64 letters, ` +
     'digits, "-", "_" or ".", as in "signaling_zone calls 32m;"']),
  ...['big', '0', '-1', '1k', ''].map((size) =>
    [`a zone of "${size}"`, `signaling_zone calls "${size}";`,
     `"signaling_zone calls" has the size "${size}"; write a size such as ` +
     '"32m"']),
  ['two zones of one name', 'signaling_zone a 16m; signaling_zone a 16m;',
   '"signaling_zone a" is there twice; give each zone a name of its own'],
  ['two zones of one name and two sizes',
   'signaling_zone a 16m; signaling_zone a 32m;',
   '"signaling_zone a" is there twice; give each zone a name of its own'],
  ['the zone of another module',
   'limit_req_zone $uri zone=a:1m rate=1r/s; signaling_zone a 1m;',
   '"signaling_zone a" has the name of another module\'s zone; give each ' +
   'zone a name of its own'],
  ['a zone in a server', 'server { signaling_zone a 16m; }',
   '"signaling_zone" directive is not allowed here'],

  // endpoints
  ['an endpoint of no zone', endpoint('signaling other;'),
   '"signaling other" names no zone; write "signaling_zone other 32m;" at ' +
   'the beginning of "http"'],
  ['an endpoint before its zone',
   `${KEY} server { location / { signaling calls; } }
    signaling_zone calls 16m;`,
   '"signaling calls" names no zone; write "signaling_zone calls 32m;"'],
  ['a status of no zone', endpoint('signaling_status other;'),
   '"signaling_status other" names no zone; write "signaling_zone other ' +
   '32m;" at the beginning of "http"'],
  ['an endpoint without a zone', endpoint('signaling;'),
   'invalid number of arguments in "signaling" directive'],
  ['two endpoints in a location', one('signaling calls;'),
   '"signaling" directive is duplicate'],
  ['two statuses in a location',
   endpoint('signaling_status calls; signaling_status calls;'),
   '"signaling_status" directive is duplicate'],
  ['an endpoint of a server', `signaling_zone calls 16m; ${KEY}
    server { signaling calls; }`,
   '"signaling" directive is not allowed here'],
  ['an endpoint and no key', one('').replace(KEY, ''),
   '"signaling" has no key that could be used with it; write a ' +
   '"publishable_key pk_live_name { origins https://example.com; channels ' +
   '*; }" in "http"'],

  // values
  ...['', 'much', '0', '-1', '1009k', '2m', '1x'].map((bad) =>
    value('signaling_max_message', bad, MESSAGE)),
  ...['', 'many', '0', '-1', '65536', '1k', '99999999999999999999']
    .map((bad) => value('signaling_max_channels', bad, CHANNELS)),
  ...['', 'much', '0', '-1', '1025m', '2g'].map((bad) =>
    value('signaling_send_buffer', bad, BUFFER)),
  ...['', 'soon', '51ms', '1s', '1', '-1ms'].map((bad) =>
    value('signaling_snapshot_delay', bad, DELAY)),
  ...['', 'soon', '25h', '-1s'].map((bad) =>
    value('signaling_drain', bad, DRAIN)),
  ...['', 'on', 'Keep', 'keep!', 'kee'].map((bad) =>
    value('signaling_reload', bad, '"keep" or "drain"')),
  ...['', 'both', 'Single', 'share'].map((bad) =>
    value('signaling_same_peer', bad, '"shared" or "single"')),
  ['a queue that has no room for a message',
   one('signaling_max_message 512k; signaling_send_buffer 512k;'),
   '"signaling_send_buffer" has no room for one message of ' +
   '"signaling_max_message"; write "4m"'],

  ...['""', '200', 'r/s', '0r/s', '-1r/s', '1.5r/s', '1000001r/s', '0r/m',
      '1000001r/m', '5r/h', 'on', 'OFF', '99999999999999999999r/s']
    .map((rate) => [`a rate of ${rate}`, one(`signaling_rate ${rate};`),
                    `invalid rate "${rate.replaceAll('"', '')}" ${RATE}`]),
  ...['burst=', 'burst=0', 'burst=-1', 'burst=1000001', 'burst=x', 'bursts=5',
      '5', 'nodelay']
    .map((burst) => [burst, one(`signaling_rate 5r/s ${burst};`),
                     `invalid parameter "${burst}" ${BURST}`]),
  ['a burst of no limit', one('signaling_rate off burst=5;'),
   '"signaling_rate off" has no limit that could have a burst; leave out ' +
   '"burst=5"'],
  ...['""', 'often', '99ms', '0', '-1s', 'off']
    .map((ping) => [`a ping of ${ping}`, one(`signaling_ping ${ping};`),
                    `invalid interval "${ping.replaceAll('"', '')}" ${PING}`]),
  ...['grace=', 'grace=0', 'grace=99ms', 'grace=x', 'graces=1s', '10s']
    .map((grace) => [grace, one(`signaling_ping 5s ${grace};`),
                     `invalid parameter "${grace}" ${GRACE}`]),

  ...['signaling_max_message 1k', 'signaling_max_channels 5',
      'signaling_rate 5r/s', 'signaling_rate off', 'signaling_ping 5s',
      'signaling_send_buffer 1m', 'signaling_snapshot_delay 5ms',
      'signaling_reload keep', 'signaling_drain 5s',
      'signaling_same_peer single', 'signaling_ice_servers a',
      'signaling_peer_id a', 'signaling_peer_metadata a']
    .map((line) => [`${line} twice`, one(`${line}; ${line};`),
                    `"${line.split(' ')[0]}" directive is duplicate`])
];

for (const [name, http, ...texts] of rejected) {
  test(`rejected: ${name}`, async () => {
    const { code, stderr } = await run(http);

    assert.equal(code, 1);
    assert.match(stderr, /\[emerg\] .* in \S+\/nginx\.conf:\d+\n/);

    for (const text of texts) {
      assert.ok(stderr.includes(text), `${stderr}\nshould have: ${text}`);
    }

    assert.equal(stderr.match(/\[(emerg|warn|alert)\]/g).length, 1, stderr);
  });
}

test('the line of the mistake is named', async () => {
  const line = async (inner) =>
    Number((await run(one(inner))).stderr.match(/nginx\.conf:(\d+)/)[1]);

  const first = await line('signaling_rate x;');

  assert.equal(await line('\n\nsignaling_rate x;'), first + 2);
  assert.equal(await line('\nsignaling_max_message x;'), first + 1);
  assert.equal(await line('\n\n\nsignaling_reload x;'), first + 3);
});

for (const workers of [1, 4, 16]) {
  for (const inner of ['', 'signaling_max_message 1008k;']) {
    test(`the least zone for ${workers} workers ${inner}`, async () => {
      const size = (text) =>
        run(one(inner).replace('calls 16m', `calls ${text}`), { workers });

      const { code, stderr } = await size('64k');

      assert.equal(code, 1);

      const [, slots, least] = stderr.match(
        /\[emerg\] .*"signaling_zone calls" is too small for (\d+) worker slots; make it at least (\d+)k\n/);

      assert.ok(Number(slots) >= 2 * workers + 2, slots);

      const enough = await size(`${least}k`);
      assert.equal(enough.code, 0, enough.stderr);

      // and that was no idle claim: a tenth less will not do

      const less = await size(`${Math.floor(least * 0.9)}k`);
      assert.equal(less.code, 1);
      assert.ok(less.stderr.includes(`make it at least ${least}k`),
                less.stderr);
    });
  }
}

test('several workers get more room for what they send each other',
  async () => {
    const slot = async (workers, size) => {
      const { code, stderr, log } =
        await run(one('').replace('16m', size), { workers });

      assert.equal(code, 0, stderr);

      const [, slots, kilobytes] = log.match(
        /holds \d+ peers in rooms of two, (\d+) worker slots of (\d+)k\n/);

      // as far as a quarter of the zone has it

      if (workers > 1) {
        const all = slots * kilobytes;

        assert.ok(all <= parseInt(size, 10) * 256 || kilobytes < 330, log);
      }

      return Number(kilobytes);
    };

    const least = await slot(1, '16m');

    assert.equal(await slot(1, '128m'), least);
    assert.ok(await slot(2, '32m') > 2 * least);
    assert.ok(await slot(2, '64m') > 4 * least);
    assert.ok(await slot(4, '64m') > 2 * least);
    assert.ok(await slot(4, '128m') > 4 * least);
  });

const listening = (listen, more = '') => `
  signaling_zone calls 16m; ${KEY}
  server {
    listen 127.0.0.1:@PORT_OTHER@;
    server_name other;
    ssl_certificate @DIR@/cert.pem;
    ssl_certificate_key @DIR@/key.pem;
    ${more}
  }
  server {
    ${listen}
    ssl_certificate @DIR@/cert.pem;
    ssl_certificate_key @DIR@/key.pem;
    location = /v1 { signaling calls; }
  }`;

const listen = (...args) =>
  run(listening(...args), { files: certificate() });

test('a port that understands HTTP/2 only', async () => {
  for (const lines of [
    'listen 127.0.0.1:@PORT@ http2;',
    'listen 127.0.0.1:@PORT@ ssl; listen 127.0.0.1:@PORT_MORE@ http2;'
  ]) {
    const { code, stderr } = await listen(lines);

    assert.equal(code, 1);
    assert.match(stderr, /\[emerg\] .*"signaling" in \S+\/nginx\.conf:\d+ cannot be reached through "listen 127\.0\.0\.1:\d+ http2" without "ssl", which understands HTTP\/2 only; remove "http2" there\n/);
  }
});

test('a port shared with a server that made it HTTP/2 only', async () => {
  const { code, stderr } = await listen(
    'listen 127.0.0.1:@PORT@;', 'listen 127.0.0.1:@PORT@ http2;');

  assert.equal(code, 1);
  assert.match(stderr, /cannot be reached through "listen 127\.0\.0\.1:\d+ http2" without "ssl"/);
});

test('HTTP/2 where it is chosen by ALPN, or elsewhere', async () => {
  for (const args of [
    ['listen 127.0.0.1:@PORT@ ssl http2;'],
    ['listen 127.0.0.1:@PORT@ ssl;'],
    ['listen 127.0.0.1:@PORT@;'],
    ['listen 127.0.0.1:@PORT@;', 'listen 127.0.0.1:@PORT_MORE@ http2;']
  ]) {
    const { code, stderr } = await listen(...args);
    assert.equal(code, 0, stderr);
  }
});
