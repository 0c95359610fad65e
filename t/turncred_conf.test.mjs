// Copyright (C) The ngx_signaling authors
//
// The directives of ngx_turncred_module: every mistake in them is an error
// that names the directive, the place and the mend.

import assert from 'node:assert/strict';
import test from 'node:test';

import { configTest } from './nginx.mjs';
import { pem } from './token.mjs';

const SECRET = 'a-secret-of-32-bytes-0123456789ab';
const KEY = 'publishable_key pk { origins *; channels **; }';

const SK = `secret_key sk { secret ${SECRET}; channels **; }\n`;

const FILES = {
  keys: { text: KEY, mode: 0o600 },
  empty: { text: '\n', mode: 0o600 },
  'public.pem': { text: pem('ES256'), mode: 0o600 },
  good: { text: 'a secret\n', mode: 0o600 },
  group: { text: 'a secret\n', mode: 0o640 },
  wide: { text: 'a secret\n', mode: 0o604 },
  none: { text: '\n', mode: 0o600 }
};

const run = (http) =>
  configTest({ modules: ['turncred'], http, files: FILES });

const LIMIT = 'limit_req_zone $binary_remote_addr zone=mint:1m rate=60r/m;';
const TURN = `${LIMIT} turn_server turn:a; turn_secret s;`;

const site = (inner, at = '/') =>
  `server { listen 127.0.0.1:@PORT@;
     location ${at} { ${inner} limit_req zone=mint; } }`;

const location = (inner, at) => `${KEY} ${TURN} ${site(inner, at)}`;

const accepted = [
  ['nothing', ''],
  ['every scheme', 'turn_server stun:a stuns:a turn:a turns:a;'],
  ['several directives', 'turn_server stun:a; turn_server turn:[::1]:1;'],
  ['a secret', 'turn_secret s;'],
  ['a file', 'turn_secret_file @DIR@/good;'],
  ['a file for the group', 'turn_secret_file @DIR@/group;'],
  ['a path below the configuration', 'turn_secret_file good;'],
  ['a secret for each level', location('turn_secret_file @DIR@/good;')],
  ['the shortest time', 'turn_ttl 1s;'],
  ['the longest time', 'turn_ttl 10y;'],
  ['a variable for the user', 'turn_user $remote_user;'],
  ...['', ' array', ' object', ' rest', ' twilio', ' cloudflare'].map(
    (shape) => [`the shape${shape}`, location(`turn_credentials${shape};`)]),
  ['a secret key alone', `secret_key sk { secret ${SECRET}; channels **; }
    ${TURN} ${site('turn_credentials;')}`],
  ['keys that follow', `${TURN} ${site('turn_credentials;')} ${KEY}`],
  ['turn_api', location('turn_api;', '/api/v1/turn/')],
  ['token_issue without a key', location('token_issue;')],
  ['token_issue', SK + location('token_issue sk;')],
  ['keys of token_issue that follow', `${location('token_issue sk;')} ${SK}`],
  ['a limit of the server', `${KEY} ${TURN}
    server { listen 127.0.0.1:@PORT@; limit_req zone=mint;
      location / { turn_credentials; location /a/ { turn_api; } } }`],
  ['the shortest token', 'token_ttl 1s;'],
  ['the longest token', 'token_ttl 24h;'],
  ['a subject', 'token_subject $remote_user;'],
  ['metadata', `token_peer_metadata '{"user":"$remote_user"}';`],
  ['metadata of pages', 'token_client_metadata 4k;'],
  ['a byte of metadata of pages', 'token_client_metadata 1;'],
  ['no metadata of pages', 'token_client_metadata off;'],
  ['a key file', `key_file @DIR@/keys; ${TURN}
    ${site('turn_credentials;')}`],
  ['variables without TURN', `server { listen 127.0.0.1:@PORT@;
    return 200 "$turn_ice_servers$turn_username$turn_credential"; }`]
];

for (const [name, http] of accepted) {
  test(`accepted: ${name}`, async () => {
    const { code, stderr } = await run(http);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
  });
}

const server = (url) =>
  [`turn_server ${url};`, `invalid URL "${url}" in "turn_server": `];

