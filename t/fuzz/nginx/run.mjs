// Copyright (C) The ngx_signaling authors
//
// Fuzzes both modules in a real nginx, best one with sanitizers:
//
//     NGINX=... BUILD_DIR=... node t/fuzz/nginx/run.mjs [OPTION...]
//
//     --seed N          of all that is chosen; printed, and another each time
//     --sessions N      to play, after those of corpus/
//     --seconds N       instead, for so long
//     --replay FILE     plays the sessions of this file only
//     --out DIR         for sessions that failed, build/fuzz/nginx
//
// Sessions are played in batches, several at a time, and every now and then
// with a reload in the middle.  After a batch honest clients must be served,
// every counter must come back to zero, no worker may have died and no line be
// in the log that fails a test.  A batch that fails is played again with fewer
// and fewer sessions, and what is left is written to DIR.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { call } from '../../api.mjs';
import { dice } from '../../chaos/model.mjs';
import { startNginx, unclean, waitFor } from '../../nginx.mjs';
import { connectApart, get } from '../../signaling.mjs';
import { FILES } from '../../token.mjs';
import { Mutator } from './mutate.mjs';
import { SEEDS } from './seeds.mjs';
import { play } from './session.mjs';
import { HONEST, HONEST_PAIR, KEY_FILES, options, ORIGIN } from './site.mjs';

const BATCH = 64;               // sessions
const AT_A_TIME = 8;
const RELOAD = 8;               // batches

const corpus = path.join(import.meta.dirname, 'corpus');

const { values: args } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1000000) },
    sessions: { type: 'string', default: '1000' },
    seconds: { type: 'string' },
    replay: { type: 'string' },
    out: { type: 'string', default: 'build/fuzz/nginx' }
  }
});

/* nginx, which says what is new in its log */
class Server {
  async start() {
    this.ngx = await startNginx(options({ 'ES256.pem': FILES['ES256.pem'] }));
    this.ngx.tls = false;
    this.ngx.open = new Set();
    this.pids = this.ngx.workerPids();
    this.seen = 0;
  }

  async batch(sessions, reload = false) {
    const queue = [...sessions];
    const half = Math.floor(queue.length / 2);

    const player = async () => {
      while (queue.length) {
        if (reload && queue.length <= half) {
          reload = false;
          await this.ngx.reload();
          this.pids = this.ngx.workerPids();
          continue;     // others may have played the rest meanwhile
        }
        await play(this.ngx, queue.shift());
      }
    };

    await Promise.all(Array.from({ length: AT_A_TIME }, player));
    await this.check();
  }

  async check() {
    this.clean();
    await this.honest();

    for (const zone of ['', '/small']) {
      let last;

      await waitFor(async () => {
        const s = JSON.parse(await get(this.ngx, `/status${zone}?format=json`));

        last = ['connections', 'peers', 'channels', 'members', 'leaving']
          .filter((name) => s[name] !== 0);
        return last.length === 0;
      }, `zero of zone ${zone}`).catch((error) => {
        throw new Error(`${error.message}: ${last}`);
      });
    }

    this.clean();
    this.alive();
  }

  /* nothing in the log since the last time that fails a test */
  clean() {
    const file = path.join(this.ngx.dir, 'error.log');
    const size = fs.statSync(file).size;
    const part = Buffer.alloc(size - this.seen);
    const fd = fs.openSync(file);

    fs.readSync(fd, part, 0, part.length, this.seen);
    fs.closeSync(fd);

    // a line that is not whole comes again

    const end = part.lastIndexOf(10) + 1;

    this.seen += end;
    assert.deepEqual(unclean(part.toString('latin1', 0, end)), []);
  }

  /* who was there at the start is there still */
  alive() {
    for (const pid of this.pids) {
      process.kill(pid, 0);
    }
  }

