// Copyright (C) The ngx_signaling authors
//
// The key blocks of the configuration: every mistake in them is an error that
// names the directive, the place and the mend, whichever module is loaded.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test, { describe } from 'node:test';

import { configTest } from './nginx.mjs';
import { certificate } from './signaling.mjs';

const LOADS = [
  ['signaling'], ['turncred'], ['signaling', 'turncred'],
  ['turncred', 'signaling']
];

const PK = 'publishable_key pk { origins *; channels **; }';

function pk(inner) {
  return `publishable_key pk_demo {\n ${inner}\n }`;
}

function sk(inner) {
  return `secret_key sk_demo {\n ${inner}\n }`;
}

const OK = 'origins *; channels **;';
const LONG = 'x'.repeat(64);

/* a new key pair, the public half as PEM */
function pem(type, options, form = { type: 'spki', format: 'pem' }) {
  return crypto.generateKeyPairSync(type, options).publicKey.export(form);
}

const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' });

const FILES = {
  'rsa.pem': { text: `some words\n${spki}`, mode: 0o644 },
  'ec.pem': { text: pem('ec', { namedCurve: 'P-256' }) },
  'ed.pem': { text: pem('ed25519') },
  'rsa1024.pem': { text: pem('rsa', { modulusLength: 1024 }) },
  'pss.pem': { text: pem('rsa-pss', { modulusLength: 2048 }) },
  'p384.pem': { text: pem('ec', { namedCurve: 'P-384' }) },
  'k256.pem': { text: pem('ec', { namedCurve: 'secp256k1' }) },
  'x.pem': { text: pem('x25519') },
  'pkcs1.pem': { text: rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }) },
  'private.pem': {
    text: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })
  },
  'both.pem': {
    text: spki + rsa.privateKey.export({ type: 'pkcs1', format: 'pem' })
  },
  'cert.pem': { text: certificate()['cert.pem'].text },
  'cut.pem': { text: spki.slice(0, 200) },
  good: { text: `${LONG}\n`, mode: 0o600 },
  wide: { text: LONG, mode: 0o644 },
  none: { text: '', mode: 0o600 },
  line: { text: '\n', mode: 0o600 },
  long: { text: 'x'.repeat(65537), mode: 0o600 },
  inner: { text: 'origins *;\nchannels **;\n', mode: 0o600 },
  wrong: { text: 'origins *;\nchannels **;\nactions call;\n', mode: 0o600 }
};

const run = (modules, http) => configTest({ modules, http, files: FILES });

const accepted = [
  ['a publishable key', pk(OK)],
  ['a key with everything', pk(`origins https://a.example https://*.b.example:8443 null;
     require_origin off; channels room-* "a b" \\*x; actions send publish;
     turn off; app shop-1.eu;`)],
  ['a secret key', sk(`secret ${LONG}; channels **;`)],
  ['a secret key with everything', sk('secret_file @DIR@/good; channels a b;' +
     'actions subscribe; turn on; app x;')],
  ['a path below the configuration', sk('secret_file good; channels **;')],
  ['one of every action',
   pk(`${OK} actions subscribe publish presence send;`)],
  ['several keys', `${PK} ${pk(OK)} ${sk(`secret ${LONG}; channels **;`)}`],
  ...['HS256', 'HS384', 'HS512'].map((name) =>
    [name, sk(`algorithm ${name}; secret ${LONG}; channels **;`)]),
  ['a secret of 32 bytes', sk(`secret ${'x'.repeat(32)}; channels **;`)],
  ['RS256', sk('algorithm RS256; public_key_file @DIR@/rsa.pem; channels **;')],
  ['ES256', sk('public_key_file ec.pem; algorithm ES256; channels **;')],
  ['EdDSA', sk('channels **; public_key_file ed.pem; algorithm EdDSA;')],
  ['an included file', pk('include @DIR@/inner;')],
  ['an ID of 128 characters',
   `publishable_key ${'a'.repeat(128)} { ${OK} }`],
  ['an ID of all characters', `publishable_key aZ09-_. { ${OK} }`]
];

const FORM = 'write "*", "null" or scheme://host[:port], ' +
  'as in https://www.example.com';
const NAME = 'letters, digits, "-", "_" or "."';

const origins = (value) =>
  [pk(`origins ${value}; channels **;`), `invalid origin "${value}" in "origins": `];

