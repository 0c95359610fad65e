// Copyright (C) The ngx_signaling authors
//
// docs/protocol.md 3, 5.2 and 8: what a client may say, and the error that
// answers everything else.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { connectRaw, frame, PING, PONG, text } from './raw.mjs';
import { connect, KEYS, startSite } from './signaling.mjs';

const PATTERNS = String.raw`room-* acme/** devices/*/events a\*b Case`;

const MORE_KEYS = `
  ${KEYS}
  publishable_key pk_live_scoped { origins *; channels ${PATTERNS}; }
  publishable_key pk_live_subscribe { origins *; channels **;
                                      actions subscribe presence; }
  publishable_key pk_live_publish { origins *; channels room-*;
                                    actions publish; }
  publishable_key pk_live_send { origins *; channels room-*; actions send; }
`;

const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('client messages', { timeout: 120000 }, () => {
  let ngx;
  let client;

  before(async () => {
    ngx = await startSite({ keys: MORE_KEYS });
    client = await connect(ngx);
  });

  after(async () => {
    await client?.close();
    await ngx?.finish();
  });

  /* gives all that comes before the ack of a message behind this one */
  async function answers(message) {
    assert.deepEqual(client.frames.splice(0), []);
    client.send(message);
    await client.ok({ type: 'unsubscribe', channel: 'marker' });

    return client.frames.splice(0);
  }

  /* one error, with its requestId or without, and the connection is open */
  async function error(message, code, requestId) {
    const [frame, ...more] = await answers(message);

    assert.deepEqual(more, []);
    assert.equal(typeof frame?.message, 'string');
    assert.notEqual(frame.message, '');
    delete frame.message;
    assert.deepEqual(frame, {
      type: 'error', code, ...(requestId === undefined ? {} : { requestId })
    });
  }

  async function acks(message, requestId) {
    assert.deepEqual(await answers(message), [{ type: 'ack', requestId }]);
  }

  describe('shape', () => {
    for (const message of [
      '', ' ', '{', '}', '[]', '[{"type":"ping"}]', 'null', '1', '"ping"',
      'ping', '{"type":"ping"', '{"type":"ping"}}', '{"type":"ping"} x',
      '{"type":"ping",}', '{\'type\':\'ping\'}', '{type:"ping"}',
      '{"type" "ping"}', '{"type":"ping""a":1}', '{"a":01,"type":"ping"}',
      '{"a":+1,"type":"ping"}', '{"a":.5,"type":"ping"}',
      '{"a":1.,"type":"ping"}', '{"a":1e,"type":"ping"}',
      '{"a":NaN,"type":"ping"}', '{"a":True,"type":"ping"}',
      '{"a":nul,"type":"ping"}', '{"a":"\t","type":"ping"}',
      '{"a":"\\x","type":"ping"}', '{"a":"\\u12g4","type":"ping"}',
      '{"a":"\u0000","type":"ping"}', '{"a":undefined,"type":"ping"}',
      '{"type":"ping"}{"type":"ping"}', '\ufeff{"type":"ping"}',
      '/**/{"type":"ping"}', '{"":1}', '{}', '{"data":{"type":"ping"}}',
      '{"Type":"ping"}', '{"type":null}', '{"type":1}', '{"type":["ping"]}',
      '{"type":{"ping":1}}'
    ]) {
      test(`malformed: ${JSON.stringify(message)}`,
        () => error(message, 'malformed_message'));
    }

    for (const type of ['', 'Ping', 'ping ', 'pings', 'join', 'ack',
      'welcome', 'pong', 'presence', 'ping\u0000', 'toString']) {
      test(`unknown type ${JSON.stringify(type)}`, async () => {
        await error({ type }, 'unknown_type');
        await error({ type, requestId: 'r' }, 'unknown_type', 'r');
      });
    }

    test('white space around everything', () => acks(
      ' \t\r\n{ "type"\t:\r"publish" ,\n"channel": "x" , "data" : 1 ,' +
      ' "requestId" : "w" } \r\n', 'w'));

    test('unknown members', () => acks(
      { a: 1, type: 'publish', channel: 'x', data: 1, requestId: 'u',
        to: 5, extra: { type: 'ping', requestId: 'other' } }, 'u'));

    test('of members with one name the last counts', async () => {
      await acks('{"type":"ping","type":"publish","channel":1,"channel":"x",' +
        '"data":1,"requestId":"first","requestId":"last"}', 'last');
      await error('{"type":"publish","type":"nothing","channel":"x",' +
        '"data":1,"requestId":"d"}', 'unknown_type', 'd');
      await error('{"type":"publish","channel":"x","data":1,' +
        '"requestId":"d","requestId":7}', 'malformed_message');
    });

    test('escapes in names and values', () => acks(
      '{"t\\u0079pe":"p\\u0075blish","ch\\u0061nnel":"\\u0078",' +
      '"\\u0064\\u0061ta":1,"request\\u0049d":"e"}', 'e'));

    test('an escaped name counts as the same name', () => error(
      '{"type":"ping","typ\\u0065":"nothing"}', 'unknown_type'));

    for (const [depth, good] of [[126, true], [127, true], [128, false],
      [5000, false]]) {
      test(`data that makes ${depth + 1} levels`, async () => {
        const message = `{"type":"publish","channel":"x","requestId":"n",` +
          `"data":${nested(depth)}}`;

        await (good ? acks(message, 'n')
          : error(message, 'malformed_message'));
      });

      test(`an unknown member that makes ${depth + 1} levels`, async () => {
        const message = `{"x":${nested(depth)},"type":"unsubscribe",` +
          '"channel":"x","requestId":"n"}';

        await (good ? acks(message, 'n')
          : error(message, 'malformed_message'));
      });
    }

    test('a frame of 60000 open brackets', () => error(
      '['.repeat(60000), 'malformed_message'));

    test('a binary message is read as text', async () => {
      await acks(Buffer.from(
        '{"type":"publish","channel":"x","data":1,"requestId":"b"}'), 'b');
      await error(Buffer.from('{'), 'malformed_message');
    });
  });

  describe('requestId', () => {
    const good = [
      'x', ' ', '0', 'r'.repeat(128), '\u00e9'.repeat(128),
      '\u{1f600}'.repeat(64), '"\\/\b\f\n\r\t', '\u0000\u001f\u007f', '\u2028'
    ];

    for (const requestId of good) {
      const name = JSON.stringify(requestId).slice(0, 40);

      test(`${name} comes back`, async () => {
        await acks({ type: 'unsubscribe', channel: 'x', requestId },
          requestId);
        await error({ type: 'nothing', requestId }, 'unknown_type',
          requestId);
        await error({ requestId }, 'malformed_message', requestId);
        await error({ type: null, requestId }, 'malformed_message',
          requestId);
      });
    }

    test('with escapes of all kinds comes back', () => acks(
      '{"type":"unsubscribe","channel":"x",' +
      '"requestId":"\\u0041\\ud83d\\ude00\\n\\u00e9"}', 'A\u{1f600}\n\u00e9'));

    for (const value of [
      '""', 'null', 'false', '0', '7', '{}', '["r"]', `"${'r'.repeat(129)}"`,
      `"${'\u00e9'.repeat(129)}"`, `"${'\u{1f600}'.repeat(64)}x"`,
      `"${'\\u0041'.repeat(129)}"`
    ]) {
      test(`${value.slice(0, 30)} of ${value.length} is malformed`,
        async () => {
          await error(`{"type":"subscribe","channel":"never",` +
            `"requestId":${value}}`, 'malformed_message');
          // before the type is looked at
          await error(`{"type":"nothing","requestId":${value}}`,
            'malformed_message');
        });
    }

    test('no ack without one, but errors', async () => {
      assert.deepEqual(await answers(
        { type: 'unsubscribe', channel: 'x' }), []);
      assert.deepEqual(await answers(
        { type: 'publish', channel: 'x', data: 1 }), []);
      await error({ type: 'publish', channel: 'x' }, 'missing_data');
      await error({ type: 'send', to: 'nobody', data: 1 },
        'peer_not_found');
    });

    test('a ping is answered by a pong only', async () => {
      assert.deepEqual(await answers(
        { type: 'ping', requestId: 'p', channel: 7, data: 1 }),
      [{ type: 'pong' }]);
    });
  });

  describe('fields', () => {
    const types = {
      subscribe: {}, unsubscribe: {}, publish: { data: 1 }
    };

    const invalid = [
      undefined, null, 7, true, {}, ['x'], '', 'x'.repeat(257),
      '\u00e9'.repeat(257), '\u{1f600}'.repeat(129),
      '\u{1f600}'.repeat(128) + 'x', 'a\u0000', '\u001f', 'a\nb', '\u007f',
      '\u0080', 'a\u009f', '\ud800', 'a\udc00b', '\udc00\ud800'
    ];

    for (const [type, more] of Object.entries(types)) {
      for (const channel of invalid) {
        const name = JSON.stringify(channel)?.slice(0, 30) ?? 'no channel';

        test(`${type}: ${name} is invalid_channel`, () => error(
          { type, channel, ...more, requestId: 'c' }, 'invalid_channel',
          'c'));
      }

      for (const channel of [
        ' ', 'x', 'x'.repeat(256), '\u00e9'.repeat(256), '\u20ac'.repeat(256),
        '\u{1f600}'.repeat(128), '\u00a0', '/', '//a/', '*', '**', 'a\\b',
        '"', '\u2028', '__proto__'
      ]) {
        test(`${type}: ${JSON.stringify(channel).slice(0, 30)} is good`,
          async () => {
            await client.ok({ type, channel, ...more });

            if (type === 'subscribe') {
              assert.equal((await client.next('presence')).channel, channel);
              await client.ok({ type: 'unsubscribe', channel });
            }
          });
      }
    }

    for (const type of ['subscribe', 'publish']) {
      for (const channel of [
        '_metered/', '_metered/x', '_METERED/x', '_Internal/', '_system/a/b',
        '_sysTEM/'
      ]) {
        test(`${type}: ${channel} is reserved`, () => error(
          { type, channel, data: 1, requestId: 'c' }, 'channel_reserved',
          'c'));
      }

      test(`${type}: a reserved name with escapes`, () => error(
        `{"type":"${type}","channel":"\\u005fsystem\\/a","data":1}`,
        'channel_reserved'));
    }

    test('what only looks reserved is not', async () => {
      for (const channel of ['_metered', 'metered/', '_meteredx/', ' _system/',
        '_other/']) {
        await acks({ type: 'publish', channel, data: 1, requestId: 'n' }, 'n');
      }
    });

    test('a reserved name can be unsubscribed', () => acks(
      { type: 'unsubscribe', channel: '_system/x', requestId: 'n' }, 'n'));

    for (const to of [
      undefined, null, 7, {}, ['x'], '', 'p'.repeat(129), 'a\n', 'a\u0000',
      '\u007f', '\u00e9', '\u{1f600}', '\ud800'
    ]) {
      const name = JSON.stringify(to)?.slice(0, 30) ?? 'no peer';

      test(`send: ${name} is invalid_peer_id`, () => error(
        { type: 'send', to, data: 1, requestId: 'c' }, 'invalid_peer_id',
        'c'));
    }

    for (const to of ['p'.repeat(128), ' ', '~', '"\\"']) {
      test(`send: ${JSON.stringify(to).slice(0, 30)} is good`, () => error(
        { type: 'send', to, data: 1, requestId: 'c' }, 'peer_not_found',
        'c'));
    }

    test('names are compared without their escapes', async () => {
      const to = [...client.peerId].map((c) =>
        `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

      assert.deepEqual((await answers(
        `{"type":"send","to":"${to}","data":0,"requestId":"e"}`))
        .sort((a, b) => a.type < b.type ? -1 : 1), [
        { type: 'ack', requestId: 'e' },
        { type: 'direct', from: client.peerId, data: 0 }
      ]);

      await client.ok({ type: 'subscribe', channel: 'a/b' });
      await client.next('presence');
      client.send('{"type":"unsubscribe","channel":"\\u0061\\/b",' +
        '"requestId":"u"}');
      await client.next('ack');
      assert.equal((await ngx.status()).members, 0);
    });

    test('data has to be there, whatever it is', async () => {
      for (const data of ['null', 'false', '0', '""', '{}', '[]', '-0.0e-0',
        '"\\ud800"']) {
        await acks(`{"type":"publish","channel":"x","data":${data},` +
          '"requestId":"d"}', 'd');
      }
      await error({ type: 'publish', channel: 'x', requestId: 'd' },
        'missing_data', 'd');
      await error({ type: 'send', to: 'x', requestId: 'd' },
        'missing_data', 'd');
    });

    test('no error cost the connection', () => client.settled());
  });

  describe('the order of checks', () => {
    // each message has its own mistake and all those that come later

    const steps = [
      ['{"requestId":"","type":"nothing","channel":""', 'malformed_message'],
      ['{"requestId":"","type":"nothing","channel":""}', 'malformed_message'],
      ['{"type":"nothing","channel":""}', 'unknown_type'],
      ['{"type":"publish","channel":""}', 'invalid_channel'],
      ['{"type":"publish","channel":"_system/"}', 'missing_data'],
      ['{"type":"publish","channel":"_system/","data":1}',
        'channel_reserved'],
      ['{"type":"publish","channel":"other","data":1}',
        'action_not_permitted'],
      ['{"type":"send","to":""}', 'invalid_peer_id'],
      ['{"type":"send","to":"nobody"}', 'missing_data'],
      ['{"type":"send","to":"nobody","data":1}', 'action_not_permitted'],
      ['{"type":"subscribe","channel":"_system/"}', 'channel_reserved']
    ];

    test('of a client without rights', async () => {
      const other = await connect(ngx, { key: 'pk_live_subscribe' });

      for (const [message, code] of steps) {
        other.send(message);
        assert.equal((await other.next('error')).code, code, message);
      }
      await other.close();
    });

    test('permission comes before scope', async () => {
      const other = await connect(ngx, { key: 'pk_live_send' });

      await other.fails({ type: 'subscribe', channel: 'out' },
        'action_not_permitted');
      await other.fails({ type: 'publish', channel: 'out', data: 1 },
        'action_not_permitted');
      await other.fails({ type: 'send', to: 'nobody', data: 1 },
        'peer_not_found');
      await other.ok({ type: 'unsubscribe', channel: 'out' });
      await other.close();
    });

    test('reserved comes before scope', async () => {
      const other = await connect(ngx, { key: 'pk_live_scoped' });

      await other.fails({ type: 'subscribe', channel: '_system/x' },
        'channel_reserved');
      await other.close();
    });

    test('one key publishes only', async () => {
      const other = await connect(ngx, { key: 'pk_live_publish' });

      await other.ok({ type: 'publish', channel: 'room-1', data: 1 });
      await other.fails({ type: 'publish', channel: 'out', data: 1 },
        'channel_not_authorized');
      await other.fails({ type: 'subscribe', channel: 'room-1' },
        'action_not_permitted');
      await other.fails({ type: 'send', to: other.peerId, data: 1 },
        'action_not_permitted');
      await other.close();
    });
  });

  describe('the scope', () => {
    const rows = [
      ['room-42', true], ['room-', true], ['room-42/chat', false],
      ['xroom-42', false], ['Room-1', false], ['acme/x', true],
      ['acme/x/y/z', true], ['acme/', true], ['acme', false],
      ['devices/7/events', true], ['devices//events', true],
      ['devices/7/8/events', false], ['a*b', true], ['axb', false],
      ['a\\*b', false], ['Case', true], ['case', false]
    ];

    test('of a key is that of its patterns', async () => {
      const other = await connect(ngx, { key: 'pk_live_scoped' });

      for (const [channel, good] of rows) {
        for (const type of ['subscribe', 'publish']) {
          const reply = await other.request({ type, channel, data: 1 });
          assert.equal(reply.code ?? 'ack',
            good ? 'ack' : 'channel_not_authorized', `${type} ${channel}`);
        }
        await other.ok({ type: 'unsubscribe', channel });
      }
      await other.close();
    });
  });

  describe('replies', () => {
    test('come in the order of the messages', async () => {
      const raw = await connectRaw(ngx);
      const sent = Array.from({ length: 60 }, (_, i) => [
        { type: 'ping' },
        { type: 'publish', channel: 'x', data: i, requestId: `a${i}` },
        { type: 'publish', channel: 'x', requestId: `e${i}` },
        { type: 'nothing', requestId: `u${i}` },
        { type: 'unsubscribe', channel: 'x', requestId: `n${i}` }
      ][i % 5]);

      await raw.write(...sent.map((m) => text(m)), frame(PING, 'last'));

      const got = await raw.flush(61);
      const last = got.pop();

      assert.deepEqual(got.map(({ json }) => json.requestId ?? json.type),
        sent.map((m) => m.requestId ?? 'pong'));
      assert.equal(last.opcode, PONG);
      await raw.destroy();
    });

    test('reach one who leaves at once', async () => {
      const raw = await connectRaw(ngx);

      await raw.write(
        text({ type: 'publish', channel: 'x', data: 1, requestId: 'r' }),
        frame(0x8, Buffer.from([0x03, 0xe8])));
      assert.deepEqual(await raw.message('ack'),
        { type: 'ack', requestId: 'r' });
      assert.deepEqual(await raw.close(), { code: 1000, reason: '' });
      await raw.ended;
      await raw.destroy();
    });
  });
});
