// Copyright (C) The ngx_signaling authors
//
// What a connection leaves behind when it is over: lines in the error log
// that name its client, and nginx's own counts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';

import { connectRaw, frame, PING } from './raw.mjs';
import { connect, get, startSite, TLS, waitFor } from './signaling.mjs';

const listen = (port) => TLS
  ? `listen 127.0.0.1:${port} ssl;
     ssl_certificate @DIR@/cert.pem; ssl_certificate_key @DIR@/key.pem;`
  : `listen 127.0.0.1:${port};`;

describe('the end of a connection', { timeout: 120000 }, () => {
  let ngx;

  before(async () => {
    ngx = await startSite({
      level: 'info',
      server: `
        location = /stub  { stub_status; }
        location = /count { signaling calls; limit_conn all 1000; }`,
      http: `
        limit_conn_zone $server_name zone=all:1m;
        server {
          ${listen('@PORT_OTHER@')}
          server_name other;
          error_log @DIR@/other.log info;
          location = /v1 { signaling calls; }
        }`
    });
  });
  afterEach(() => ngx.hangUp());
  after(() => ngx?.finish());

  const from = (n, options) =>
    connect(ngx, { localAddress: `127.0.0.${n}`, ...options });

  const log = (name = 'error.log') =>
    fs.readFileSync(`${ngx.dir}/${name}`, 'utf8').split('\n');

  /* the line that tells of a peer's end */
  const ended = async (peerId, name) => {
    const find = () => log(name).find((line) =>
      line.includes('session ended') && line.includes(peerId));

    await waitFor(find, `the end of ${peerId}`);
    return find();
  };

  test('is told with the address of the client', async () => {
    const clients = [];

    for (let n = 2; n < 12; n++) {
      clients.push(await from(n, { path: n % 3 ? '/v1' : '/count' }));
    }

    // they talk across each other, and go in ways of all kinds

    for (const client of clients) {
      await client.join('room');
    }

    const [a, b, c, ...others] = clients;

    a.ws.terminate();
    b.ws.close(1000);
    c.ws.send(Buffer.from([0xff]));
    await Promise.all([a.closed, b.closed, c.closed]);
    await Promise.all(others.map((client) => client.close()));

    const numbers = new Set();

    for (const [i, { peerId }] of clients.entries()) {
      const line = await ended(peerId);

      assert.match(line, new RegExp(`, client: 127\\.0\\.0\\.${i + 2}\\b`));
      numbers.add(line.match(/\*(\d+) signaling session/)[1]);
    }

    assert.equal(numbers.size, clients.length);
  });

  test('is told with what was sent after the handshake', async () => {
    const lines = [];

    for (const path of ['/v1', '/count']) {
      const client = await from(40, { path });

      await client.close();
      lines.push(await ended(client.peerId));
    }

    // the same welcome and the same Close, whether its request was kept

    const [, seconds, bytes] = /(\d+) seconds, .*out: 0 messages, (\d+) bytes/
      .exec(lines[0]);

    assert.ok(Number(seconds) < 120);
    assert.ok(lines[1].includes(`out: 0 messages, ${bytes} bytes`), lines[1]);
    assert.ok(Number(bytes) > 100 && Number(bytes) < 200, bytes);
  });

  test('goes to the log of its server', async () => {
    const there = { ...ngx, port: ngx.ports.PORT_OTHER };
    const [here, other] = [await from(20), await connect(there,
      { localAddress: '127.0.0.21' })];

    await Promise.all([here.close(), other.close()]);
    assert.match(await ended(other.peerId, 'other.log'),
      /, client: 127\.0\.0\.21\b/);
    assert.match(await ended(here.peerId), /, client: 127\.0\.0\.20\b/);
    assert.ok(!log().some((line) => line.includes(other.peerId)));
    assert.ok(!log('other.log').some((line) => line.includes(here.peerId)));
  });

  test('is told of a client whose frames make no sense', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => connectRaw(ngx)));

    for (const raw of clients) {
      await raw.write(frame(PING, 'x'.repeat(126)));
      assert.equal((await raw.close()).code, 1002);
      await raw.destroy();
    }

    await ngx.empty();

    const lines = log().filter((line) => line.includes('closed with 1002'));

    assert.equal(lines.length, clients.length);
    assert.ok(lines.every((line) => line.includes(', client: 127.0.0.1')));
  });

  test('is not counted as an active connection any more', async () => {
    const active = async () =>
      Number((await get(ngx, '/stub')).match(/Active connections: (\d+)/)[1]);

    await waitFor(async () => await active() === 1, 'nobody but who asks');

    const clients = [];

    for (let n = 0; n < 20; n++) {
      clients.push(await connect(ngx));
    }

    assert.equal(await active(), 21);
    await Promise.all(clients.map((client) => client.close()));
    await waitFor(async () => await active() === 1, 'nobody but who asks');
  });
});