const rejected = [
  ['no URL', 'turn_server;',
   'invalid number of arguments in "turn_server" directive'],
  ['no scheme', ...server('turn.example.com'),
   'write stun:host[:port], stuns:host[:port], ' +
   'turn:host[:port][?transport=udp|tcp] or ' +
   'turns:host[:port][?transport=udp|tcp]'],
  ['slashes', ...server('turn://turn.example.com'),
   'the host follows the colon, leave out the "//"'],
  ['no host', ...server('turn:'),
   'a host follows the scheme, as in turn:turn.example.com:3478'],
  ['a user', ...server('turn:user@turn.example.com'),
   'leave out the user, credentials are made from "turn_secret"'],
  ['a wrong port', ...server('turn:turn.example.com:99999'),
   'a port is a number from 1 to 65535'],
  ['a wrong transport', ...server('turn:turn.example.com?transport=tls'),
   'write "?transport=udp" or "?transport=tcp" after the host and the port, ' +
   'or nothing'],
  ['a transport of STUN', ...server('stun:turn.example.com?transport=udp'),
   'only turn: and turns: have a transport, leave out the "?" and what ' +
   'follows'],
  ['a path', ...server('turn:turn.example.com:3478/x'),
   'leave out what follows'],
  ['a long URL', ...server(`turn:${'a'.repeat(508)}`),
   'a URL has at most 512 characters'],
  ['the second is wrong', 'turn_server turn:a http://b;',
   'invalid URL "http://b" in "turn_server": '],

  ['a secret twice', 'turn_secret a; turn_secret b;',
   '"turn_secret" directive is duplicate'],
  ['a secret and a file', 'turn_secret a; turn_secret_file @DIR@/good;',
   '"turn_secret_file" directive is duplicate, write one "turn_secret" or ' +
   '"turn_secret_file" here'],
  ['a file and a secret', 'turn_secret_file @DIR@/good; turn_secret a;',
   '"turn_secret" directive is duplicate'],
  ['an empty secret', 'turn_secret "";',
   '"turn_secret" directive is empty, write the "static-auth-secret" of ' +
   'coturn there'],
  ['no such file', 'turn_secret_file @DIR@/missing;',
   'cannot open "', '/missing" for "turn_secret_file", write the secret ' +
   'into that file and make it readable to the user who starts nginx'],
  ['a file that everyone can read', 'turn_secret_file @DIR@/wide;',
   '/wide" for "turn_secret_file" can be read by every user, run "chmod o= '],
  ['an empty file', 'turn_secret_file @DIR@/none;',
   '/none" for "turn_secret_file", write it into that file'],

  ['no time', 'turn_ttl soon;',
   '"turn_ttl" directive invalid value'],
  ['no time at all', 'turn_ttl 0;',
   '"turn_ttl" directive is out of range, write a time from "1s" to "10y"'],
  ['more than ten years', 'turn_ttl 11y;',
   '"turn_ttl" directive is out of range'],
  ['a time twice', 'turn_ttl 1h; turn_ttl 2h;',
   '"turn_ttl" directive is duplicate'],
  ['an unknown variable', 'turn_user $nothing_like_that;',
   'unknown "nothing_like_that" variable'],
  ['a user twice', 'turn_user a; turn_user b;',
   '"turn_user" directive is duplicate'],

  ['an unknown shape', location('turn_credentials xml;'),
   'unknown shape "xml" in "turn_credentials", write "array", "object", ' +
   '"rest", "twilio" or "cloudflare"'],
  ['a part of a shape', location('turn_credentials arr;'),
   'unknown shape "arr" in "turn_credentials"'],
  ['two shapes', location('turn_credentials array object;'),
   'invalid number of arguments in "turn_credentials" directive'],
  ['the endpoint twice', location('turn_credentials; turn_credentials rest;'),
   '"turn_credentials" directive is duplicate'],
  ['the endpoint of a server', 'server { turn_credentials; }',
   '"turn_credentials" directive is not allowed here'],
  ...['turn_credentials', 'turn_api', 'token_issue', 'token_issue sk'].map(
    (directive) => [`${directive} and no key`,
      `server { listen 127.0.0.1:@PORT@; location / { ${directive}; } }`,
      `nobody may call "${directive.split(' ')[0]}" without a key, write a ` +
      '"publishable_key" or a "secret_key" into "http"']),

  ['turn_api with an argument', location('turn_api array;'),
   'invalid number of arguments in "turn_api" directive'],
  ['turn_api twice', location('turn_api; turn_api;'),
   '"turn_api" directive is duplicate'],
  ...['= /a', '~ ^/a', '@a'].map((at) =>
    [`turn_api in ${at}`, location('turn_api;', at),
     '"turn_api" directive needs a location for all paths that begin alike, ' +
     'write "location /api/v1/turn/ { turn_api; }"']),
  ['two endpoints', location('turn_credentials; turn_api;'),
   '"turn_credentials" and "turn_api" in one location, give each a location ' +
   'of its own'],
  ['token_issue twice', location('token_issue; token_issue;'),
   '"token_issue" directive is duplicate'],
  ['token_issue with two keys', location('token_issue a b;'),
   'invalid number of arguments in "token_issue" directive'],
  ['token_issue with an unknown key', location('token_issue sk;'),
   'invalid key "sk" in "token_issue": there is no such key, write a ' +
   '"secret_key" of that name into "http"'],
  ['token_issue with an empty name', location('token_issue "";'),
   'invalid key "" in "token_issue": there is no such key'],
  ['token_issue with a publishable key', location('token_issue pk;'),
   'invalid key "pk" in "token_issue": that is a publishable key, name a ' +
   '"secret_key"'],
  ['token_issue with a public key', `secret_key es { algorithm ES256;
     public_key_file @DIR@/public.pem; channels **; }
     ${location('token_issue es;')}`,
   'invalid key "es" in "token_issue": that key has a public key only and ' +
   'can not sign, name a "secret_key" with a "secret_file"'],
  ['a long token', 'token_ttl 25h;',
   '"token_ttl" directive is out of range, write a time from "1s" to "24h"'],
  ['no token', 'token_ttl 0;', '"token_ttl" directive is out of range'],
  ['a token twice', 'token_ttl 1h; token_ttl 1h;',
   '"token_ttl" directive is duplicate'],
  ['a subject twice', 'token_subject a; token_subject b;',
   '"token_subject" directive is duplicate'],
  ['metadata twice', 'token_peer_metadata a; token_peer_metadata b;',
   '"token_peer_metadata" directive is duplicate'],
  ...['0', '4097', '5k', '1m', 'on', '-1'].map((size) =>
    [`${size} of metadata`, `token_client_metadata ${size};`,
     `invalid size "${size}" in "token_client_metadata", write a size from ` +
     '"1" to "4k", or "off"']),
  ['metadata of pages twice',
   'token_client_metadata 1; token_client_metadata off;',
   '"token_client_metadata" directive is duplicate']
];

