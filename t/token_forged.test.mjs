// Copyright (C) The ngx_signaling authors
//
// Tokens that are refused, docs/protocol.md 2.3 and 11: all with one code and
// one reason, and with no trace of them in a log.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test, { after, before, describe } from 'node:test';

import {
  connect, KEYS, refused, request, startSite, waitFor
} from './signaling.mjs';
import {
  ALL_KEYS, FILES, forge, issue, now, pem, SECRET, secretKey
} from './token.mjs';

const query = (token) => `token=${encodeURIComponent(token)}`;
const EXP = now() + 3600;
const HEADER = { alg: 'HS256', kid: 'sk_HS256', typ: 'JWT' };
const CLAIMS = { sub: 'alice', exp: EXP };
const BAD = { code: 4001, reason: 'credential not accepted' };

const header = (more) => forge({ ...HEADER, ...more }, CLAIMS);
const claims = (more) => forge(HEADER, { ...CLAIMS, ...more });

/* "exp" and whatever else as JSON spells it */
const raw = (text) => forge(HEADER, `{"sub":"alice","exp":${EXP}${text}}`);

describe('a forged token', () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      keys: KEYS + ALL_KEYS + secretKey('sk_other', { secret: `x${SECRET}` }),
      files: FILES,
      level: 'debug',
      http: `large_client_header_buffers 4 64k;
        log_format headers '$request $http_sec_websocket_protocol '
                           '$sent_http_sec_websocket_protocol';`,
      server: 'access_log @DIR@/headers.log headers;' +
        'location = /done { return 204; }'
    });
  });

  after(() => ngx.finish());

  test('is one only if something is wrong with it', async () => {
    for (const token of [header(), claims(), raw('')]) {
      await (await connect(ngx, { query: query(token) })).close();
    }
  });

  const good = forge(HEADER, CLAIMS);
  const [head, body, signature] = good.split('.');
  const asymmetric = (alg, more) =>
    forge({ alg, kid: 'sk_RS256', ...more }, CLAIMS, { secret: pem('RS256') });

  const forged = {
    'of nothing': 'x',
    'of dots': '..',
    'without a signature': `${head}.${body}`,
    'with an empty signature': `${head}.${body}.`,
    'with one dot more': `${good}.`,
    'with a fourth part': `${good}.${body}`,
    'with a letter more': `${good}A`,
    'with padding': `${good}=`,
    'with a space behind it': `${good} `,
    'with a line feed behind it': `${good}\n`,
    'with a NUL behind it': `${good}\0`,
    'with a space before it': ` ${good}`,
    'with base64 of the other kind':
      `${head}.${body}.${signature.replaceAll('-', '+').replaceAll('_', '/')}`
        .replace(/^([^+/]*)$/, '$1+'),
    'with bits behind its last byte': `${head}.${body}.${signature.slice(0, -1)}${
      String.fromCharCode(signature.charCodeAt(42) + 1)}`,
    'with another body': `${head}.${Buffer.from(JSON.stringify(
      { ...CLAIMS, sub: 'mallory' })).toString('base64url')}.${signature}`,
    'with another secret': forge(HEADER, CLAIMS, { secret: 'guessed' }),
    'with the secret of another key':
      forge({ ...HEADER, kid: 'sk_other' }, CLAIMS),
    'longer than 32 KB': claims({ pad: 'x'.repeat(25000) }),

    'of no algorithm': forge({ ...HEADER, alg: 'none' }, CLAIMS,
      { signature: '' }),
    'of no algorithm, in other letters': forge({ ...HEADER, alg: 'None' },
      CLAIMS, { signature: '' }),
    'of no algorithm, signed': header({ alg: 'none' }),
    'of an algorithm in small letters': header({ alg: 'hs256' }),
    'of an empty algorithm': header({ alg: '' }),
    'without an algorithm': header({ alg: undefined }),
    'of a list of algorithms': header({ alg: ['HS256'] }),
    'of another algorithm of the family': forge({ ...HEADER, alg: 'HS512' },
      CLAIMS, {
        signature: crypto.createHmac('sha512', SECRET).update(`${Buffer.from(
          JSON.stringify({ ...HEADER, alg: 'HS512' })).toString('base64url')
        }.${body}`).digest('base64url')
      }),
    'of HS256 with the public key of RS256': asymmetric('HS256'),
    'of RS256 with a MAC of the public key': asymmetric('RS256'),
    'of HS256 with the public key and a kid of HS256':
      asymmetric('HS256', { kid: 'sk_HS256' }),

    'without a kid': header({ kid: undefined }),
    'of an unknown kid': header({ kid: 'sk_nobody' }),
    'of an empty kid': header({ kid: '' }),
    'of a kid that is a number': header({ kid: 7 }),
    'of a publishable key': header({ kid: 'pk_live_all' }),
    'of a publishable key and its ID for a secret':
      forge({ ...HEADER, kid: 'pk_live_all' }, CLAIMS,
        { secret: 'pk_live_all' }),
    'with crit': header({ crit: ['exp'] }),
    'with an empty crit': header({ crit: [] }),
    'with a key of its own': forge({ alg: 'EdDSA', kid: 'sk_EdDSA',
      jwk: { kty: 'oct', k: 'eA' } }, CLAIMS, { secret: 'x' }),
    'with a header that is a list': forge([HEADER], CLAIMS),
    'with a header that is null': forge('null', CLAIMS),
    'with two algorithms': forge(
      '{"alg":"none","alg":"HS256","kid":"sk_HS256"}', CLAIMS),
    'with something behind the header': forge(
      `${JSON.stringify(HEADER)}{}`, CLAIMS),

    'with claims that are a list': forge(HEADER, [CLAIMS]),
    'with claims that are no JSON': forge(HEADER, 'sub=alice'),
    'with bytes that are not UTF-8': forge(HEADER,
      Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')),
    'with two subjects': raw(',"sub":"mallory"'),
    'with two subjects, one escaped': raw(',"s\\u0075b":"mallory"'),
    'with two of what nobody reads': raw(',"x":1,"x":1'),
    'without a subject': claims({ sub: undefined }),
    'with an empty subject': claims({ sub: '' }),
    'with a subject of 129 bytes': claims({ sub: 'x'.repeat(129) }),
    'with a subject that is a number': claims({ sub: 7 }),
    'with a subject beyond ASCII': claims({ sub: 'älice' }),
    'with a subject of two lines': claims({ sub: 'a\nb' }),
    'without exp': claims({ exp: undefined }),
    'with exp as a string': claims({ exp: String(EXP) }),
    'with exp as null': claims({ exp: null }),
    'with an exp beyond numbers': forge(HEADER, '{"sub":"a","exp":1e999}'),
    'not valid yet': claims({ nbf: now() + 60 }),
    'with nbf as a string': claims({ nbf: '0' }),
    'with channels as a string': claims({ channels: '**' }),
    'with channels as an object': claims({ channels: { 0: '**' } }),
    'with a channel that is a number': claims({ channels: ['a', 1] }),
    'with permissions as a string': claims({ permissions: 'send' }),
    'with a permission that is null': claims({ permissions: [null] }),
    'with metadata as a list': claims({ metadata: [] }),
    'with metadata as null': claims({ metadata: null }),
    'with metadata of 8193 bytes':
      claims({ metadata: { k: 'x'.repeat(8192 - 7) } }),
    'with peerMetadata as a string': claims({ peerMetadata: '{}' }),
    'with peerMetadata of 4097 bytes':
      claims({ peerMetadata: { k: 'x'.repeat(4096 - 7) } }),
    'that is old, too': forge(HEADER, { ...CLAIMS, exp: 1 },
      { secret: 'guessed' })
  };

  for (const [name, token] of Object.entries(forged)) {
    test(`${name} is refused`, async () => {
      assert.deepEqual(await refused(ngx, { query: query(token) }), BAD);
    });
  }

  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    test(`of ${alg} with a damaged signature is refused`, async () => {
      const token = await issue({}, { alg });
      const at = token.lastIndexOf('.') + 20;
      const damaged = token.slice(0, at) +
        (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);

      assert.deepEqual(await refused(ngx, { query: query(damaged) }), BAD);
    });

    test(`of ${alg} with a kid of another algorithm is refused`, async () => {
      for (const kid of ['sk_HS256', 'sk_RS256', 'sk_ES256', 'sk_EdDSA']) {
        if (kid !== `sk_${alg}`) {
          assert.deepEqual(await refused(ngx,
            { query: query(await issue({}, { alg, kid })) }), BAD);
        }
      }
    });
  }

  test('is in no log, as little as a good one', async () => {
    const token = await issue({ sub: 'logged' });
    const wrong = [`${token}AAAA`, forge({ ...HEADER, kid: 'sk_x' }, CLAIMS)];
    const shown = (one) => ({ protocols: [`signaling.bearer.${one}`] });
    const log = () => fs.readFileSync(`${ngx.dir}/headers.log`, 'utf8');

    for (const options of [
      { query: query(token) }, { query: '', ...shown(token) }
    ]) {
      await (await connect(ngx, options)).close();
    }

    for (const one of [token, ...wrong]) {
      await refused(ngx, { query: query(one), ...shown(one) });
    }

    for (const one of wrong) {
      await refused(ngx, { query: query(one) });
      await refused(ngx, { query: '', ...shown(one) });
    }

    await request(ngx, '/done');
    await waitFor(() => /\/done/.test(log()), 'last line');

    for (const one of [token, ...wrong]) {
      for (const part of one.split('.').slice(1)) {
        for (const text of [log(), ngx.accessLog(), ngx.errorLog()]) {
          assert.ok(!text.includes(part.slice(0, 20)), part);
        }
      }
    }
    assert.match(log(), /signaling\.bearer\.\*+ signaling\.bearer\.\*+\n/);
  });
});
