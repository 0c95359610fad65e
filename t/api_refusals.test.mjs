// Copyright (C) The ngx_signaling authors
//
// What the control plane refuses, docs/protocol.md 12.1 and 12.2, in which
// order, and configurations that do not start.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test, { after, before, describe } from 'node:test';

import {
  answer, call, channelPath, disconnect, head, line, MAIN, publish, roster,
  SECRET, secretKey, SITE
} from './api.mjs';
import { configTest } from './nginx.mjs';
import { connect, KEYS, startSite } from './signaling.mjs';

const { publicKey } = generateKeyPairSync('ed25519');

const as = (id) => ({ key: `${id}:${SECRET}` });

let ngx;

before(async () => {
  ngx = await startSite({
    keys: `${SITE.keys}
      ${secretKey('sk_id_list', 'channels acme/*; actions presence;')}
      ${secretKey('sk_id_say', 'channels acme/*; actions publish;')}
      ${secretKey('sk_id_mute', 'channels **; actions subscribe send;')}
      secret_key sk_id_public {
        algorithm EdDSA; public_key_file @DIR@/public.pem; channels **;
      }`,
    files: {
      'public.pem': { text: publicKey.export({ type: 'spki', format: 'pem' }) }
    },
    server: `
      ${SITE.server}
      location /v1/channels/limited/ {
        signaling_api calls;
        limit_req zone=once;
      }
      location /v1/channels/if/ {
        signaling_api calls;
        if ($arg_x) { set $y 1; }
      }
      location /renamed/ { rewrite ^/renamed/(.*)$ /v1/$1 last; }
      location = /v1/tokens { return 204; }`,
    http: `limit_req_zone $binary_remote_addr zone=once:1m rate=1r/m;
      limit_req_status 429;`
  });
});

after(() => ngx?.finish());

function refused(res, status, error, message = /./) {
  assert.equal(res.status, status, res.text);
  assert.equal(res.headers['content-type'], 'application/json');
  assert.equal(res.headers['cache-control'], 'no-store');
  assert.deepEqual(Object.keys(res.json), ['error', 'message']);
  assert.equal(res.json.error, error);
  assert.match(res.json.message, message);

  for (const name of Object.keys(res.headers)) {
    assert.doesNotMatch(name, /^access-control-/);
  }
}

describe('401', () => {
  const wrong = [
    ['no header', null],
    ['nothing', ''],
    ['the ID alone', 'sk_id_main'],
    ['an empty secret', 'sk_id_main:'],
    ['the secret alone', SECRET],
    ['an empty ID', `:${SECRET}`],
    ['another secret', `sk_id_main:${SECRET}x`],
    ['a part of the secret', `sk_id_main:${SECRET.slice(1)}`],
    ['an unknown key', `sk_id_nobody:${SECRET}`],
    ['a publishable key', 'pk_live_all'],
    ['a publishable key as a pair', `pk_live_all:${SECRET}`],
    ['a publishable key without a secret', 'pk_live_all:'],
    ['a key that only verifies', `sk_id_public:${SECRET}`],
    ['a key that only verifies, empty', 'sk_id_public:'],
    ['the older form', 'sk_live_0123456789'],
    ['a token', 'e30.e30.e30'],
    ['a byte too many', `${MAIN} x`]
  ];

  const paths = [
    ['GET', channelPath('room', 'peers')],
    ['POST', channelPath('room', 'publish')],
    ['DELETE', '/v1/peers/alice'],
    ['GET', '/v1/usage'],
    ['GET', '/v1/nowhere'],
    ['OPTIONS', '/v1/usage'],
    ['PUT', '/v1/channels/_metered%2Fx/publish']
  ];

  for (const [what, key] of wrong) {
    test(what, async () => {
      const texts = new Set();

      for (const [method, target] of paths) {
        const res = await call(ngx, method, target, { key, body: 'no JSON' });

        refused(res, 401, 'unauthorized');
        assert.equal(res.headers['www-authenticate'], 'Bearer');
        texts.add(res.text);
      }

      assert.deepEqual([...texts], ['{"error":"unauthorized","message":' +
        '"show a secret key as \\"Authorization: Bearer id:secret\\""}']);
    });
  }

  test('another scheme', async () => {
    const basic = `Basic ${Buffer.from(MAIN).toString('base64')}`;

    for (const Authorization of [basic, MAIN, `Digest ${MAIN}`, 'Bearer',
                                 `Bearer${MAIN}`]) {
      refused(await call(ngx, 'GET', '/v1/usage',
        { key: null, headers: { Authorization } }), 401, 'unauthorized');
    }
  });

  test('a pair in the query, or as a token', async () => {
    for (const query of [`key=${MAIN}`, `secretKey=${MAIN}`,
                         `token=${MAIN}`]) {
      refused(await call(ngx, 'GET', `/v1/usage?${query}`, { key: null }),
        401, 'unauthorized');
    }
  });

  test('the scheme may be in any case', async () => {
    for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) {
      const { status } = await call(ngx, 'GET', channelPath('a', 'peers'), {
        key: null, headers: { Authorization: `${scheme} ${MAIN}` }
      });
      assert.equal(status, 200);
    }
  });

  test('no secret is in a log', () => {
    assert.ok(!ngx.errorLog().includes(SECRET));
    assert.ok(!ngx.accessLog().includes(SECRET));
  });
});

