// Copyright (C) The ngx_signaling authors
//
// Tokens for tests, issued by jose, and the keys that go with them.

import crypto from 'node:crypto';

import { SignJWT } from 'jose';

export const SECRET = 'sk_secret_0123456789abcdef0123456789abcdef0123456789ab' +
  'cdef0123456789abcdef';

const pairs = {
  RS256: crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: crypto.generateKeyPairSync('ed25519')
};

export const pem = (alg) =>
  pairs[alg].publicKey.export({ type: 'spki', format: 'pem' });

export const ALGORITHMS = [
  'HS256', 'HS384', 'HS512', 'RS256', 'ES256', 'EdDSA'
];

/* the files that the keys name */
export const FILES = Object.fromEntries(
  Object.keys(pairs).map((alg) => [`${alg}.pem`, { text: pem(alg) }]));

/* a key block; "inner" has channels and what else it shall have */
export function secretKey(id, { alg = 'HS256', inner = 'channels **;',
  secret = SECRET } = {}) {
  return `secret_key ${id} {
    algorithm ${alg};
    ${pairs[alg] ? `public_key_file @DIR@/${alg}.pem;` : `secret ${secret};`}
    ${inner}
  }`;
}

/* sk_HS256 and so on, one key for each algorithm */
export const ALL_KEYS = ALGORITHMS.map((alg) =>
  secretKey(`sk_${alg}`, { alg })).join('\n');

export const now = () => Math.floor(Date.now() / 1000);

/*
 * Signs claims; "sub" is alice and "exp" an hour away unless they say
 * something else.
 */
export function issue(claims = {}, { alg = 'HS256', kid = `sk_${alg}`,
  secret = SECRET, header = {} } = {}) {
  return new SignJWT({ sub: 'alice', exp: now() + 3600, ...claims })
    .setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
    .sign(pairs[alg]?.privateKey ?? new TextEncoder().encode(secret));
}

/*
 * Any text for a header and any for the claims, signed with HS256, or with
 * the signature given.
 */
export function forge(header, claims, { secret = SECRET, signature } = {}) {
  const text = (value) => Buffer.from(typeof value === 'string'
    ? value : JSON.stringify(value)).toString('base64url');
  const input = `${text(header)}.${text(claims)}`;

  return `${input}.${signature ?? crypto.createHmac('sha256', secret)
    .update(input).digest('base64url')}`;
}
