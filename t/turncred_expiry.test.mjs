// Copyright (C) The ngx_signaling authors
//
// Credentials of all endpoints at a real coturn, now and later: a coturn whose
// clock is ahead sees them when they have expired.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { call } from './api.mjs';
import { allocate, startCoturn } from './coturn.mjs';
import { ORIGIN, startSite } from './signaling.mjs';
import { issue, now, secretKey } from './token.mjs';

const TURN = 'north-star-secret';
const SECRET = 'sk_secret_of_main_0123456789_abcdefghij';

const LIFE = 600;

const KEYS = `
  publishable_key pk_page { origins ${ORIGIN}; channels **; }
  ${secretKey('sk_HS256')}
  secret_key sk_main { secret ${SECRET}; channels **; }`;

const HTTP = `
  turn_server turn:turn.example.com;
  turn_secret ${TURN};`;

const SERVER = `
  location = /credentials { turn_credentials; }
  location = /tokens      { token_issue sk_main; token_ttl ${LIFE}s;
                            turn_ttl 1s; }
  location = /user        { turn_credentials; turn_user $http_x_user; }
  location /api/          { turn_api; turn_ttl ${LIFE}s; }`;

describe('a credential that ends in ten minutes', () => {
  let coturn = {};
  let ngx;

  before(async () => {
    ngx = await startSite({ keys: KEYS, http: HTTP, server: SERVER });

    // before the end; in the minute for clocks that differ; after it

    coturn.now = await startCoturn(TURN);
    coturn.between = await startCoturn(TURN, undefined, LIFE + 5);
    coturn.after = await startCoturn(TURN, undefined, LIFE + 65);
    coturn.other = await startCoturn('another-secret');
  });
  after(async () => {
    await Promise.all(Object.values(coturn).map((one) => one.stop()));
    await ngx?.finish();
  });

  const page = { key: null, headers: { Origin: ORIGIN } };

  const ways = {
    'for a page that asks for them': async () =>
      (await call(ngx, 'GET', `/credentials?key=pk_page&ttl=${LIFE}`, page))
        .json[0],

    'for a token that ends then': async () =>
      (await call(ngx, 'GET', '/credentials', {
        key: await issue({ exp: now() + LIFE })
      })).json[0],

    'with a token': async () =>
      (await call(ngx, 'POST', '/tokens?key=pk_page', page)).json
        .iceServers[0],

    'for a user whose name is hashed': async () =>
      (await call(ngx, 'GET', `/user?key=pk_page&ttl=${LIFE}`, {
        ...page, headers: { ...page.headers, 'X-User': 'a@example.org' }
      })).json[0],

    'of turn_api': async () =>
      (await call(ngx, 'GET', '/api/credentials?apiKey=pk_page', page))
        .json[0],

    'of turn_api, for a backend': async () => {
      const { json } = await call(ngx, 'POST',
        `/api/credential?secretKey=sk_main:${SECRET}`,
        { key: null, body: `{"expiryInSeconds":${LIFE}}` });

      return { username: json.username, credential: json.password };
    }
  };

  for (const [name, get] of Object.entries(ways)) {
    test(name, async () => {
      const { username, credential } = await get();
      const code = (server) => allocate(server.port, username, credential);

      assert.equal(await code(coturn.now), 0, 'before its end');
      assert.equal(await code(coturn.between), 0, 'in the minute after it');
      assert.equal(await code(coturn.after), 401, 'after that');
      assert.equal(await code(coturn.other), 401, 'with another secret');

      assert.equal(await allocate(coturn.now.port,
        username.replace(/^\d/, '3'), credential), 401, 'with another end');
    });
  }
});
