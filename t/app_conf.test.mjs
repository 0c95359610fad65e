// Copyright (C) The ngx_signaling authors
//
// "signaling_app": what it takes, and every mistake in it.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';

import { configTest } from './nginx.mjs';

const KEY = 'publishable_key pk { origins *; channels **; }';
const LONG = 'x'.repeat(64);

const run = (http, files = {}) =>
  configTest({ modules: ['signaling'], http, files });

describe('accepted', () => {
  for (const [name, http] of [
    ['a name alone', 'signaling_app default;'],
    ['both limits',
     'signaling_app default max_connections=1 max_messages=1;'],
    ['suspended', 'signaling_app default suspended;'],
    ['everything, in another order',
     'signaling_app default suspended max_messages=2 max_connections=3;'],
    ['no limit', 'signaling_app default max_connections=0 max_messages=0;'],
    ['the most', 'signaling_app default max_connections=1000000000 ' +
     'max_messages=1000000000000;'],
    ['two apps', `signaling_app default suspended;
      signaling_app ${LONG} max_connections=1;
      publishable_key pk2 { origins *; channels **; app ${LONG}; }`],
    ['the app of a key that comes later', 'signaling_app later suspended; ' +
     'publishable_key pk2 { origins *; channels **; app later; }'],
    ['the app of a secret key', `signaling_app x suspended;
      secret_key sk { secret ${LONG}; channels **; app x; }`]
  ]) {
    test(name, async () => {
      const { code, stderr } = await run(`${http} ${KEY}`);

      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
    });
  }
});

describe('refused', () => {
  const number = (parameter, max) =>
    [`"${parameter}" in "signaling_app"; write `, ` and a number from 1 to ${max}, or 0 for no limit in `];

  for (const [text, ...parts] of [
    ['', 'invalid number of arguments in "signaling_app" directive'],
    ['"" suspended', 'invalid name "" in "signaling_app"; write 1 to 64 ' +
     'letters, digits, "-", "_" or ".", as the keys of the app have it in ' +
     '"app" in '],
    ['a/b', 'invalid name "a/b" in "signaling_app"; write 1 to 64 letters'],
    [`${LONG}x`, `invalid name "${LONG}x" in "signaling_app"; write 1 to 64`],
    ['x max_connections', 'unknown parameter "max_connections" in ' +
     '"signaling_app"; write "max_connections=" or "max_messages=" and a ' +
     'number, or "suspended" in '],
    ['x suspend', 'unknown parameter "suspend" in "signaling_app"; write '],
    ['x suspended=1', 'unknown parameter "suspended=1" in "signaling_app"'],
    ['x max_peers=3', 'unknown parameter "max_peers=3" in "signaling_app"'],
    ['x max_connections=', ...number('max_connections=', 1000000000)],
    ['x max_connections=-1', ...number('max_connections=-1', 1000000000)],
    ['x max_connections=ten', ...number('max_connections=ten', 1000000000)],
    ['x max_connections=1000000001',
     ...number('max_connections=1000000001', 1000000000)],
    ['x max_messages=1k', ...number('max_messages=1k', 1000000000000)],
    ['x max_messages=', ...number('max_messages=', 1000000000000)],
    ['x max_messages=1000000000001',
     ...number('max_messages=1000000000001', 1000000000000)],
    ['x max_messages=99999999999999999999',
     ...number('max_messages=99999999999999999999', 1000000000000)],
    ['x max_messages=1 max_messages=2', 'duplicate parameter ' +
     '"max_messages=2" in "signaling_app"; write it once in '],
    ['x max_connections=1 suspended max_connections=1', 'duplicate ' +
     'parameter "max_connections=1" in "signaling_app"; write it once in '],
    ['x suspended suspended',
     'duplicate parameter "suspended" in "signaling_app"; write it once in '],
    ['x suspended; signaling_app x max_messages=1', '"signaling_app x" is ' +
     'there twice; write all limits of the app into one of them in ']
  ]) {
    test(text || 'nothing', async () => {
      const { code, stderr } =
        await run(`signaling_app ${text}; ${KEY.replace('}', 'app x; }')}`);

      assert.equal(code, 1);
      for (const part of parts) {
        assert.ok(stderr.includes(part), stderr);
      }
      assert.match(stderr, /\[emerg\] .* in \S+nginx\.conf:\d+\n/);
    });
  }

  for (const [where, http] of [
    ['server', `${KEY} server { signaling_app default; }`],
    ['location', `${KEY} server { location / { signaling_app default; } }`]
  ]) {
    test(`in a ${where}`, async () => {
      const { code, stderr } = await run(http);

      assert.equal(code, 1);
      assert.match(stderr, /"signaling_app" directive is not allowed here/);
    });
  }
});

test('an app that no key names is a warning', async () => {
  const { code, stderr } = await run(`${KEY}
    signaling_app default suspended;
    signaling_app shop max_connections=1;
    signaling_zone calls 16m;`);

  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp('\\[warn\\] .*"signaling_app shop" in ' +
    '\\S+nginx\\.conf:\\d+ is the app of no key; write "app shop;" into a ' +
    'key, or remove it\n'));
  assert.equal(stderr.match(/\[warn\]/g).length, 1, stderr);
});

test('unless a key file may name it yet', async () => {
  const { code, stderr } = await run(
    'key_file live.keys; signaling_app shop max_connections=1;',
    { 'live.keys': { text: KEY } });

  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /"signaling_app/);
});
