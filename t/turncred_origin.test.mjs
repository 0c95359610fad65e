// Copyright (C) The ngx_signaling authors
//
// Pages that ask for TURN credentials on their own host: a browser sends no
// Origin with such a GET, but Sec-Fetch-Site.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { startNginx } from './nginx.mjs';

describe('a GET within one origin', () => {
  let ngx;

  before(async () => {
    ngx = await startNginx({
      modules: ['turncred'],
      http: `
        publishable_key pk_live_own {
          origins http://demo.example.com;
          channels **;
        }
        turn_server turn:turn.example.com:3478;
        turn_secret north-star-secret;
        server {
          listen 127.0.0.1:@PORT@;
          location = /turn/credentials { turn_credentials; }
        }`
    });
  });
  after(() => ngx?.stop());

  async function status(headers) {
    const { request } = await import('node:http');

    return new Promise((resolve, reject) => {
      request({
        port: ngx.port, host: '127.0.0.1', agent: false,
        path: '/turn/credentials?key=pk_live_own', headers
      }, (res) => {
        res.resume();
        resolve(res.statusCode);
      }).on('error', reject).end();
    });
  }

  const host = 'demo.example.com';

  test('is taken for what the browser says it is', async () => {
    assert.equal(await status({ host, 'sec-fetch-site': 'same-origin' }),
      200);
  });

  test('counts for the host that was asked, not for any', async () => {
    assert.equal(await status({
      host: 'evil.example.com', 'sec-fetch-site': 'same-origin'
    }), 403);
  });

  test('of another site or without a word about it is refused', async () => {
    assert.equal(await status({ host, 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await status({ host, 'sec-fetch-site': 'same-site' }), 403);
    assert.equal(await status({ host }), 403);
  });

  test('with an Origin is judged by that alone', async () => {
    assert.equal(await status({
      host, 'sec-fetch-site': 'same-origin', origin: 'https://evil.example'
    }), 403);
  });
});
