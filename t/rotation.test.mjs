// Copyright (C) The ngx_signaling authors
//
// A secret is rotated while everybody talks: a new key comes beside the old
// one, newcomers come by it, the old one goes.  Who came by the old one is
// closed with 4001, and nobody else loses a message or sees a ghost.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';

import { Crowd } from './crowd.mjs';
import { onlyNewest, reload } from './processes.mjs';
import { refused, startSite, waitFor } from './signaling.mjs';
import { issue, secretKey } from './token.mjs';

const ROOMS = ['one', 'two'];
const EACH = 4;         // members by each key in each room

/* "keys" is in live.keys, which the configuration reads in either way */
async function site(directive) {
  const ngx = await startSite({
    modules: ['signaling'], location: 'signaling_rate off;',
    http: `${directive} live.keys;`,
    files: { 'live.keys': { text: secretKey('sk_1') } }
  });

  ngx.write = (...ids) => fs.writeFileSync(`${ngx.dir}/live.keys`,
    ids.map((id) => secretKey(id)).join('\n'));

  return ngx;
}

const query = async (kid, sub) =>
  ({ query: `token=${await issue({ sub }, { kid })}` });

const accepts = async (ngx, kid) => {
  const crowd = new Crowd(ngx);

  try {
    await crowd.leave(await crowd.connect(await query(kid, 'probe')));
    return true;
  } catch (error) {
    assert.match(error.message, /^closed with 4001 /);
    return false;
  }
};

/* several answers in a row, since each may be of another worker */
const agreed = (ngx, kid, answer) => waitFor(async () => {
  for (let i = 0; i < 20; i++) {
    if (await accepts(ngx, kid) !== answer) {
      return false;
    }
  }
  return true;
}, `${answer ? 'acceptance' : 'refusal'} of ${kid}`);

async function rotate(ngx, change) {
  const crowd = new Crowd(ngx);
  const join = async (kid, name) => {
    for (const room of ROOMS) {
      await Promise.all(Array.from({ length: EACH }, async (_, i) =>
        crowd.join(room, await query(kid, `${name}-${room}-${i}`))));
    }
  };

  await crowd.fill(ROOMS, 2);
  await join('sk_1', 'old');

  const old = crowd.open().filter((m) => m.peerId.startsWith('old'));
  const ends = Promise.all(old.map((m) => m.closed));

  crowd.traffic();
  await crowd.flow();

  await change('sk_1', 'sk_2');
  await agreed(ngx, 'sk_2', true);
  await join('sk_2', 'new');
  await crowd.flow();
  assert.ok(old.every((m) => m.state === 'open'));

  crowd.expectEnd(old);
  await change('sk_2');

  for (const { code } of await ends) {
    assert.equal(code, 4001);
  }

  await agreed(ngx, 'sk_1', false);
  await crowd.flow();
  await crowd.rostersExact();
  assert.equal(crowd.open().length, ROOMS.length * (2 + EACH));
  assert.equal((await refused(ngx, await query('sk_1', 'late'))).code, 4001);
  await crowd.end();
}

describe('a rotation under load', () => {
  test('by the key file', async () => {
    const ngx = await site('key_file');

    await rotate(ngx, async (...ids) => ngx.write(...ids));
    await ngx.stop();
  });

  test('by reloads', async () => {
    const ngx = await site('include');

    await rotate(ngx, async (...ids) => {
      ngx.write(...ids);
      await reload(ngx);
    });
    await onlyNewest(ngx);
    await ngx.stop();
  });
});