describe('404', () => {
  for (const target of [
    '/v1/', '/v1/nowhere', '/v1/channels', '/v1/channels/',
    '/v1/channels/room', '/v1/channels/room/', '/v1/channels/room/peers/',
    '/v1/channels/room/Peers', '/v1/channels/room/%70eers',
    '/v1/channels/room%2Fpeers', '/v1/channels//peers',
    '/v1/channels/peers', '/v1/channels/publish', '/v1/peers', '/v1/peers/',
    '/v1/usage/', '/v1/%75sage', '/v1//usage', '//v1/usage', '/./v1/usage',
    '/v1/channels/../usage', '/v1/channels/a/../../usage', '/renamed/usage'
  ]) {
    test(target, async () => {
      for (const method of ['GET', 'POST', 'DELETE']) {
        refused(await call(ngx, method, target), 404, 'not_found');
      }
    });
  }

  test('what nginx resolves to another location is not ours', async () => {
    for (const target of ['/v1/channels/../../peers',
                          '/v1/channels/x/../../../v2/peers']) {
      const { status, headers } = await call(ngx, 'GET', target);

      assert.equal(status, 404);
      assert.equal(headers['content-type'], 'text/html');
    }

    assert.equal((await call(ngx, 'POST', '/v1/tokens')).status, 204);
  });
});

describe('405', () => {
  for (const [target, allow] of [
    [channelPath('room', 'peers'), 'GET, HEAD'],
    [channelPath('room', 'publish'), 'POST'],
    ['/v1/peers/alice', 'DELETE'],
    ['/v1/usage', 'GET, HEAD']
  ]) {
    test(target, async () => {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE',
                            'OPTIONS', 'PROPFIND', 'PURGE']) {
        if (allow.split(', ').includes(method)) {
          continue;
        }

        const res = await call(ngx, method, target, {
          headers: { Origin: 'https://demo.example.com' }
        });

        if (method === 'HEAD') {
          assert.equal(res.status, 405);
          assert.equal(res.text, '');

        } else {
          refused(res, 405, 'not_found', /this path is for (GET|POST|DELETE)$/);
        }

        assert.equal(res.headers.allow, allow);
      }
    });
  }
});

