// Copyright (C) The ngx_signaling authors
//
// A client that is no WebSocket library: it writes the bytes that a test
// wants, and checks the frames that come against RFC 6455, and RFC 7692 where
// that was agreed on.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import zlib from 'node:zlib';

import { ORIGIN } from './signaling.mjs';

const DEADLINE = 15000;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/*
 * A client frame.  "bits" are FIN and RSV1 to RSV3, "size" is how many bytes
 * the length takes (0, 2 or 8), as short as can be where it is not said, and
 * "length" what it says.
 */
export function frame(opcode, payload = '', {
  bits = 0x80, masked = true, mask = randomBytes(4), length, size
} = {}) {
  const data = Buffer.from(payload);
  const said = BigInt(length ?? data.length);

  size ??= said < 126n ? 0 : said < 65536n ? 2 : 8;

  const head = Buffer.alloc(2 + size);
  const bytes = Buffer.alloc(8);

  bytes.writeBigUInt64BE(said);
  head[0] = bits | opcode;
  head[1] = size === 0 ? Number(said) : size === 2 ? 126 : 127;
  bytes.copy(head, 2, 8 - size);

  if (!masked) {
    return Buffer.concat([head, data]);
  }

  head[1] |= 0x80;

  return Buffer.concat([head, mask, data.map((b, i) => b ^ mask[i % 4])]);
}

/* a text message; anything but a string is made JSON */
export function text(message, options) {
  return frame(TEXT, typeof message === 'string'
    ? message : JSON.stringify(message), options);
}

/* the frames of a message in these pieces */
export function fragments(pieces, opcode = TEXT, bits = 0) {
  return pieces.map((piece, i) => frame(i ? CONTINUATION : opcode, piece,
    { bits: (i ? 0 : bits) | (i === pieces.length - 1 ? 0x80 : 0) }));
}

/* the payload of a Close */
export function closing(code, reason = '') {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);

  return Buffer.concat([payload, Buffer.from(reason)]);
}

export function upgradeRequest({
  path = '/v1?key=pk_live_all', method = 'GET', version = '1.1', headers = {}
} = {}) {
  const all = {
    Host: 'localhost',
    Origin: ORIGIN,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers
  };

  return [
    `${method} ${path} HTTP/${version}`,
    ...Object.entries(all).filter(([, value]) => value !== null)
      .flatMap(([name, value]) => [value].flat()
        .map((one) => `${name}: ${one}`)),
    '', ''
  ].join('\r\n');
}

/* the payload of a message that is compressed, and what it was */
export function deflated(message, options = {}) {
  const data = zlib.deflateRawSync(message,
    { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });

  assert.deepEqual(data.subarray(-4), TAIL);

  return data.subarray(0, -4);
}

export function inflated(payload, options = {}) {
  return zlib.inflateRawSync(Buffer.concat([payload, TAIL]),
    { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });
}

/*
 * frames: what has come, { opcode, payload, json, chunk, at }, where "chunk"
 * numbers the reads of the socket and "at" is the time of the read; "packed"
 * is the payload as it came when it was compressed.
 */
