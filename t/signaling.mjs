// Copyright (C) The ngx_signaling authors
//
// A site with rooms for one test, and raw clients for it.
//
//   TLS   1: the site is reached by wss instead of ws

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import WebSocket from 'ws';

import { startNginx, waitFor } from './nginx.mjs';

export const TLS = process.env.TLS === '1';
export const ORIGIN = 'https://demo.example.com';

const DEADLINE = 15000;

const pairs = new Map();

/* a certificate for localhost, of this name, made once */
export function certificate(name = 'localhost') {
  if (!pairs.has(name)) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ngx-cert-'));

    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', `/CN=${name}`, '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`
    ], { stdio: 'ignore' });

    pairs.set(name, {
      'cert.pem': { text: fs.readFileSync(`${dir}/cert.pem`, 'utf8') },
      'key.pem': { text: fs.readFileSync(`${dir}/key.pem`, 'utf8') }
    });

    fs.rmSync(dir, { recursive: true });
  }

  return pairs.get(name);
}

export const KEYS = `
  publishable_key pk_live_all {
    origins        ${ORIGIN};
    require_origin off;
    channels       **;
    actions        subscribe publish presence send;
  }
`;

/*
 * The text inside http{}.  "keys" replaces KEYS, "location" goes into
 * location = /v1, "server" and "http" beside it, "listen" behind the address.
 */
export function site({
  keys = KEYS, location = '', server = '', http = '', zone = '16m',
  listen: more = ''
} = {}) {
  const listen = TLS
    ? `listen 127.0.0.1:@PORT@ ssl ${more};
       ssl_certificate @DIR@/cert.pem;
       ssl_certificate_key @DIR@/key.pem;`
    : `listen 127.0.0.1:@PORT@ ${more};`;

  return `
    signaling_zone calls ${zone};
    ${keys}
    ${http}
    server {
      ${listen}
      add_header X-Worker $pid always;
      ${server}
      location = /v1 { signaling calls; ${location} }
      location = /status { signaling_status calls; }
    }`;
}

/*
 * Starts nginx with a site; the options of site() and of startNginx() in one
 * object.
 */
export async function startSite(options = {}) {
  const ngx = await startNginx({
    ...options,
    http: site(options),
    files: { ...(TLS ? certificate() : {}), ...options.files }
  });

  ngx.tls = TLS;
  ngx.status = () => status(ngx);
  ngx.connect = (opts) => connect(ngx, opts);
  ngx.empty = () => waitFor(async () => {
    const s = await status(ngx);
    return s.connections === 0 && s.peers === 0 && s.channels === 0 &&
      s.members === 0 && s.leaving === 0;
  }, 'empty zone');

  /* whoever is still connected, since a test has failed, goes */
  ngx.open = new Set();
  ngx.hangUp = async () => {
    for (const socket of ngx.open) {
      socket.terminate();
    }
    await ngx.empty();
  };

  /* stops nginx, in which nobody may be left */
  ngx.finish = async () => {
    try {
      await ngx.hangUp();
    } finally {
      await ngx.stop();
    }
  };

  return ngx;
}

export function baseUrl(ngx, scheme = 'ws') {
  return `${scheme}${ngx.tls ?? TLS ? 's' : ''}://localhost:${ngx.port}`;
}

export function status(ngx, query = 'format=json') {
  return get(ngx, `/status?${query}`).then((text) => JSON.parse(text));
}

export function get(ngx, target) {
  return request(ngx, target).then(({ text }) => text);
}

/* gives { status, headers, text } */
export async function request(ngx, target, { method, headers } = {}) {
  const lib = await import(ngx.tls ?? TLS ? 'node:https' : 'node:http');

  return new Promise((resolve, reject) => {
    lib.request({
      host: '127.0.0.1', port: ngx.port, path: target, agent: false,
      rejectUnauthorized: false, method, headers
    }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (part) => { text += part; });
      res.on('end', () => resolve(
        { status: res.statusCode, headers: res.headers, text }));
    }).on('error', reject).end();
  });
}

/*
 * A raw client.  Frames are kept in order; next() takes the first that fits
 * and leaves the others.
 */