const rejected = [
  // the block
  ['no ID', `publishable_key { ${OK} }`,
   'invalid number of arguments in "publishable_key" directive'],
  ['two IDs', `secret_key a b { ${OK} }`,
   'invalid number of arguments in "secret_key" directive'],
  ['no block', 'publishable_key a;',
   'directive "publishable_key" has no opening "{"'],
  ['an empty ID', `publishable_key "" { ${OK} }`,
   `invalid key ID "" in "publishable_key", write 1 to 128 ${NAME}`],
  ['an ID with a colon', 'secret_key a:b { secret s; channels **; }',
   `invalid key ID "a:b" in "secret_key", write 1 to 128 ${NAME}`],
  ['an ID with a space', `publishable_key "a b" { ${OK} }`,
   'invalid key ID "a b" in "publishable_key"'],
  ['an ID of 129 characters', `publishable_key ${'a'.repeat(129)} { ${OK} }`,
   'in "publishable_key", write 1 to 128'],
  ['a duplicate key', `${pk(OK)} ${pk(OK)}`,
   'duplicate key "pk_demo" in "publishable_key", ' +
   'give every key an ID of its own'],
  ['one ID for both types', `${PK} secret_key pk { secret s; channels **; }`,
   'duplicate key "pk" in "secret_key", give every key an ID of its own'],
  ['a key in a server', `server { ${PK} }`,
   '"publishable_key" directive is not allowed here'],

  // what is missing
  ['no origins', pk('channels **;'),
   'no "origins" in "publishable_key pk_demo", write the origins of the ' +
   'pages that may use it, as in "origins https://www.example.com;", ' +
   'or "origins *;" for every page'],
  ['no channels', pk('origins *;'),
   'no "channels" in "publishable_key pk_demo", write the patterns of its ' +
   'channels, as in "channels room-*;", ' +
   'or "channels **;" for every channel'],
  ['no channels of a secret key', sk('secret s;'),
   'no "channels" in "secret_key sk_demo"'],
  ['no secret', sk('channels **;'),
   'no secret in "secret_key sk_demo", write "secret_file path;" ' +
   'or "secret value;"'],

  // the inner directives
  ['an unknown directive', pk(`${OK} action send;`),
   'unknown directive "action" in "publishable_key", write "origins", ' +
   '"require_origin", "channels", "actions", "turn" or "app"'],
  ['origins in a secret key', sk('origins *; secret s; channels **;'),
   'unknown directive "origins" in "secret_key", write "secret", ' +
   '"secret_file", "algorithm", "public_key_file", "channels", "actions", ' +
   '"turn" or "app"'],
  ['a secret in a publishable key', pk(`${OK} secret s;`),
   'unknown directive "secret" in "publishable_key"'],
  ['a block within', pk(`${OK} turn { }`), 'unexpected "{"'],
  ['no end', `publishable_key a { ${OK}`,
   'unexpected end of file, expecting "}"'],
  ['origins without a value', pk('origins; channels **;'),
   'invalid number of arguments in "origins" directive, write one or more'],
  ['turn with two values', pk(`${OK} turn on off;`),
   'invalid number of arguments in "turn" directive, write one'],
  ...['origins *', 'channels **', 'actions send'].map((line) => [
    `${line} twice`, pk(`${line}; ${line};`),
    `"${line.split(' ')[0]}" directive is duplicate in "publishable_key", ` +
    'write all its values in one']),
  ...['turn on', 'require_origin off', 'app a'].map((line) => [
    `${line} twice`, pk(`${line}; ${line};`),
    `"${line.split(' ')[0]}" directive is duplicate in "publishable_key"`]),
  ['a secret twice', sk('secret a; secret b; channels **;'),
   '"secret" directive is duplicate in "secret_key"'],
  ['a secret and a file', sk('secret a; secret_file @DIR@/good;'),
   '"secret" and "secret_file" in one "secret_key", write one of them'],
  ['a file and a secret', sk('secret_file @DIR@/good; secret a;'),
   '"secret" and "secret_file" in one "secret_key", write one of them'],
  ['an unknown action', pk(`${OK} actions send call;`),
   'unknown action "call" in "actions", write "subscribe", "publish", ' +
   '"presence" or "send"'],
  ['an action in capitals', pk(`${OK} actions Send;`),
   'unknown action "Send" in "actions"'],
  ['an action twice', pk(`${OK} actions send send;`),
   'duplicate action "send" in "actions", write it once'],
  ['turn maybe', pk(`${OK} turn maybe;`),
   'invalid value "maybe" in "turn" of "publishable_key", ' +
   'write "on" or "off"'],
  ['require_origin maybe', pk(`${OK} require_origin 1;`),
   'invalid value "1" in "require_origin" of "publishable_key", ' +
   'write "on" or "off"'],
  ['an app with a slash', pk(`${OK} app a/b;`),
   `invalid name "a/b" in "app", write 1 to 64 ${NAME}`],
  ['an app of 65 characters', pk(`${OK} app ${'a'.repeat(65)};`),
   `in "app", write 1 to 64 ${NAME}`],
  ['an empty pattern', pk('origins *; channels "";'),
   'invalid pattern "" in "channels", write a channel name'],
  ['a control character in a pattern', pk('origins *; channels "a\\tb";'),
   'in "channels", write a channel name without control characters'],
  ['an empty secret', sk('secret ""; channels **;'),
   'empty value in "secret", write the secret there or "secret_file path;"'],

  // algorithms and public keys
  ['an unknown algorithm', sk('algorithm none; secret s; channels **;'),
   'unknown value "none" in "algorithm", write "HS256", "HS384", "HS512", ' +
   '"RS256", "ES256" or "EdDSA"'],
  ['an algorithm in other letters', sk('algorithm EDDSA; channels **;'),
   'unknown value "EDDSA" in "algorithm"'],
  ['an algorithm of a publishable key', pk(`${OK} algorithm HS256;`),
   'unknown directive "algorithm" in "publishable_key"'],
  ['algorithm twice', sk('algorithm HS256; algorithm RS256;'),
   '"algorithm" directive is duplicate in "secret_key"'],
  ['a secret for RS256', sk('algorithm RS256; secret s; channels **;'),
   'a secret in "secret_key sk_demo", whose "algorithm" has a public key; ' +
   'write "public_key_file path;" instead'],
  ['a secret beside a public key',
   sk('secret s; public_key_file rsa.pem; algorithm RS256; channels **;'),
   'a secret in "secret_key sk_demo", whose "algorithm" has a public key'],
  ['a public key for HS256', sk('public_key_file rsa.pem; channels **;'),
   '"public_key_file" in "secret_key sk_demo", whose "algorithm" has a ' +
   'secret; write "algorithm" with "RS256", "ES256" or "EdDSA", or ' +
   '"secret_file path;" instead'],
  ['a public key beside a secret',
   sk('secret s; public_key_file rsa.pem; channels **;'),
   '"public_key_file" in "secret_key sk_demo", whose "algorithm" has a ' +
   'secret'],
  ['no public key', sk('algorithm ES256; channels **;'),
   'no public key in "secret_key sk_demo", write "public_key_file path;"'],
  ...[
    ['RS256', 'rsa1024.pem', 'has an RSA key that is too short, write one ' +
     'of at least 2048 bits there'],
    ['RS256', 'ec.pem', 'has no RSA key, which "algorithm RS256" needs; ' +
     'write one there, or the algorithm of this key'],
    ['RS256', 'pss.pem', 'has no RSA key'],
    ['ES256', 'rsa.pem', 'has no key of the curve P-256, which "algorithm ' +
     'ES256" needs; write one there, or the algorithm of this key'],
    ['ES256', 'p384.pem', 'has no key of the curve P-256'],
    ['ES256', 'k256.pem', 'has no key of the curve P-256'],
    ['EdDSA', 'ec.pem', 'has no Ed25519 key, which "algorithm EdDSA" needs; ' +
     'write one there, or the algorithm of this key'],
    ['EdDSA', 'x.pem', 'has no Ed25519 key'],
    ['RS256', 'pkcs1.pem', 'has a key of the form PKCS #1, write what ' +
     '"openssl rsa -RSAPublicKey_in -in rsa.pem -pubout" makes of it'],
    ...['private.pem', 'both.pem'].map((file) => [
      'RS256', file, 'has a private key, which only the issuer of the tokens ' +
      'may know; write the public one there, ' +
      '"openssl pkey -in private.pem -pubout"']),
    ['ES256', 'cert.pem', 'has a certificate, write its public key there, ' +
     '"openssl x509 -in cert.pem -noout -pubkey"'],
    ...['cut.pem', 'good', 'none'].map((file) => [
      'EdDSA', file, 'has no public key, write one in PEM there, which ' +
      'begins with "-----BEGIN PUBLIC KEY-----"'])
  ].map(([name, file, text]) => [
    `${file} for ${name}`,
    sk(`algorithm ${name}; public_key_file @DIR@/${file}; channels **;`),
    `/${file}" of "public_key_file" ${text}`]),
  ['no such file with a public key',
   sk('algorithm ES256; public_key_file @DIR@/missing; channels **;'),
   '/missing" for "public_key_file", write the public key into that file ' +
   'and make it readable to the user who starts nginx (2: No such file or ' +
   'directory)'],

  // origins
  ['no scheme', ...origins('www.example.com'), FORM],
  ['no host', ...origins('https://'), FORM],
  ['a path', ...origins('https://example.com/'),
   'an origin ends with its host or port, leave out what follows'],
  ['port 0', ...origins('https://example.com:0'),
   'a port is a number from 1 to 65535'],
  ['a star within', ...origins('https://www.*.com'),
   '"*" stands alone or for the first labels of a host, ' +
   'as in https://*.example.com'],
  ['a list with commas', ...origins('https://a.example,https://b.example'),
   'a host has letters, digits, "-", "_" and "." only'],
  ['the second is wrong', pk('origins https://a.example b; channels **;'),
   'invalid origin "b" in "origins": ', FORM],

  // secret files
  ['no such file', sk('secret_file @DIR@/missing; channels **;'),
   '/missing" for "secret_file", write the secret into that file and make ' +
   'it readable to the user who starts nginx (2: No such file or directory)'],
  ['an empty file', sk('secret_file @DIR@/none; channels **;'),
   '/none" for "secret_file", write it into that file'],
  ['a file of a newline', sk('secret_file @DIR@/line; channels **;'),
   'no secret in "', '/line" for "secret_file", write it into that file'],
  ['a directory', sk('secret_file @DIR@; channels **;'),
   'for "secret_file" is no regular file of at most 65536 bytes, ' +
   'name the file that holds the secret'],
  ['a file that never ends', sk('secret_file /dev/zero; channels **;'),
   '"/dev/zero" for "secret_file" is no regular file'],
  ['a file too long', sk('secret_file @DIR@/long; channels **;'),
   'is no regular file of at most 65536 bytes']
];

