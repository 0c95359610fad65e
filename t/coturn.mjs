// Copyright (C) The ngx_signaling authors
//
// A real coturn for one test, with the settings of the example, and the
// little of a TURN client that asks it for an allocation (RFC 8489, 8656).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, createHmac, randomBytes, randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { waitFor } from './nginx.mjs';

const BINARY = process.env.TURNSERVER ?? '/usr/bin/turnserver';
const TEMPLATE = new URL('../example/turnserver.conf.in', import.meta.url);
const HOST = '127.0.0.1';
const RELAY_PORTS = 200;

const DEADLINE = 20000;
const AGAIN = 500;

const ALLOCATE = 0x0003;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const REALM = 0x0014;
const NONCE = 0x0015;
const XOR_RELAYED_ADDRESS = 0x0016;
const REQUESTED_TRANSPORT = 0x0019;
const COOKIE = 0x2112a442;

const UDP = Buffer.from([17, 0, 0, 0]);

const running = new Set();

process.on('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
});

function attribute(type, value) {
  const head = Buffer.alloc(4);

  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);

  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

/* an Allocate request; with a key, its integrity */
function request(attributes, key) {
  const head = Buffer.alloc(20);
  let body = Buffer.concat(
    attributes.map(([type, value]) => attribute(type, Buffer.from(value))));

  head.writeUInt16BE(ALLOCATE, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(COOKIE, 4);
  randomBytes(12).copy(head, 8);

  if (key) {
    // the length covers the integrity, what is signed does not

    head.writeUInt16BE(body.length + 24, 2);
    const signature = createHmac('sha1', key).update(head).update(body)
      .digest();
    body = Buffer.concat([body, attribute(MESSAGE_INTEGRITY, signature)]);
  }

  return Buffer.concat([head, body]);
}

function attributesOf(message) {
  const found = new Map();

  for (let at = 20; at < message.length; ) {
    const length = message.readUInt16BE(at + 2);
    found.set(message.readUInt16BE(at),
      message.subarray(at + 4, at + 4 + length));
    at += 4 + length + (-length & 3);
  }

  return found;
}

/* sends until it is answered; gives the answer's attributes */
function ask(socket, port, message) {
  return new Promise((resolve, reject) => {
    const send = () => socket.send(message, port, HOST);
    const again = setInterval(send, AGAIN);
    const deadline = setTimeout(() => fail('no answer'), DEADLINE);

    const done = () => {
      clearInterval(again);
      clearTimeout(deadline);
      socket.off('message', hear);
      socket.off('close', fail);
    };
    const fail = (why = 'closed') => {
      done();
      reject(new Error(`coturn at port ${port}: ${why}`));
    };
    const hear = (datagram) => {
      if (datagram.subarray(8, 20).equals(message.subarray(8, 20))) {
        done();
        resolve(attributesOf(datagram));
      }
    };

    socket.on('message', hear);
    socket.on('close', fail);
    send();
  });
}

function errorOf(attributes) {
  const error = attributes.get(ERROR_CODE);

  return error ? error[2] * 100 + error[3] : 0;
}

/*
 * Asks for an allocation as RFC 8489, 9.2 has it: once without a credential,
 * for realm and nonce, and once with it.  Gives the error code, 0 when there
 * is an allocation, which ends with its lifetime.
 */
export async function allocate(port, username, credential) {
  const socket = dgram.createSocket('udp4');
  const transport = [REQUESTED_TRANSPORT, UDP];

  try {
    const challenge = await ask(socket, port, request([transport]));
    const realm = challenge.get(REALM);

    assert.equal(errorOf(challenge), 401);

    const key = createHash('md5')
      .update(`${username}:${realm}:${credential}`).digest();
    const answer = await ask(socket, port, request([
      transport, [USERNAME, username], [REALM, realm],
      [NONCE, challenge.get(NONCE)]
    ], key));

    const code = errorOf(answer);

    assert.equal(answer.has(XOR_RELAYED_ADDRESS), code === 0);
    return code;

  } finally {
    socket.close();
  }
}

/* the credential of a username by docs/protocol.md, 13.4 */
export function credentialOf(secret, username) {
  return createHmac('sha1', secret).update(username).digest('base64');
}

/* a port that is free for TCP and UDP */
async function freePort() {
  for (;;) {
    const tcp = net.createServer().listen(0, HOST);
    await once(tcp, 'listening');
    const { port } = tcp.address();

    const udp = dgram.createSocket('udp4');
    const bound = once(udp, 'listening').then(() => true, () => false);
    udp.bind(port, HOST);

    const free = await bound;

    udp.close();
    tcp.close();
    await once(tcp, 'close');

    if (free) {
      return port;
    }
  }
}

/* what runs a program at another time, of the package libfaketime */
function shifted(seconds) {
  const library = fs.readdirSync('/usr/lib')
    .map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`)
    .find((file) => fs.existsSync(file));

  assert.ok(library, 'there is no libfaketime: apt-get install libfaketime');

  return {
    LD_PRELOAD: library,
    FAKETIME: `+${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1'
  };
}

/*
 * Starts coturn, at a free port if none is given, with a clock that is ahead
 * by some seconds; returns once it answers.
 */
export async function startCoturn(secret, at, ahead = 0) {
  assert.ok(fs.existsSync(BINARY),
    `there is no ${BINARY}: apt-get install coturn`);

  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'coturn-test-'));
  const port = at ?? await freePort();

  // below the ports that systems give out by themselves

  const low = randomInt(21000, 30000);
  const words = {
    TURN_SECRET: secret,
    TURN_HOST: HOST,
    TURN_PORT: port,
    LISTENING_IPS: `listening-ip=${HOST}`,
    LOOPBACK_PEERS: 'allow-loopback-peers',
    MIN_PORT: low,
    MAX_PORT: low + RELAY_PORTS - 1,
    PROC_USER: '',
    RUN: dir
  };
  const conf = fs.readFileSync(TEMPLATE, 'utf8')
    .replace(/@(\w+)@/g, (word, name) => words[name] ?? word);

  assert.doesNotMatch(conf, /@[A-Z_]+@/);
  fs.mkdirSync(`${dir}/coturn`);
  fs.writeFileSync(`${dir}/turnserver.conf`, conf, { mode: 0o600 });

  const log = fs.openSync(`${dir}/log`, 'w');
  const child = spawn(BINARY, ['-c', `${dir}/turnserver.conf`],
    {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...(ahead ? shifted(ahead) : {}) }
    });
  const exited = once(child, 'close').finally(() => running.delete(child));
  let ended = false;

  exited.then(() => { ended = true; });
  running.add(child);
  fs.closeSync(log);

  const probe = dgram.createSocket('udp4');
  const answer = ask(probe, port, request([[REQUESTED_TRANSPORT, UDP]]))
    .then(() => true);

  answer.catch(() => {});

  const up = await Promise.race([answer, exited.then(() => false)]);

  probe.close();
  assert.ok(up, `coturn did not start:\n${
    fs.readFileSync(`${dir}/log`, 'utf8')}`);

  return {
    port,
    host: HOST,
    secret,

    async stop() {
      if (!ended) {
        child.kill('SIGTERM');
      }
      await waitFor(() => ended, 'end of coturn');
      fs.rmSync(dir, { recursive: true, force: true });
    }
  };
}