describe('400', () => {
  const channels = [
    ['a control character', '%01'],
    ['a DEL', 'a%7fb'],
    ['a control character of two bytes', '%C2%80'],
    ['a byte that is no UTF-8', '%FF'],
    ['half a character', '%E2%82'],
    ['an overlong form', '%C0%AF'],
    ['a surrogate', '%ED%A0%80'],
    ['257 characters', 'x'.repeat(257)],
    ['129 characters of four bytes', encodeURIComponent('😀'.repeat(129))]
  ];

  for (const [what, raw] of channels) {
    test(`a channel with ${what}`, async () => {
      refused(await call(ngx, 'GET', `/v1/channels/${raw}/peers`),
        400, 'invalid_request', /names no channel/);
      refused(await call(ngx, 'POST', `/v1/channels/${raw}/publish`,
        { body: '{"data":1}' }), 400, 'invalid_request', /names no channel/);
    });
  }

  for (const [what, raw] of [
    ['a control character', '%1F'], ['DEL', '%7F'], ['no ASCII', '%C3%BC'],
    ['129 bytes', 'x'.repeat(129)]
  ]) {
    test(`a peer with ${what}`, async () => {
      refused(await call(ngx, 'DELETE', `/v1/peers/${raw}`),
        400, 'invalid_request', /names no peer/);
    });
  }

  test('a broken escape is refused by nginx', async () => {
    for (const target of ['/v1/channels/%zz/peers', '/v1/peers/%',
                          '/v1/peers/%00']) {
      const raw = await line(ngx);
      await raw.write(head('GET', target));
      assert.equal((await answer(raw)).status, 400);
      await raw.destroy();
    }
  });

  for (const channel of ['_metered/x', '_INTERNAL/x', '_System/']) {
    test(`the reserved channel ${channel}`, async () => {
      refused(await roster(ngx, channel), 400, 'channel_reserved');
      refused(await publish(ngx, channel, { data: 1 }), 400,
        'channel_reserved');
    });
  }

  for (const [what, body, message] of [
    ['nothing', '', /no JSON object/],
    ['an array', '[{"data":1}]', /no JSON object/],
    ['two values', '{"data":1}{}', /no JSON object/],
    ['a comma too many', '{"data":1,}', /no JSON object/],
    ['no UTF-8', Buffer.from('{"data":"\xff"}', 'latin1'), /no JSON object/],
    ['too deep a value', `{"data":${'['.repeat(128)}${']'.repeat(128)}}`,
     /no JSON object/],
    ['no data', '{"from":"x"}', /"data" is missing/],
    ['an empty sender', '{"data":1,"from":""}', /"from"/],
    ['a sender of 129 bytes', `{"data":1,"from":"${'x'.repeat(129)}"}`,
     /"from"/],
    ['a sender that is no string', '{"data":1,"from":null}', /"from"/],
    ['a sender that is no ASCII', '{"data":1,"from":"\u00fc"}', /"from"/],
    ['metadata that is no object', '{"data":1,"peerMetadata":[]}',
     /"peerMetadata" has to be an object/],
    ['metadata of 4097 bytes',
     `{"data":1,"peerMetadata":{"x":"${'x'.repeat(4089)}"}}`,
     /"peerMetadata" is longer than 4096 bytes/]
  ]) {
    test(`a body with ${what}`, async () => {
      refused(await publish(ngx, 'room', body), 400, 'invalid_request',
        message);
    });
  }
});

describe('403', () => {
  test('a key that lacks the action', async () => {
    refused(await roster(ngx, 'acme/x', as('sk_id_say')), 403,
      'action_not_permitted');
    refused(await publish(ngx, 'acme/x', { data: 1 }, as('sk_id_list')), 403,
      'action_not_permitted');
    refused(await roster(ngx, 'x', as('sk_id_mute')), 403,
      'action_not_permitted');
    refused(await publish(ngx, 'x', { data: 1 }, as('sk_id_mute')), 403,
      'action_not_permitted');
  });

  test('a channel out of scope', async () => {
    for (const channel of ['room', 'acme', 'acme/a/b']) {
      refused(await roster(ngx, channel, as('sk_id_list')), 403,
        'channel_not_authorized');
      refused(await publish(ngx, channel, { data: 1 }, as('sk_id_say')), 403,
        'channel_not_authorized');
    }
  });

  test('what a key may do, it does', async () => {
    const client = await connect(ngx);
    await client.join('acme/x');

    assert.equal((await roster(ngx, 'acme/x', as('sk_id_list'))).json.peers
      .length, 1);
    assert.equal((await publish(ngx, 'acme/x', { data: 1 }, as('sk_id_say')))
      .json.delivered, 1);
    assert.equal((await disconnect(ngx, client.peerId, as('sk_id_mute')))
      .json.closed, 1);
    assert.equal((await client.closed).code, 4020);
  });
});