  /*
   * Two in a room, each on a worker of its own, so that records cross; a
   * backend, a page that wants a token and credentials.
   */
  async honest() {
    const [a, b] = await connectApart(this.ngx, 2, { key: HONEST });

    await a.join('honest');
    await b.join('honest');
    await a.next((f) => f.joined?.some((p) => p.peerId === b.peerId));
    await a.ok({ type: 'publish', channel: 'honest', data: { n: 1 } });
    assert.deepEqual((await b.next('message')).data, { n: 1 });
    await b.ok({ type: 'send', to: a.peerId, data: [2] });
    assert.deepEqual((await a.next('direct')).data, [2]);

    const roster = await call(this.ngx, 'GET', '/v1/channels/honest/peers',
      { key: HONEST_PAIR });
    assert.equal(roster.status, 200, roster.text);

    const turn = await call(this.ngx, 'GET', `/turn?key=${HONEST}`,
      { key: null, headers: { Origin: ORIGIN } });
    assert.equal(turn.status, 200, turn.text);

    const token = await call(this.ngx, 'POST', '/v1/tokens',
      { key: HONEST_PAIR, body: '{"peerId":"honest"}' });
    assert.equal(token.status, 200, token.text);

    await Promise.all([a.close(), b.close()]);
  }

  async stop() {
    await this.ngx.stop();
  }

  /* whatever state it is in */
  kill() {
    try {
      process.kill(this.ngx.pid, 'SIGTERM');
    } catch {
      // it has gone
    }
  }
}

/* what a fresh server says to these sessions: the error, or null */
async function attempt(sessions, reload = false) {
  const server = new Server();

  try {
    await server.start();
    await server.batch(sessions, reload);
    await server.stop();
    return null;

  } catch (error) {
    server.kill();
    return error;
  }
}

/* fewer sessions, then fewer steps, that still fail; as in delta debugging */
async function reduce(list, fails) {
  for (let size = Math.ceil(list.length / 2); size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < list.length && list.length > 1;) {
      const fewer = list.toSpliced(at, size);

      if (fewer.length && await fails(fewer)) {
        list = fewer;
      } else {
        at += size;
      }
    }
  }

  return list;
}

async function keep(sessions, reload, error) {
  console.log(`failed: ${error.message.slice(0, 4000)}`);
  fs.mkdirSync(args.out, { recursive: true });

  const file = path.join(args.out, `failed-${args.seed}.json`);
  const write = (what) =>
    fs.writeFileSync(file, `${JSON.stringify(what, null, 1)}\n`);

  write(sessions);

  if (!await attempt(sessions, reload)) {
    console.log(`it does not fail again; its sessions are in ${file}`);
    return;
  }

  let few = await reduce(sessions, (fewer) => attempt(fewer, reload));

  for (const i of few.keys()) {
    const steps = await reduce(few[i],
      (fewer) => attempt(few.with(i, fewer), reload));

    few = few.with(i, steps);
  }

  write(few);
  console.log(`what is left of it is in ${file}`);
}

const found = fs.readdirSync(corpus).filter((name) => name.endsWith('.json'))
  .sort().map((name) => path.join(corpus, name));

const sessionsOf = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

async function main() {
  const seed = Number(args.seed);
  const random = dice(seed);
  const mutator = new Mutator(random,
    [...SEEDS, ...found.flatMap(sessionsOf)]);
  const end = Date.now() + Number(args.seconds ?? 0) * 1000;
  const left = (done) => args.seconds
    ? Date.now() < end : done < Number(args.sessions);

  console.log(`seed ${seed}`);

  const server = new Server();
  let batch = args.replay ? sessionsOf(args.replay)
    : [...SEEDS, ...found.flatMap(sessionsOf)];
  let reload = false;
  let done = 0;
  let batches = 0;

  await server.start();

  try {
    do {
      await server.batch(batch, reload);
      done += batch.length;
      batches++;
      reload = batches % RELOAD === 0;
      batch = Array.from({ length: BATCH }, () => mutator.next());

      // nginx does not reload with a broken key file

      if (reload) {
        batch = batch.filter((session) =>
          session.every(({ keys }) => keys === undefined));
      }
      batch.unshift([{ keys: KEY_FILES[0] }]);
    } while (!args.replay && left(done));

    await server.stop();

  } catch (error) {
    console.log(error.stack);
    server.kill();
    await keep(batch, reload, error);
    console.log('0 passed, 1 failed');
    return 1;
  }

  console.log(`${done} sessions in ${batches} batches`);
  console.log('1 passed, 0 failed');

  return 0;
}

process.exitCode = await main();
