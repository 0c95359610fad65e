// Copyright (C) The ngx_signaling authors
//
// A backend that calls the control plane.

import http from 'node:http';
import https from 'node:https';

import { Raw } from './raw.mjs';
import { KEYS, TLS } from './signaling.mjs';

export const SECRET = 'sk_secret_of_main_0123456789_abcdefghij';
export const MAIN = `sk_id_main:${SECRET}`;

/* all that a test of the control plane writes into its site() */
export const SITE = {
  keys: `${KEYS}
    secret_key sk_id_main { secret ${SECRET}; channels **; }`,
  server: 'location /v1/ { signaling_api calls; }'
};

/* a secret key as a block, with the secret of all of them */
export function secretKey(id, more) {
  return `secret_key ${id} { secret ${SECRET}; ${more} }`;
}

/*
 * For "agent" of one who goes on calling: requests over one connection are
 * handled by one worker, so what they publish arrives in their order.
 */
export const caller = () => new (TLS ? https : http).Agent({
  keepAlive: true, maxSockets: 1
});

/*
 * Calls; gives { status, headers, text, json }.  "key" is what stands behind
 * "Bearer", null for no header.  A body of several parts is sent in as many
 * chunks; with "agent" connections are kept.
 */
export function call(ngx, method, target, {
  key = MAIN, body, headers = {}, agent = false, port = ngx.port
} = {}) {
  const parts = Array.isArray(body) ? body : [];

  return new Promise((resolve, reject) => {
    const req = (ngx.tls ?? TLS ? https : http).request({
      host: '127.0.0.1', port, path: target, method, agent,
      rejectUnauthorized: false,
      headers: {
        ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
        ...(Array.isArray(body) ? { 'Transfer-Encoding': 'chunked' } : {}),
        ...headers
      }
    }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (part) => { text += part; });
      res.on('end', () => resolve({
        status: res.statusCode, headers: res.headers, text,
        get json() { return JSON.parse(text); }
      }));
    });

    req.on('error', reject);

    for (const part of parts) {
      req.write(part);
    }

    req.end(Array.isArray(body) ? undefined : body);
  });
}

export const channelPath = (channel, last) =>
  `/v1/channels/${encodeURIComponent(channel)}/${last}`;

export const roster = (ngx, channel, options) =>
  call(ngx, 'GET', channelPath(channel, 'peers'), options);

/* the body is text, parts, or made JSON */
export const publish = (ngx, channel, body, options) =>
  call(ngx, 'POST', channelPath(channel, 'publish'), {
    body: typeof body === 'string' || Array.isArray(body) ||
      Buffer.isBuffer(body) ? body : JSON.stringify(body),
    ...options
  });

export const disconnect = (ngx, peer, options) =>
  call(ngx, 'DELETE', `/v1/peers/${encodeURIComponent(peer)}`, options);

/* a connection on which a test writes requests itself */
export async function line(ngx, port = ngx.port) {
  const raw = new Raw({ port, tls: TLS });

  await raw.connected;

  return raw;
}

/* the next response of it, { status, headers, body } */
export async function answer(raw) {
  await raw.response();

  const { status, headers, body } = raw;

  // another one may be there already

  raw.status = undefined;
  raw.read(Buffer.alloc(0));

  return { status, headers, body };
}

/* the head of a request as it goes over the line */
export function head(method, target, headers = {}, version = '1.1') {
  const all = { Host: 'localhost', Authorization: `Bearer ${MAIN}`,
                ...headers };

  return `${method} ${target} HTTP/${version}\r\n` +
    Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
      .join('') + '\r\n';
}