describe('the order of refusals', () => {
  const long = JSON.stringify({ from: '', x: 'x'.repeat(40000) });

  test('401 before all', async () => {
    refused(await call(ngx, 'PUT', '/v1/nowhere', { key: 'x', body: long }),
      401, 'unauthorized');
    refused(await call(ngx, 'POST', '/v1/channels/%01/publish',
      { key: 'x', body: [long] }), 401, 'unauthorized');
  });

  test('404 and 405 before 413', async () => {
    refused(await call(ngx, 'POST', '/v1/nowhere', { body: long }), 404,
      'not_found');
    refused(await call(ngx, 'PUT', '/v1/channels/%01/publish',
      { body: long }), 405, 'not_found');
  });

  test('413 before 400', async () => {
    for (const body of [long, [long]]) {
      refused(await call(ngx, 'POST', '/v1/channels/%01/publish', { body }),
        413, 'invalid_request', /32768/);
    }
  });

  test('400 before 403', async () => {
    refused(await publish(ngx, '_metered/x', { data: 1 }, as('sk_id_list')),
      400, 'channel_reserved');
    refused(await publish(ngx, 'room', '{}', as('sk_id_list')), 400,
      'invalid_request');
    refused(await call(ngx, 'GET', '/v1/channels/%01/peers',
      as('sk_id_say')), 400, 'invalid_request');
  });

  test('action before scope', async () => {
    refused(await roster(ngx, 'room', as('sk_id_say')), 403,
      'action_not_permitted');
    refused(await publish(ngx, 'room', { data: 1 }, as('sk_id_list')), 403,
      'action_not_permitted');
  });
});

describe('what nginx gives a location', () => {
  test('limit_req has its own answer', async () => {
    assert.equal((await roster(ngx, 'limited/x')).status, 200);

    const res = await roster(ngx, 'limited/x');

    // "%2F" is resolved before nginx chooses a location

    assert.equal(res.status, 429);
    assert.equal(res.headers['content-type'], 'text/html');
  });

  test('an "if" inside of it changes nothing', async () => {
    for (const query of ['', '?x=1']) {
      const { status, json } =
        await call(ngx, 'GET', `/v1/channels/if/x/peers${query}`);

      assert.equal(status, 200);
      assert.equal(json.channel, 'if/x');
    }
  });
});

describe('configurations', () => {
  const ZONE = 'signaling_zone calls 16m;';
  const SK = secretKey('sk_id_main', 'channels **;');
  const at = (text) => `server { listen 127.0.0.1:@PORT@;
    location /v1/ { ${text} } }`;

  test('a control plane alone', async () => {
    const { code, stderr } = await configTest({
      modules: ['signaling'], http: `${ZONE} ${SK} ${at('signaling_api calls;')}`
    });

    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
  });

  const ALONE = 'is in a location that another directive answers for; write ' +
    'it in a location of its own';

  for (const [what, http, message] of [
    ['of no zone', `${SK} ${at('signaling_api other;')}`,
     '"signaling_api other" names no zone; write "signaling_zone other 32m;" ' +
     'at the beginning of "http"'],
    ['before its zone', `${SK} ${at('signaling_api calls;')} ${ZONE}`,
     '"signaling_api calls" names no zone; write "signaling_zone calls 32m;"'],
    ['without a zone', at('signaling_api;'),
     'invalid number of arguments in "signaling_api" directive'],
    ['twice', `${ZONE} ${SK} ${at('signaling_api calls; signaling_api calls;')}`,
     '"signaling_api" directive is duplicate'],
    ['of a server', `${ZONE} ${SK} server { signaling_api calls; }`,
     '"signaling_api" directive is not allowed here'],
    ['with the endpoint',
     `${ZONE} ${SK} ${at('signaling calls; signaling_api calls;')}`,
     `"signaling_api" ${ALONE}`],
    ['before the endpoint',
     `${ZONE} ${SK} ${at('signaling_api calls; signaling calls;')}`,
     `"signaling" ${ALONE}`],
    ['with the status',
     `${ZONE} ${SK} ${at('signaling_api calls; signaling_status calls;')}`,
     `"signaling_status" ${ALONE}`],
    ['and no key', `${ZONE} ${at('signaling_api calls;')}`,
     'has no secret key that could call it; write a "secret_key sk_id_name ' +
     '{ secret_file path; channels **; }" in "http"'],
    ['and publishable keys only',
     `${ZONE} ${KEYS} ${at('signaling_api calls;')}`,
     'has no secret key that could call it'],
    ['and a key that only verifies',
     `${ZONE} secret_key sk_id_public { algorithm EdDSA;
      public_key_file @DIR@/public.pem; channels **; }
      ${at('signaling_api calls;')}`,
     'has no secret key that could call it']
  ]) {
    test(`a control plane ${what}`, async () => {
      const { code, stderr } = await configTest({
        modules: ['signaling'], http, files: {
          'public.pem': {
            text: publicKey.export({ type: 'spki', format: 'pem' })
          }
        }
      });

      assert.equal(code, 1, stderr);
      assert.ok(stderr.includes(message), stderr);
      assert.match(stderr, /nginx\.conf:\d+/);
    });
  }
});
