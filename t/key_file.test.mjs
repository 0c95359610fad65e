// Copyright (C) The ngx_signaling authors
//
// Keys that come, change and go while nginx runs: when a change of "key_file"
// is noticed, and whom it concerns.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { LOADS, pk } from './key_file.mjs';
import { startNginx } from './nginx.mjs';
import { children, refusedReload, reload, rewrite } from './processes.mjs';
import {
  connect, ORIGIN, refused, request, startSite, waitFor
} from './signaling.mjs';
import { FILES, issue, SECRET, secretKey } from './token.mjs';

/* the promise is two seconds; this is for a busy machine */
const LATE = 15000;

/* ms for which a file may be left unfinished: two looks are 200 ms apart */
const STILL = 150;

/* the time of several looks, in which nothing may happen */
const LOOKS = 3000;

/* a site whose keys are in live.keys, and "fixed" in the configuration */
async function site(keys, { fixed = '', files, ...options } = {}) {
  const ngx = await startSite({
    modules: ['signaling'], listen: 'reuseport',
    ...options,
    keys: `${fixed} key_file live.keys;`,
    files: { 'live.keys': { text: keys }, ...files }
  });

  ngx.file = `${ngx.dir}/live.keys`;
  ngx.write = (text) => fs.writeFileSync(ngx.file, text);
  ngx.errors = () => ngx.errorLog().match(/\[error\].*/g) ?? [];

  return ngx;
}

function replace(ngx, text) {
  fs.writeFileSync(`${ngx.file}.new`, text, { mode: 0o600 });
  fs.renameSync(`${ngx.file}.new`, ngx.file);
}

/* one client on every worker, as soon as the key is good there */
async function everywhere(ngx, options) {
  const workers = ngx.workerPids();
  const clients = new Map();

  await waitFor(async () => {
    try {
      const client = await connect(ngx, options);

      if (clients.has(client.worker)) {
        await client.close();
      } else {
        clients.set(client.worker, client);
      }
    } catch (error) {
      assert.match(error.message, /^closed with 4001 /);
    }

    return workers.every((pid) => clients.has(pid));
  }, 'acceptance by every worker', LATE);

  return [...clients.values()];
}

async function lost(clients) {
  for (const client of clients) {
    await waitFor(() => client.close_code, 'close', LATE);

    const { code, reason } = await client.closed;
    assert.deepEqual([code, reason], [4001, 'the key was changed']);
  }
}

/* who stays is served, and was not told of anything */
async function stays(clients) {
  for (const client of clients) {
    await client.settled();
    assert.deepEqual(client.frames, []);
  }
}

