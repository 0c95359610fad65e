// Copyright (C) The ngx_signaling authors
//
// The site of the example, page and settings, as startNginx() takes it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export const SECRET = 'north-star-secret';

const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8');

/* takes what has to be there in place of something else */
function put(text, from, to) {
  assert.ok(text.includes(from), `"${from}" is not in the example`);
  return text.replaceAll(from, to);
}

/* the settings of people who have a certificate, cert.pem and key.pem */
function overTls(text) {
  const listening = put(text, 'listen 127.0.0.1:@PORT@ reuseport;',
    `listen 127.0.0.1:@PORT@ ssl reuseport;
        ssl_certificate     @DIR@/cert.pem;
        ssl_certificate_key @DIR@/key.pem;`);

  return put(put(listening, 'http://', 'https://'), 'ws://', 'wss://');
}

/*
 * The http block of the example, over TLS if that is wanted, and the files
 * that it reads: options for startNginx().
 */
export function exampleSite(turn, { tls = false, more = '' } = {}) {
  const text = read('example/nginx.conf.in');
  const words = {
    ROOT, RUN: '@DIR@', LISTEN_IPV6: '', TURN_HOST: turn.host,
    TURN_PORT: turn.port, TURN_SECRET_FILE: '@DIR@/turn-secret'
  };

  const block = text
    .slice(text.indexOf('http {') + 6, text.lastIndexOf('}'))
    .replace(/^ *(access_log|\w+_temp_path) .*;$/mg, '')
    .replace(/@(\w+)@/g, (word, name) => words[name] ?? word);
  const spread = put(block, 'listen 127.0.0.1:@PORT@;',
    'listen 127.0.0.1:@PORT@ reuseport;');

  return {
    http: `${tls ? overTls(spread) : spread}
      ${more}`,
    files: {
      'turn-secret': { text: SECRET },
      'sdk/realtime.js': {
        text: read('t/node_modules/@metered-ca/realtime/dist/index.mjs')
      }
    }
  };
}
