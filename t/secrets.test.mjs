// Copyright (C) The ngx_signaling authors
//
// What somebody shows as a credential by mistake, and every token, stays out
// of the logs: also where limit_req refuses the request before anybody has
// looked at it.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import { get, refused, startSite, waitFor } from './signaling.mjs';

describe('credentials of the WebSocket', () => {
  const secrets = ['sk_secret_0123456789', 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln',
                   'percent%20secret%2f1'];
  let ngx;

  /* a line is written when the client has long been answered */
  const logged = (line) => waitFor(() => line.test(ngx.accessLog()),
    `line ${line} in the log`);

  before(async () => {
    ngx = await startSite({
      level: 'debug',
      http: 'limit_req_zone $server_port zone=one:1m rate=1r/m;',
      server: `
        location = /limited { signaling calls; limit_req zone=one; }
        location = /other { return 204; }`
    });
  });
  after(() => ngx?.stop());

  test('are overwritten in the logs', async () => {
    for (const secret of secrets) {
      for (const name of ['key', 'token', 'apiKey', 'secretKey']) {
        assert.equal((await refused(ngx, { query: `${name}=${secret}` })).code,
          4001);
      }
    }

    await get(ngx, '/other?all=done');
    await logged(/all=done/);

    const log = ngx.accessLog();

    assert.match(log, /"GET \/v1\?key=\*+ HTTP\/1\.1" 101/);
    assert.match(log, /"GET \/v1\?secretKey=\*+ HTTP\/1\.1" 101/);

    for (const secret of secrets) {
      assert.ok(!log.includes(secret), secret);
    }
  });

  test('are overwritten where limit_req refuses, too', async () => {
    for (let i = 0; i < 3; i++) {
      await get(ngx, `/limited?token=${secrets[1]}-limited`);
    }

    await logged(/"GET \/limited\?token=\*+ HTTP\/1\.1" 503/);
    assert.ok(!ngx.accessLog().includes('-limited '));
  });

  test('that are publishable keys, and other arguments, are not', async () => {
    const client = await ngx.connect({ query: 'room=1&key=pk_live_all' });

    await client.close();
    await get(ngx, '/other?key=anything');

    await logged(/\/v1\?room=1&key=pk_live_all /);
    await logged(/\/other\?key=anything /);
  });
});