describe('key_file', () => {
  test('empty at the start, keys come and go', async () => {
    const ngx = await site('');

    assert.equal((await refused(ngx, { key: 'pk_a' })).code, 4001);

    ngx.write(pk('pk_a'));
    const a = await everywhere(ngx, { key: 'pk_a' });

    ngx.write(pk('pk_a') + pk('pk_b'));
    const b = await everywhere(ngx, { key: 'pk_b' });

    await stays(a);

    ngx.write(pk('pk_b'));
    await lost(a);
    await stays(b);
    assert.equal((await refused(ngx, { key: 'pk_a' })).code, 4001);

    ngx.write('');
    await lost(b);
    assert.deepEqual(ngx.errors(), []);
    await ngx.finish();
  });

  test('a change closes those whom it concerns', async () => {
    const before = pk('pk_same') + pk('pk_wider', { channels: 'a' }) +
      pk('pk_narrow', { channels: 'a b' }) + pk('pk_actions') +
      pk('pk_app') + pk('pk_gone') + pk('pk_turn');
    const ngx = await site(before, { fixed: pk('pk_fixed') });
    const clients = {};

    for (const id of ['fixed', 'same', 'wider', 'narrow', 'actions', 'app',
                      'gone', 'turn']) {
      clients[id] = await everywhere(ngx, { key: `pk_${id}` });
    }

    ngx.write(pk('pk_same') + pk('pk_wider', { channels: 'a c' }) +
      pk('pk_narrow', { channels: 'b' }) +
      pk('pk_actions', { more: 'actions send;' }) +
      pk('pk_app', { more: 'app other;' }) +
      pk('pk_turn', { more: 'turn off;' }));

    for (const id of ['narrow', 'actions', 'app', 'gone']) {
      await lost(clients[id]);
    }

    for (const id of ['fixed', 'same', 'wider', 'turn']) {
      await stays(clients[id]);
    }

    // rights are those of the time of the connect

    await clients.wider[0].fails({ type: 'subscribe', channel: 'c' },
      'channel_not_authorized');

    const [newcomer] = await everywhere(ngx, { key: 'pk_wider' });
    await newcomer.join('c');
    await newcomer.close();

    // who came by an older set is looked after all the same

    ngx.write(pk('pk_same') + pk('pk_turn') +
      pk('pk_wider', { channels: 'c' }));
    await lost(clients.wider);
    await stays([...clients.same, ...clients.turn, ...clients.fixed]);
    await ngx.finish();
  });

  test('an origin that is taken away', async () => {
    const key = (origins) => `publishable_key pk_o {
      origins ${origins}; channels **; }`;
    const ngx = await site(key(`${ORIGIN} https://b.example`));

    const a = await everywhere(ngx, { key: 'pk_o' });
    const b = await everywhere(ngx, { key: 'pk_o',
      origin: 'https://b.example' });

    ngx.write(key(ORIGIN));
    await lost(b);
    await stays(a);
    await ngx.finish();
  });

  test('what does not parse changes nothing and is told of once', async () => {
    const ngx = await site(pk('pk_a'));
    const a = await everywhere(ngx, { key: 'pk_a' });

    ngx.write(`${pk('pk_b')}\n\npublishable_key pk_c {\n  origins *\n}\n`);
    await waitFor(() => ngx.errors().length, 'error', LATE);
    await delay(LOOKS);

    assert.equal(ngx.errors().length, 1, ngx.errors().join('\n'));
    assert.match(ngx.errors()[0],
      /unexpected "}" in \S+\/live\.keys:8; the keys stay as they are/);

    await stays(a);
    await (await connect(ngx, { key: 'pk_a' })).close();
    assert.equal((await refused(ngx, { key: 'pk_b' })).code, 4001);

    // another mistake is another line

    ngx.write('\nnothing;\n');
    await waitFor(() => ngx.errors().length === 2, 'error', LATE);
    assert.match(ngx.errors()[1],
      /unknown directive "nothing" in a key file, .* in \S+\/live\.keys:2;/);

    // repaired

    ngx.write(pk('pk_a') + pk('pk_b'));
    await Promise.all((await everywhere(ngx, { key: 'pk_b' }))
      .map((client) => client.close()));
    await stays(a);
    assert.equal(ngx.errors().length, 2);
    await ngx.finish();
  });

  test('a file that is gone changes nothing, until it is back', async () => {
    const ngx = await site(pk('pk_a'));
    const a = await everywhere(ngx, { key: 'pk_a' });

    fs.unlinkSync(ngx.file);
    await waitFor(() => ngx.errors().length, 'error', LATE);
    await delay(LOOKS);

    assert.equal(ngx.errors().length, 1, ngx.errors().join('\n'));
    assert.match(ngx.errors()[0], /cannot open "\S+\/live\.keys" for "key_file", write the keys into that file and make it readable to the user of the workers \(2: No such file or directory\) in \S+nginx\.conf:\d+; the keys stay as they are/);
    await stays(a);

    ngx.write(pk('pk_b'));
    await lost(a);
    await ngx.finish();
  });

  test('another file in its place', async () => {
    const ngx = await site(pk('pk_a'));
    const a = await everywhere(ngx, { key: 'pk_a' });

    replace(ngx, pk('pk_b'));
    await lost(a);
    await (await connect(ngx, { key: 'pk_b' })).close();
    await ngx.finish();
  });

  test('in place, with the same length and the same time', async () => {
    const ngx = await site(pk('pk_a'));
    const a = await everywhere(ngx, { key: 'pk_a' });
    const time = Math.floor(Date.now() / 1000);     // all that can be set

    fs.utimesSync(ngx.file, time, time);

    const fd = fs.openSync(ngx.file, 'r+');
    fs.writeSync(fd, pk('pk_b'), 0);
    fs.futimesSync(fd, time, time);
    fs.closeSync(fd);

    assert.equal(fs.statSync(ngx.file).mtimeMs, time * 1000);

    await lost(a);
    await (await connect(ngx, { key: 'pk_b' })).close();
    await ngx.finish();
  });

  /*
   * Writes it over and over, unfinished and each time in another way, for the
   * time of some looks; gives the longest pause between, in ms.  In place,
   * since a file that is cut to nothing looks the same each time.
   */
  async function scribble(ngx) {
    const fd = fs.openSync(ngx.file, 'r+');
    const { size } = fs.fstatSync(fd);
    let longest = 0;

    for (let i = 0, last = Date.now(); i < 200; i++) {
      fs.writeSync(fd, `#${i}`.padEnd(size), 0);
      await delay(10);
      longest = Math.max(longest, Date.now() - last);
      last = Date.now();
    }
    fs.closeSync(fd);

    return longest;
  }

  test('what is not finished is not taken', async () => {
    for (let longest = Infinity; longest > STILL; ) {
      const ngx = await site(pk('pk_a'));
      const a = await everywhere(ngx, { key: 'pk_a' });

      longest = await scribble(ngx);
      replace(ngx, pk('pk_a') + pk('pk_b'));

      await Promise.all((await everywhere(ngx, { key: 'pk_b' }))
        .map((client) => client.close()));

      // who was held up himself has written nothing unfinished

      if (longest <= STILL) {
        await stays(a);
      }
      await ngx.finish();
    }
  });

  test('the ID of a key of the configuration is an error', async () => {
    const ngx = await site('', { fixed: pk('pk_fixed') });
    const clients = await everywhere(ngx, { key: 'pk_fixed' });

    ngx.write(pk('pk_fixed', { channels: 'a' }));
    await waitFor(() => ngx.errors().length, 'error', LATE);
    assert.match(ngx.errors()[0], /duplicate key "pk_fixed" in "publishable_key", give every key an ID of its own in \S+\/live\.keys:1;/);
    await stays(clients);
    await ngx.finish();
  });

  test('secrets, in the file and beside it', async () => {
    const ngx = await site(secretKey('sk_HS256') + secretKey('sk_ES256',
      { alg: 'ES256' }) + 'secret_key sk_out { secret_file out; channels **; }',
    { files: { ...FILES, out: { text: SECRET } } });

    const token = async (options) =>
      ({ query: `token=${await issue({}, options)}` });
    const tokens = async (options) => everywhere(ngx, await token(options));
    const inside = await tokens();
    const outside = await tokens({ kid: 'sk_out' });
    const known = await token({ alg: 'ES256' });
    const es256 = await everywhere(ngx, known);

    // a secret that is replaced beside the file is a change of it

    fs.writeFileSync(`${ngx.dir}/out`, `${SECRET}-2\n`);
    await lost(outside);
    await stays([...inside, ...es256]);

    await Promise.all((await tokens({ kid: 'sk_out', secret: `${SECRET}-2` }))
      .map((client) => client.close()));

    // so is another public key, and another algorithm

    ngx.write(secretKey('sk_HS256', { alg: 'HS384' }) +
      'secret_key sk_ES256 { channels **; algorithm ES256;' +
      '  public_key_file ES256.pem; }');
    await lost(inside);
    await stays(es256);

    const { publicKey } = crypto.generateKeyPairSync('ec',
      { namedCurve: 'P-256' });

    fs.writeFileSync(`${ngx.dir}/ES256.pem`,
      publicKey.export({ type: 'spki', format: 'pem' }));
    await lost(es256);

    // which no worker takes for the one whose tokens it has verified before

    for (let i = 0; i < 8; i++) {
      assert.equal((await refused(ngx, known)).code, 4001);
    }

    await ngx.finish();
  });

  test('a rotated secret: new beside old, then the old one goes', async () => {
    const ngx = await site(secretKey('sk_1'));
    const token = async (kid) =>
      ({ query: `token=${await issue({}, { kid })}` });
    const old = await everywhere(ngx, await token('sk_1'));

    ngx.write(secretKey('sk_1') + secretKey('sk_2'));
    const young = await everywhere(ngx, await token('sk_2'));
    await stays(old);

    ngx.write(secretKey('sk_2'));
    await lost(old);
    await stays(young);
    await ngx.finish();
  });

  test('workers that retire are told', async () => {
    const ngx = await site(pk('pk_a') + pk('pk_b'));
    const a = await everywhere(ngx, { key: 'pk_a' });
    const b = await everywhere(ngx, { key: 'pk_b' });

    await reload(ngx);
    await stays([...a, ...b]);

    ngx.write(pk('pk_b'));
    await lost(a);
    await stays(b);

    // also of the second change, and of one by a reload

    const c = await everywhere(ngx, { key: 'pk_b' });

    ngx.write(pk('pk_b') + pk('pk_a'));
    await Promise.all((await everywhere(ngx, { key: 'pk_a' }))
      .map((client) => client.close()));
    await stays([...b, ...c]);

    await reload(ngx);
    await stays([...b, ...c]);

    ngx.write(pk('pk_b', { channels: 'a' }));
    await lost([...b, ...c]);
    await waitFor(() => children(ngx.pid).length === ngx.workerPids().length,
      'end of the retired workers');
    await ngx.finish();
  });

  test('a reload reads the file anew', async () => {
    const ngx = await site(pk('pk_a') + pk('pk_b'),
      { allow: [/\[emerg\].*live\.keys/] });
    const [a, b] = [await connect(ngx, { key: 'pk_a' }),
                    await connect(ngx, { key: 'pk_b' })];

    ngx.write(pk('pk_b') + pk('pk_c'));
    await reload(ngx);
    await lost([a]);
    await stays([b]);
    await (await connect(ngx, { key: 'pk_c' })).close();

    // one that is broken is refused, and the file still watched

    ngx.write(`${pk('pk_b')}}`);
    await refusedReload(ngx, /\[emerg\].* unexpected "}" in \S+\/live\.keys:4/);
    await stays([b]);

    ngx.write(pk('pk_d'));
    await lost([b]);
    await ngx.finish();
  });

  test('a reload without the file takes its keys away', async () => {
    const ngx = await site(pk('pk_a'), { fixed: pk('pk_fixed') });
    const a = await everywhere(ngx, { key: 'pk_a' });
    const fixed = await everywhere(ngx, { key: 'pk_fixed' });

    rewrite(ngx, ['key_file live.keys;', '']);
    await reload(ngx);
    await lost(a);
    await stays(fixed);
    await ngx.finish();
  });

  test('a worker that starts later has the keys of now', async () => {
    const ngx = await site(pk('pk_a'));

    ngx.write(pk('pk_b'));
    await Promise.all((await everywhere(ngx, { key: 'pk_b' }))
      .map((client) => client.close()));

    for (const pid of children(ngx.pid)) {
      process.kill(pid, 'SIGKILL');
    }

    await waitFor(() => ngx.workerPids().every((pid) =>
      children(ngx.pid).includes(pid)), 'new workers');
    await waitFor(async () => {
      try {
        await (await connect(ngx, { key: 'pk_b' })).close();
        return true;
      } catch {
        return false;
      }
    }, 'acceptance', LATE);

    await ngx.hangUp();
    await ngx.stop({ allow: [/exited on signal 9/] });
  });

  test('no secret of it is in the log', async () => {
    const secret = 'unmistakable-0123456789-unmistakable-0123456789';
    const ngx = await site(pk('pk_a'), { level: 'debug' });
    const key = (more) => `secret_key sk { secret ${secret}; channels **; }
      ${more}\n`;

    ngx.write(key('}'));
    await waitFor(() => ngx.errors().length === 1, 'error', LATE);
    ngx.write(key(`secret_key b { secret "${secret}x };`));
    await waitFor(() => ngx.errors().length === 2, 'error', LATE);
    ngx.write(`secret_key a { secret ${secret} ${secret}; }`);
    await waitFor(() => ngx.errors().length === 3, 'error', LATE);
    ngx.write(key(pk('pk_b')));
    await Promise.all((await everywhere(ngx, { key: 'pk_b' }))
      .map((client) => client.close()));

    assert.ok(!ngx.errorLog().includes('unmistakable'));
    await ngx.finish();
  });

  if (process.getuid() === 0) {
    test('what the workers may not read is told of', async () => {
      const ngx = await site(pk('pk_a'), { user: 'nobody nogroup' });

      await waitFor(() => ngx.errors().length, 'error', LATE);
      assert.match(ngx.errors()[0], /cannot open .* of the workers \(13: Permission denied\)/);
      await (await connect(ngx, { key: 'pk_a' })).close();

      ngx.write(pk('pk_b'));
      fs.chmodSync(ngx.file, 0o644);
      await Promise.all((await everywhere(ngx, { key: 'pk_b' }))
        .map((client) => client.close()));
      assert.equal(ngx.errors().length, 1);
      await ngx.finish();
    });
  }
});