for (const [name, http, ...texts] of rejected) {
  test(`rejected: ${name}`, async () => {
    const { code, stderr } = await run(http);

    assert.equal(code, 1);

    // nginx itself knows no place for a variable that it looks up at the end
    if (!texts[0].startsWith('unknown "')) {
      assert.match(stderr, /\[emerg\] .* in \S+\/nginx\.conf:\d+\n/);
    }

    for (const text of texts) {
      assert.ok(stderr.includes(text), `${stderr}\nshould have: ${text}`);
    }

    assert.equal(stderr.match(/\[emerg\]/g).length, 1, stderr);
  });
}

/* they start all the same */
const warned = [
  ...['turn_credentials', 'turn_api', 'token_issue'].map((directive) =>
    [`${directive} without a limit`,
     `${KEY} ${TURN} server { listen 127.0.0.1:@PORT@;
        location /mint/ { ${directive}; } }`,
     `location "/mint/" has "${directive}" and no "limit_req", so that an ` +
     'address may ask as often as it likes, write "limit_req_zone ' +
     '$binary_remote_addr zone=mint:1m rate=60r/m;" into "http" and ' +
     '"limit_req zone=mint burst=20 nodelay;" into the location']),
  ['a limit of another location', `${KEY} ${TURN}
    server { listen 127.0.0.1:@PORT@;
      location / { limit_req zone=mint; }
      location /mint/ { limit_req_status 429; turn_credentials; } }`,
   'location "/mint/" has "turn_credentials" and no "limit_req"'],
  ['turn_api without TURN',
   `${KEY} ${LIMIT} ${site('turn_api;')}`,
   '"turn_api" answers 503 until it has a "turn_server" with a "turn:" URL ' +
   'and a "turn_secret_file"'],
  ['a key that may come with the file',
   `key_file @DIR@/keys; ${TURN} ${site('token_issue sk;')}`,
   'invalid key "sk" in "token_issue": there is no such key'],
  ['a key of the file that can not sign',
   `key_file @DIR@/keys; ${TURN} ${site('token_issue pk;')}`,
   'invalid key "pk" in "token_issue": that is a publishable key']
];

for (const [name, http, text] of warned) {
  test(`warned: ${name}`, async () => {
    const { code, stderr } = await run(http);

    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/\[(warn|emerg|alert)\]/g).length, 1, stderr);
    assert.match(stderr, /\[warn\] .* in \S+\/nginx\.conf:\d+\n/);
    assert.ok(stderr.includes(text), `${stderr}\nshould have: ${text}`);
  });
}

test('without a key, but with a file for them, it starts', async () => {
  const { code, stderr } = await run(
    `key_file @DIR@/empty; ${TURN} ${site('turn_credentials;')}`);

  assert.equal(code, 0, stderr);
});