export class Raw {
  constructor(ngx) {
    this.frames = [];
    this.all = [];
    this.waiting = [];
    this.input = Buffer.alloc(0);
    this.chunk = 0;
    this.status = undefined;

    this.tcp = net.connect({
      host: '127.0.0.1', port: ngx.port, allowHalfOpen: !ngx.tls
    });
    this.tcp.on('error', (error) => { this.error = error; });

    this.socket = ngx.tls
      ? tls.connect({ socket: this.tcp, rejectUnauthorized: false })
      : this.tcp;

    // pieces are to arrive as they are written
    this.tcp.setNoDelay(true);
    this.socket.on('error', (error) => { this.error = error; });
    this.socket.on('data', (data) => this.read(data));

    this.connected = new Promise((resolve) => {
      this.socket.once(ngx.tls ? 'secureConnect' : 'connect', resolve);
    });

    // the server has ended its side, by a FIN or a RST

    this.ended = new Promise((resolve) => {
      const end = () => {
        this.done = true;
        for (const w of this.waiting.splice(0)) {
          w.reject(new Error(`ended while waiting for ${w.what}`));
        }
        resolve();
      };
      this.socket.once('end', end);
      this.socket.once('close', end);
    });

    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        ngx.open?.delete(this);
        resolve();
      });
    });

    ngx.open?.add(this);
  }

  read(data) {
    this.chunk++;
    this.at = performance.now();
    this.input = Buffer.concat([this.input, data]);

    if (this.status === undefined && !this.head()) {
      return;
    }

    if (this.status === 101) {
      while (this.parse()) {
        this.match();
      }
    }

    this.match();
  }

  /* the head of the response, and the body of one that is no 101 */
  head() {
    const end = this.input.indexOf('\r\n\r\n');

    if (end < 0) {
      return false;
    }

    const [line, ...lines] = this.input.toString('latin1', 0, end)
      .split('\r\n');
    const headers = Object.fromEntries(lines.map((l) => {
      const [, name, value] = l.match(/^([^:]+): ?(.*)$/);
      return [name.toLowerCase(), value];
    }));
    const status = Number(line.split(' ')[1]);
    const length = status === 101 || this.bodyless
      ? 0 : Number(headers['content-length'] ?? 0);

    if (this.input.length < end + 4 + length) {
      return false;
    }

    Object.assign(this, {
      line, headers, status,
      body: this.input.toString('utf8', end + 4, end + 4 + length)
    });

    this.input = this.input.subarray(end + 4 + length);

    return true;
  }

  parse() {
    const b = this.input;

    if (b.length < 2) {
      return false;
    }

    let length = b[1];
    let head = 2;

    const rsv = b[0] & 0x70;

    assert.ok(rsv === 0 || (rsv === 0x40 && (b[0] & 0xf) === TEXT &&
      this.headers['sec-websocket-extensions'] !== undefined), 'RSV bits');
    assert.equal(b[0] & 0x80, 0x80, 'servers do not fragment');
    assert.ok(length < 128, 'no mask');

    if (length >= 126) {
      head = length === 126 ? 4 : 10;

      if (b.length < head) {
        return false;
      }

      length = head === 4 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
      assert.ok(length > (head === 4 ? 125 : 65535), 'the shortest length');
    }

    if (b.length < head + length) {
      return false;
    }

    const opcode = b[0] & 0xf;
    const packed = rsv ? Buffer.from(b.subarray(head, head + length))
      : undefined;
    const payload = packed ? inflated(packed)
      : Buffer.from(b.subarray(head, head + length));

    assert.ok(opcode === TEXT || (opcode >= CLOSE && opcode <= PONG),
      `opcode ${opcode}`);
    assert.ok(opcode === TEXT || length <= 125, 'a short control frame');

    const json = opcode === TEXT ? JSON.parse(payload) : undefined;
    const it = { opcode, payload, json, chunk: this.chunk, at: this.at };

    if (packed) {
      it.packed = packed;
    }

    this.all.push(it);
    this.frames.push(it);
    this.input = b.subarray(head + length);

    return true;
  }

  match() {
    for (const w of [...this.waiting]) {
      const value = w.take();
      if (value !== undefined) {
        this.waiting.splice(this.waiting.indexOf(w), 1);
        w.resolve(value);
      }
    }
  }

  wait(take, what) {
    return new Promise((resolve, reject) => {
      const now = take();
      if (now !== undefined) {
        resolve(now);
        return;
      }
      if (this.done) {
        reject(new Error(`ended, no ${what}`));
        return;
      }
      const timer = setTimeout(() => w.reject(new Error(
        `no ${what} within ${DEADLINE} ms, there is ` +
        JSON.stringify(this.frames.map((f) => f.json ?? f.opcode))
          .slice(0, 2000))), DEADLINE);
      const settle = (f) => (value) => { clearTimeout(timer); f(value); };
      const w = { take, what, resolve: settle(resolve),
                  reject: settle(reject) };
      this.waiting.push(w);
    });
  }

  /* the next frame of an opcode, or that fits a predicate on { json, ... } */
  next(what) {
    const fits = typeof what === 'function' ? what : (f) => f.opcode === what;

    return this.wait(() => {
      const i = this.frames.findIndex(fits);
      return i < 0 ? undefined : this.frames.splice(i, 1)[0];
    }, `frame ${what}`);
  }

  /* the next message of a type */
  async message(type) {
    return (await this.next((f) => f.json?.type === type)).json;
  }

  /* n frames have come since the last call of next() or flush() */
  async flush(n) {
    await this.wait(() => this.frames.length >= n || undefined,
      `${n} frames`);

    return this.frames.splice(0, n);
  }

  /* the Close of the server, as { code, reason } */
  async close() {
    const { payload } = await this.next(CLOSE);

    return {
      code: payload.length ? payload.readUInt16BE(0) : undefined,
      reason: payload.toString('utf8', 2)
    };
  }

  write(...parts) {
    return new Promise((resolve) => {
      this.socket.write(Buffer.concat(parts.map((p) => Buffer.from(p))),
        resolve);
    });
  }

  /* writes; these acks come, and nothing else before them */
  async acked(requestIds, ...parts) {
    await this.write(...parts);
    for (const requestId of requestIds) {
      assert.deepEqual((await this.next(TEXT)).json,
        { type: 'ack', requestId });
    }
    await this.destroy();
  }

  /*
   * Writes; the server closes with the code and says nothing else.  What
   * comes behind the mistake, the last of these parts, is not looked at.
   */
  async broken(code, ...parts) {
    await this.write(...parts);
    assert.equal((await this.close()).code, code);
    await this.write(frame(CLOSE, closing(code)));
    await this.ended;
    assert.deepEqual(this.frames, []);
    await this.destroy();
  }

  async response() {
    await this.wait(() => this.status, 'response');

    return this;
  }

  /* ends the connection by a FIN */
  destroy() {
    this.socket.destroy();

    return this.closed;
  }

  terminate() {
    this.socket.destroy();
  }

  reset() {
    this.tcp.resetAndDestroy();
    this.socket.destroy();
  }
}

/*
 * Sends a request; gives the client with status, headers and body.  "glued"
 * goes out in one piece with the request.
 */
export async function exchange(ngx, { glued = [], ...options } = {}) {
  const raw = new Raw(ngx);

  raw.bodyless = options.method === 'HEAD';

  await raw.connected;
  await raw.write(upgradeRequest(options), ...glued);

  return raw.response();
}

/* a client with its welcome; raw.peerId is set */
export async function connectRaw(ngx, options) {
  const raw = await exchange(ngx, options);

  assert.equal(raw.status, 101);

  raw.welcome = await raw.message('welcome');
  raw.peerId = raw.welcome.peerId;

  return raw;
}

/* what Sec-WebSocket-Accept has to be */
export function accepts(key) {
  return createHash('sha1').update(key + GUID).digest('base64');
}