describe('key_file and ngx_turncred_module', () => {
  const TURN = `
    turn_server turn:turn.example.com; turn_secret s;
    limit_req_zone $server_port zone=mint:1m rate=1000r/s;`;
  const LOCATION = `location = /turn {
    turn_credentials; limit_req zone=mint burst=1000 nodelay; }`;

  /* until as many answers in a row as there may be workers */
  const answers = (ngx, key, status) => {
    let row = 0;

    return waitFor(async () => {
      const res = await request(ngx, `/turn?key=${key}`,
        { headers: { Origin: ORIGIN } });

      row = res.status === status ? row + 1 : 0;

      return row > 20 * ngx.workerPids().length;
    }, `answers ${status}`, LATE);
  };

  for (const modules of LOADS.slice(2)) {
    test(`${modules}: both see the change`, async () => {
      const ngx = await site(pk('pk_a'), {
        modules, http: TURN, server: LOCATION
      });

      await answers(ngx, 'pk_a', 200);
      await answers(ngx, 'pk_b', 401);
      const a = await everywhere(ngx, { key: 'pk_a' });

      ngx.write(pk('pk_b') + pk('pk_c', { more: 'turn off;' }));

      await lost(a);
      await answers(ngx, 'pk_b', 200);
      await answers(ngx, 'pk_a', 401);
      await answers(ngx, 'pk_c', 403);

      ngx.write('}');
      await waitFor(() => ngx.errors().length, 'error', LATE);
      await delay(LOOKS);
      assert.equal(ngx.errors().length, 1, ngx.errors().join('\n'));
      await answers(ngx, 'pk_b', 200);
      await ngx.finish();
    });
  }

  test('alone', async () => {
    const ngx = await startNginx({
      modules: ['turncred'],
      http: `key_file live.keys; ${TURN}
        server { listen 127.0.0.1:@PORT@ reuseport; ${LOCATION} }`,
      files: { 'live.keys': { text: '' } }
    });

    ngx.tls = false;
    await answers(ngx, 'pk_a', 401);

    fs.writeFileSync(`${ngx.dir}/live.keys`, pk('pk_a'));
    await answers(ngx, 'pk_a', 200);

    await ngx.reload();
    await answers(ngx, 'pk_a', 200);

    fs.writeFileSync(`${ngx.dir}/live.keys`, pk('pk_b'));
    await answers(ngx, 'pk_a', 401);
    await answers(ngx, 'pk_b', 200);
    await ngx.stop();
  });
});