for (const modules of LOADS) {
  describe(modules.join(' and then '), () => {
    for (const [name, http] of accepted) {
      test(`accepted: ${name}`, async () => {
        const { code, stderr } = await run(modules, http);
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
      });
    }

    for (const [name, http, ...texts] of rejected) {
      test(`rejected: ${name}`, async () => {
        const { code, stderr } = await run(modules, http);

        assert.equal(code, 1);
        assert.match(stderr, /\[emerg\] .* in \S+\/nginx\.conf:\d+\n/);

        for (const text of texts) {
          assert.ok(stderr.includes(text), `${stderr}\nshould have: ${text}`);
        }

        assert.equal(stderr.match(/\[emerg\]/g).length, 1, stderr);
      });
    }

    test('the line of the mistake is named', async () => {
      const line = async (http) =>
        Number((await run(modules, http)).stderr.match(/nginx\.conf:(\d+)/)[1]);

      const first = await line('nothing;');

      assert.equal(await line(pk('origins *;\n channels **;\n turn x;')),
                   first + 3);
      assert.equal(await line(pk('origins *;\n turn on;')), first + 3);
      assert.equal(await line(`${PK}\n\npublishable_key pk {`), first + 2);
    });

    test('the file of the mistake is named', async () => {
      const { code, stderr } = await run(modules, pk('include @DIR@/wrong;'));

      assert.equal(code, 1);
      assert.match(stderr, /unknown action "call".* in \S+\/wrong:3\n/);
    });

    for (const [name, least] of [['HS256', 32], ['HS384', 48], ['HS512', 64]]) {
      test(`a short secret for ${name} is a warning`, async () => {
        const { code, stderr } = await run(modules, sk(
          `algorithm ${name}; secret ${'x'.repeat(least - 1)}; channels **;`));

        assert.equal(code, 0);
        assert.equal(stderr.match(/\[warn\]/g).length, 1, stderr);
        assert.match(stderr, new RegExp(
          '\\[warn\\] .*the secret of "secret_key sk_demo" is shorter than ' +
          `its "algorithm" asks for, write one of at least ${least} bytes in `));
      });
    }

    test('a secret that everyone can read is a warning', async () => {
      const { code, stderr } = await run(
        modules, sk('secret_file @DIR@/wide; channels **;'));

      assert.equal(code, 0);
      assert.equal(stderr.match(/\[warn\]/g).length, 1, stderr);
      assert.match(stderr, /\[warn\] .*"(\S+)\/wide" for "secret_file" can be read by every user, run "chmod o= \1\/wide" in \S+nginx\.conf:\d+/);
    });
  });
}
