// Copyright (C) The ngx_signaling authors
//
// Bodies of requests to the control plane, as they come over the line: up to
// 32768 bytes, in whatever way HTTP has for them.

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import test, { after, afterEach, before, describe } from 'node:test';

import {
  answer, call, caller, channelPath, head, line, MAIN, publish, SITE
} from './api.mjs';
import { connect, startSite, TLS, waitFor } from './signaling.mjs';

const MAX = 32768;
const PATH = channelPath('room', 'publish');

/* a body of so many bytes, and its data */
function sized(length) {
  const data = 'x'.repeat(length - '{"data":""}'.length);

  return { body: JSON.stringify({ data }), data };
}

const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n` +
  `${text}\r\n`;

let ngx;
let client;

before(async () => {
  ngx = await startSite({
    ...SITE,
    server: `
      location /v1/ {
        signaling_api calls;
        client_body_buffer_size 16;
        client_body_timeout 15s;
      }
      location /v1/channels/mirrored/ {
        signaling_api calls;
        mirror /mirror;
        client_body_buffer_size 16;
      }
      location /v1/channels/kept/ {
        signaling_api calls;
        mirror /mirror;
        client_body_in_file_only clean;
      }
      location /v1/channels/small/ {
        signaling_api calls;
        signaling_max_message 10;
      }
      location /v1/channels/core/ {
        signaling_api calls;
        client_max_body_size 100;
      }
      location = /mirror { internal; return 204; }`,
    http: `server {
      listen 127.0.0.1:@PORT_H2@ http2 ${TLS
        ? `ssl; ssl_certificate @DIR@/cert.pem;
           ssl_certificate_key @DIR@/key.pem` : ''};
      location /v1/ { signaling_api calls; }
    }`
  });
});

afterEach(() => ngx.hangUp());

after(() => ngx?.finish());

async function member(channel = 'room') {
  client = await connect(ngx);
  await client.join(channel);
}

/* the member has got that, and nothing before it */
async function got(data) {
  assert.deepEqual((await client.next('message')).data, data);
}

function refused(res, status, message) {
  assert.equal(res.status, status, res.text ?? res.body);

  const { error, message: text } = JSON.parse(res.text ?? res.body);

  assert.equal(error, 'invalid_request');
  assert.match(text, message);
}

const tooBig = (res) => refused(res, 413, /longer than 32768 bytes/);

describe('with Content-Length', () => {
  test('the longest, in a small buffer', async () => {
    await member();

    for (const length of [11, 15, 16, 17, 1000, MAX - 1, MAX]) {
      const { body, data } = sized(length);
      assert.equal((await publish(ngx, 'room', body,
        { headers: { 'Content-Length': length } })).status, 200);
      await got(data);
    }
  });

  test('one byte more, and the connection stays usable', async () => {
    const raw = await line(ngx);

    await member();

    for (const length of [MAX + 1, 100000, 1000000]) {
      await raw.write(head('POST', PATH, { 'Content-Length': length }));

      // known before a byte of it has come

      const res = await answer(raw);
      tooBig(res);
      assert.equal(res.headers.connection, 'keep-alive');
      assert.equal(res.headers['cache-control'], 'no-store');

      await raw.write('x'.repeat(length));
      await raw.write(head('POST', PATH, { 'Content-Length': 10 }),
        '{"data":1}');
      assert.equal((await answer(raw)).status, 200);
      await got(1);
    }

    await raw.destroy();
  });

  test('in pieces, behind the head and before the next one', async () => {
    const raw = await line(ngx);

    await member();
    await raw.write(head('POST', PATH, { 'Content-Length': 10 }), '{"d');

    for (const piece of ['at', 'a"', ':', '2']) {
      await raw.write(piece);
    }

    // two requests more in the same piece as the end of it

    await raw.write('}', head('POST', PATH, { 'Content-Length': 10 }),
      '{"data":3}', head('POST', PATH, { 'Content-Length': 10 }),
      '{"data":4}');

    for (const data of [2, 3, 4]) {
      assert.equal((await answer(raw)).status, 200);
      await got(data);
    }

    await raw.destroy();
  });

  test('none at all', async () => {
    refused(await publish(ngx, 'room', ''), 400, /no JSON object/);

    const raw = await line(ngx);
    await raw.write(head('POST', PATH));
    refused(await answer(raw), 400, /no JSON object/);
    await raw.destroy();
  });

  test('of HTTP/1.0', async () => {
    const raw = await line(ngx);

    await member();
    await raw.write(head('POST', PATH, { 'Content-Length': 10 }, '1.0'),
      '{"data":5}');

    const res = await answer(raw);

    assert.equal(res.status, 200);
    await got(5);
    await raw.ended;
  });
});

describe('in chunks', () => {
  test('the longest, in chunks of every size', async () => {
    await member();

    for (const size of [1000, 7777, MAX - 1, MAX]) {
      const { body, data } = sized(MAX);
      const parts = [];

      for (let i = 0; i < body.length; i += size) {
        parts.push(body.slice(i, i + size));
      }

      assert.equal((await publish(ngx, 'room', parts)).status, 200);
      await got(data);
    }
  });

  test('byte after byte', async () => {
    const raw = await line(ngx);

    await member();
    await raw.write(head('POST', PATH, { 'Transfer-Encoding': 'chunked' }));

    for (const byte of `${[...'{"data":6}'].map(chunk).join('')}0\r\n\r\n`) {
      await raw.write(byte);
    }

    assert.equal((await answer(raw)).status, 200);
    await got(6);

    await raw.write(head('GET', channelPath('room', 'peers')));
    assert.equal((await answer(raw)).status, 200);
    await raw.destroy();
  });

  test('one byte more', async () => {
    const { body } = sized(MAX + 1);

    for (const parts of [[body], [body.slice(0, MAX), body.slice(MAX)]]) {
      const raw = await line(ngx);

      await raw.write(head('POST', PATH, { 'Transfer-Encoding': 'chunked' }),
        ...parts.map(chunk));

      // its end has not come

      const res = await answer(raw);
      tooBig(res);
      assert.equal(res.headers.connection, 'close');
      await raw.destroy();
    }
  });

  test('known to be too long by the head of a chunk', async () => {
    const raw = await line(ngx);

    await raw.write(head('POST', PATH, { 'Transfer-Encoding': 'chunked' }),
      'ffff\r\n', '{"data"');
    tooBig(await answer(raw));
    await raw.destroy();
  });

  test('broken ones', async () => {
    for (const broken of ['zz\r\n', '1\r\nxx\r\n', '-1\r\n']) {
      const raw = await line(ngx);

      await raw.write(head('POST', PATH, { 'Transfer-Encoding': 'chunked' }),
        broken);

      const res = await answer(raw);
      refused(res, 400, /cannot be read/);
      assert.equal(res.headers.connection, 'close');
      await raw.destroy();
    }
  });
});

describe('Expect: 100-continue', () => {
  const EXPECT = { Expect: '100-continue' };

  test('is answered where the body is wanted', async () => {
    for (const more of [
      { 'Content-Length': 10 }, { 'Transfer-Encoding': 'chunked' }
    ]) {
      const raw = await line(ngx);

      await member();
      await raw.write(head('POST', PATH, { ...EXPECT, ...more }));
      assert.equal((await answer(raw)).status, 100);

      await raw.write(more['Content-Length'] ? '{"data":7}'
        : `${chunk('{"data":7}')}0\r\n\r\n`);

      const res = await answer(raw);
      assert.equal(res.status, 200);
      assert.equal(res.headers.connection, 'keep-alive');
      await got(7);
      await raw.destroy();
    }
  });

  test('is not where it is not', async () => {
    for (const [method, target, more, status] of [
      ['POST', PATH, { 'Content-Length': MAX + 1 }, 413],
      ['POST', PATH, { 'Content-Length': 10, Authorization: 'Bearer x' },
       401],
      ['POST', '/v1/nowhere', { 'Content-Length': 10 }, 404],
      ['PUT', PATH, { 'Transfer-Encoding': 'chunked' }, 405]
    ]) {
      const raw = await line(ngx);

      await raw.write(head(method, target, { ...EXPECT, ...more }));

      const res = await answer(raw);
      assert.equal(res.status, status);
      assert.equal(res.headers.connection, 'close');
      await raw.destroy();
    }
  });
});

describe('bodies that nobody asks for', () => {
  test('are passed over, and the connection stays usable', async () => {
    const agent = caller();
    const { body } = sized(500000);

    for (const [method, target, key, status] of [
      ['POST', PATH, 'x', 401],
      ['POST', '/v1/nowhere', MAIN, 404],
      ['PUT', PATH, MAIN, 405],
      ['GET', channelPath('room', 'peers'), MAIN, 200],
      ['DELETE', '/v1/peers/alice', MAIN, 200],
      ['POST', PATH, MAIN, 413]
    ]) {
      for (const as of [body, [body]]) {
        if (status === 413 && Array.isArray(as)) {
          continue;
        }

        const res = await call(ngx, method, target, {
          agent, key, body: as,
          headers: Array.isArray(as) ? {} : { 'Content-Length': body.length }
        });

        assert.equal(res.status, status);
        assert.equal(res.headers.connection, 'keep-alive');
      }
    }

    agent.destroy();
  });
});

describe('a body that somebody has read before', () => {
  for (const [channel, what] of [
    ['mirrored', 'for "mirror"'], ['kept', 'into a file']
  ]) {
    test(what, async () => {
      await member(channel);

      for (const length of [11, 100, MAX]) {
        const { body, data } = sized(length);

        for (const as of [body, [body.slice(0, 7), body.slice(7)]]) {
          assert.equal((await publish(ngx, channel, as)).status, 200);
          await got(data);
        }
      }

      tooBig(await publish(ngx, channel, sized(MAX + 1).body));
      tooBig(await publish(ngx, channel, [sized(MAX + 1).body]));
    });
  }
});

describe('limits of the location', () => {
  test('signaling_max_message', async () => {
    await member('small');

    assert.equal((await publish(ngx, 'small', '{"data":"12345678"}')).status,
      200);
    await got('12345678');
    refused(await publish(ngx, 'small', '{"data":"123456789"}'), 413,
      /"signaling_max_message"/);
  });

  test('client_max_body_size', async () => {
    assert.equal((await publish(ngx, 'core', sized(100).body)).status, 200);
    assert.equal((await publish(ngx, 'core', sized(101).body,
      { headers: { 'Content-Length': 101 } })).status, 413);
    tooBig(await publish(ngx, 'core', [sized(101).body]));
  });
});

test('a client that goes away in the middle', async () => {
  await member();

  for (const more of [
    { 'Content-Length': 1000 }, { 'Transfer-Encoding': 'chunked' }
  ]) {
    for (const begun of ['', '3e8\r\n{"data"']) {
      const raw = await line(ngx);

      await raw.write(head('POST', PATH, more), begun);
      await raw.destroy();
    }
  }

  await waitFor(() => [...ngx.accessLog().matchAll(/publish HTTP.* 400 0/g)]
    .length >= 4, 'the end of the requests');

  assert.equal((await publish(ngx, 'room', { data: 8 })).status, 200);
  await got(8);
});

describe('HTTP/2', () => {
  let session;

  before(() => {
    session = http2.connect(
      `http${TLS ? 's' : ''}://127.0.0.1:${ngx.ports.PORT_H2}`,
      { rejectUnauthorized: false });
  });

  after(() => session.close());

  /* the body in pieces, each in a frame of its own */
  function request(method, target, pieces = [], more = {}) {
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': method, ':path': target,
        authorization: `Bearer ${MAIN}`, ...more
      }, { endStream: pieces.length === 0 });
      const res = { text: '' };

      stream.setEncoding('utf8');
      stream.on('response', (headers) => {
        res.status = headers[':status'];
        res.headers = headers;
      });
      stream.on('data', (text) => { res.text += text; });
      stream.on('end', () => resolve(res));
      stream.on('error', reject);

      for (const piece of pieces) {
        stream.write(piece);
      }

      if (pieces.length) {
        stream.end();
      }
    });
  }

  test('bodies with a length and without', async () => {
    await member();

    for (const length of [11, 1000, MAX]) {
      const { body, data } = sized(length);
      const middle = length >> 1;

      for (const [pieces, more] of [
        [[body], { 'content-length': length }],
        [[body], {}],
        [[body.slice(0, middle), body.slice(middle)], {}]
      ]) {
        assert.equal((await request('POST', PATH, pieces, more)).status,
          200);
        await got(data);
      }
    }
  });

  test('too long a body, and other refusals', async () => {
    const { body } = sized(MAX + 1);

    tooBig(await request('POST', PATH, [body],
      { 'content-length': MAX + 1 }));
    tooBig(await request('POST', PATH, [body]));
    tooBig(await request('POST', PATH, [body.slice(1), body]));

    const { status } = await request('POST', PATH, [body],
      { authorization: 'Bearer x' });

    assert.equal(status, 401);
  });

  test('the path as the client wrote it', async () => {
    await member('a/../b');

    const { text } = await request('GET',
      '/v1/channels/a/%2e%2e%2Fb/peers?x');

    assert.deepEqual(JSON.parse(text), {
      channel: 'a/../b', peers: [{ peerId: client.peerId }]
    });
  });
});