export class Client {
  constructor(url, { origin = ORIGIN, key, protocols, ...options } = {}) {
    this.frames = [];       // not taken yet
    this.all = [];          // everything that came
    this.waiting = [];
    this.requests = 0;

    this.ws = new WebSocket(url, protocols, {
      ...(origin === null ? {} : { origin }),
      rejectUnauthorized: false,
      allowSynchronousEvents: false,
      perMessageDeflate: false,
      ...options
    });

    this.opened = new Promise((resolve, reject) => {
      this.ws.once('open', resolve);
      this.ws.once('error', reject);
      this.ws.once('unexpected-response', (req, res) => {
        res.resume();
        reject(Object.assign(new Error(`HTTP ${res.statusCode}`),
          { status: res.statusCode, headers: res.headers }));
      });
    });
    this.opened.catch(() => {});

    this.ws.once('upgrade', (res) => {
      this.worker = Number(res.headers['x-worker']);
    });

    this.closed = new Promise((resolve) => {
      this.ws.once('close', (code, reason) => {
        this.close_code = code;
        resolve({ code, reason: String(reason) });
        for (const w of this.waiting.splice(0)) {
          w.reject(new Error(`closed with ${code} ${reason} while waiting`));
        }
      });
    });

    this.ws.on('error', () => {});
    this.ws.on('message', (data, binary) => {
      const frame = JSON.parse(data);
      frame.binary = binary;
      if (!binary) {
        delete frame.binary;
      }
      this.all.push(frame);
      this.frames.push(frame);
      this.match();
    });
  }

  match() {
    for (const w of [...this.waiting]) {
      const i = this.frames.findIndex(w.fits);
      if (i >= 0) {
        const [frame] = this.frames.splice(i, 1);
        this.waiting.splice(this.waiting.indexOf(w), 1);
        w.resolve(frame);
      }
    }
  }

  /* the next frame of a type, or that fits a predicate */
  next(what, deadline = DEADLINE) {
    const fits = typeof what === 'function'
      ? what : (frame) => frame.type === what;

    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(w), 1);
        reject(new Error(`no ${what} within ${deadline} ms, there is ` +
          JSON.stringify(this.frames).slice(0, 2000)));
      }, deadline);
      const w = {
        fits,
        resolve: (frame) => { clearTimeout(timer); resolve(frame); },
        reject: (error) => { clearTimeout(timer); reject(error); }
      };
      this.waiting.push(w);
      this.match();
    });
  }

  send(frame) {
    this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame)
      ? frame : JSON.stringify(frame));
  }

  /* sends with a requestId; gives the ack or the error */
  request(frame) {
    const requestId = `r${++this.requests}`;
    this.send({ ...frame, requestId });
    return this.next((f) => f.requestId === requestId);
  }

  async ok(frame) {
    const reply = await this.request(frame);
    assert.equal(reply.type, 'ack', JSON.stringify(reply));
  }

  async fails(frame, code) {
    const reply = await this.request(frame);
    assert.equal(reply.type, 'error', JSON.stringify(reply));
    assert.equal(reply.code, code);
    assert.equal(typeof reply.message, 'string');
  }

  /* subscribes; gives the snapshot */
  async join(channel, more = {}) {
    await this.ok({ type: 'subscribe', channel, ...more });
    return this.next((f) => f.type === 'presence' && f.channel === channel);
  }

  /*
   * Everything that the server had to say up to now has arrived when this
   * resolves: its pong comes behind it.  Frames that other workers are still
   * to hand over are not covered.
   */
  async settled() {
    this.send({ type: 'ping' });
    await this.next('pong');
  }

  close(code = 1000) {
    this.ws.close(code);
    return this.closed;
  }

  kill() {
    this.ws.terminate();
    return this.closed;
  }
}

/* connects and waits for the welcome; client.peerId is set */
export async function connect(ngx, options = {}) {
  const {
    key = 'pk_live_all', path: target = '/v1', query = `key=${key}`, ...rest
  } = options;
  const client = new Client(`${baseUrl(ngx)}${target}?${query}`, rest);

  ngx.open?.add(client.ws);
  client.ws.once('close', () => ngx.open?.delete(client.ws));

  await client.opened;
  client.welcome = await client.next('welcome');
  client.peerId = client.welcome.peerId;

  return client;
}

/*
 * As many clients, on as many different workers as there are; the first ones
 * are on different workers.  The kernel spreads connections over workers that
 * listen with "reuseport", others come to few of them.
 */
export async function connectApart(ngx, count, options = {}) {
  const apart = Math.min(count, ngx.workerPids().length);
  const clients = [];
  const spare = [];

  while (clients.length < apart) {
    const client = await connect(ngx, options);

    if (clients.some(({ worker }) => worker === client.worker)) {
      spare.push(client);
    } else {
      clients.push(client);
    }
  }

  while (clients.length < count) {
    clients.push(spare.pop() ?? await connect(ngx, options));
  }

  await Promise.all(spare.map((client) => client.close()));

  return clients;
}

/* connects where a refusal is expected; gives { code, reason } */
export async function refused(ngx, options = {}) {
  const {
    key = 'pk_live_all', path: target = '/v1', query = `key=${key}`, ...rest
  } = options;
  const client = new Client(`${baseUrl(ngx)}${target}?${query}`, rest);

  await client.opened;
  const closed = await client.closed;
  assert.deepEqual(client.all, [], 'nothing but a Close on a refusal');

  return closed;
}

export { waitFor };
