// Copyright (C) The ngx_signaling authors
//
// A session is what some clients do, as a list of steps, which are plain
// objects, so that it can be written into a file:
//
//     { on, http: { method, target, version, headers, body, chunked } }
//     { on, json }, { on, frame: { opcode, payload, bits, length, ... } }
//     { on, bytes }
//     { on, end }      "fin", "half" (we still read) or "rst"
//     { on, answer }   waits for the next bytes, if there are any
//     { keys }         is the key file from now on
//
// "on" names a connection, which opens at the first step on it.  "cut" says
// that a step is written in pieces of so many bytes.  Texts are latin1.

import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { frame, Raw, TEXT } from '../../raw.mjs';
import { fill } from './site.mjs';

const ANSWER = 20;              // ms; what is longer is not waited for
const LAST = 2000;              // ms until a connection is cut
const PIECES = 200;             // writes of one step

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/* the bytes of a step, or null */
export function bytes(step) {
  if (step.http) {
    return request(step.http);
  }
  if (step.frame) {
    const { opcode, payload, ...more } = step.frame;
    return frame(opcode, latin1(payload), { mask: MASK, ...more });
  }
  if ('json' in step) {
    return frame(TEXT, JSON.stringify(step.json) ?? '', { mask: MASK });
  }

  return step.bytes === undefined ? null : latin1(step.bytes);
}

const latin1 = (text) => Buffer.from(fill(text), 'latin1');

function request({ method, target, version = '1.1', headers, body = '',
  chunked = 0 }) {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  const data = latin1(body);
  const parts = [];

  if (chunked) {
    lines.push('Transfer-Encoding: chunked\r\n');
    for (let i = 0; i < data.length; i += chunked) {
      const part = data.subarray(i, i + chunked);
      parts.push(`${part.length.toString(16)}\r\n`, part, '\r\n');
    }
    parts.push('0\r\n\r\n');

  } else if (data.length) {
    lines.push(`Content-Length: ${data.length}\r\n`);
    parts.push(data);
  }

  return Buffer.concat([
    latin1(`${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`),
    ...parts.map((part) => Buffer.from(part))
  ]);
}

/*
 * A client that takes all that comes, and notes what no server may say: Raw
 * knows.  Ours may end at any time.
 */
class Peer extends Raw {
  read(data) {
    this.answered?.();
    if (this.wrong) {
      return;
    }
    try {
      super.read(data);
    } catch (error) {
      this.wrong = error;
    }
  }

  /* something has come, or all is over, or it takes too long */
  async answer() {
    await Promise.race([
      new Promise((resolve) => { this.answered = resolve; }),
      this.ended, delay(ANSWER)
    ]);
  }

  async send(data, cut) {
    if (this.socket.destroyed || this.socket.writableEnded) {
      return;
    }

    const size = Math.max(cut ?? data.length, 1,
      Math.ceil(data.length / PIECES));

    for (let i = 0; i < data.length; i += size) {
      this.socket.write(data.subarray(i, i + size));
      if (cut) {
        await new Promise(setImmediate);
      }
    }
  }

  end(how) {
    if (this.socket.writableEnded) {

      // Node does not reset what it is about to end

      this.terminate();
    } else if (how === 'rst') {
      this.reset();
    } else {
      this.socket.end();
      if (how === 'fin') {
        this.left = this.destroyLater();
      }
    }
  }

  /* as soon as the server has closed too */
  async destroyLater() {
    const over = new AbortController();

    await Promise.race([
      this.ended, delay(LAST, undefined, { signal: over.signal })
    ]).catch(() => {});

    over.abort();
    await this.destroy();
  }
}

/* plays it; throws when the server has said what it may not */
export async function play(ngx, session) {
  const peers = new Map();

  for (const step of session) {
    if (step.keys !== undefined) {
      replaceKeys(ngx, step.keys);
      continue;
    }
    if (!peers.has(step.on)) {
      const peer = new Peer({ port: ngx.port });
      peers.set(step.on, peer);
      await Promise.race([peer.connected, peer.closed]);
    }

    const peer = peers.get(step.on);
    const data = bytes(step);

    if (data) {
      await peer.send(data, step.cut);
    } else if (step.end) {
      peer.end(step.end);
    } else {
      await peer.answer();
    }
  }

  await Promise.all([...peers.values()].map(async (peer) => {
    if (!peer.left && !peer.socket.destroyed) {
      await peer.answer();
      peer.end('fin');
    }
    await peer.left;
    await peer.destroy();
  }));

  // of what it answers to HTTP, only that it is what nginx writes

  for (const { wrong, status } of peers.values()) {
    if (wrong && status === 101) {
      throw wrong;
    }
  }
}

function replaceKeys(ngx, text) {
  const file = path.join(ngx.dir, 'keys/keys.conf');

  fs.writeFileSync(`${file}.new`, Buffer.from(fill(text), 'latin1'));
  fs.renameSync(`${file}.new`, file);
}
