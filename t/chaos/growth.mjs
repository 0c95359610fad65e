// Copyright (C) The ngx_signaling authors
//
// The same again and again: what nginx has of memory and files after a fifth
// of the rounds, and at the end.
//
//     node growth.mjs ROUNDS [--jobs N] [--only NAME]
//
// A worker that was replaced has what the master gave it, so the one that is
// there at the end is compared with the one that was there after a fifth.
// QUIT and USR2 leave no process that could have grown.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import {
  alive, children, freeze, onlyNewest, refusedReload, reload, rewrite
} from '../processes.mjs';
import { KEYS, waitFor } from '../signaling.mjs';
import { minimum } from '../zone.mjs';
import { Orders } from './faults.mjs';
import { KILLED, Scene } from './model.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const BUILD = path.join(HERE, '../../build');
const WORKERS = 2;
const BIG = 'x'.repeat(60000);

// of one process; malloc takes and gives back in pieces of this order

const SLACK = 512;          // KB
const SLOPE = 0.5;          // KB a round
const WHO = ['master', 'worker'];
const FILES = 3;            // on their way to be closed

const { values: args, positionals } = parseArgs({
  options: {
    jobs: { type: 'string', default: '3' },
    only: { type: 'string' }
  },
  allowPositionals: true
});
const rounds = Number(positionals[0]);

/* four in two rooms, who talk */
async function talk({ crowd }) {
  const members = await Promise.all(['a', 'a', 'b', 'b'].map((room) =>
    crowd.join(room)));

  await Promise.all(members.map(async (member, i) => {
    await member.publish('ab'[i >> 1]);
    await member.tell(members[(i + 1) % 4]);
  }));
  await crowd.settled();

  return members;
}

const leave = ({ crowd }, members) =>
  Promise.all(members.map((member) => crowd.leave(member)));

/* comes, lives through it, goes */
const through = (what) => async (scene, i) => {
  const members = await talk(scene);

  await what(scene, i);
  await scene.crowd.settled();
  await leave(scene, members);
};

async function die({ crowd, ngx }, give) {
  const victim = children(ngx.pid)[0];

  crowd.expectEnd(crowd.on(victim));
  crowd.killed.add(victim);
  give(victim);

  while (alive(victim)) {
    await crowd.join('a').then((m) => crowd.leave(m)).catch(() => {});
  }
  await crowd.replaced();
}

const KINDS = {
  'come and go': { round: through(() => {}) },

  reload: {
    round: through(async ({ ngx }) => reload(ngx)),
    end: ({ ngx }) => onlyNewest(ngx)
  },

  'reload, other keys': {
    round: through(async ({ ngx }, i) => {
      const keys = [KEYS, KEYS + KEYS.replace('pk_live_all', 'pk_live_more')];

      rewrite(ngx, [keys[i % 2], keys[(i + 1) % 2]]);
      await reload(ngx);
    }),
    end: ({ ngx }) => onlyNewest(ngx)
  },

  'reload, broken': {
    options: { allow: [/\[emerg\]/] },
    round: through(async ({ ngx }) => {
      rewrite(ngx, ['worker_processes', 'worker_processes 200; #']);
      await refusedReload(ngx, /was made for at most \d+ workers/);
      rewrite(ngx, ['worker_processes 200; #', 'worker_processes']);
    })
  },

  'kill -9': {
    options: { allow: KILLED },
    round: through((scene) =>
      die(scene, (pid) => process.kill(pid, 'SIGKILL')))
  },

  'kill -9 in the lock': {
    inside: true,
    options: {
      allow: KILLED,
      main: 'env SIG_FAULT_FILE=@DIR@/fault;',
      files: { fault: { text: '\0'.repeat(256) } }
    },
    round: through((scene, i) => die(scene, (pid) =>
      new Orders(`${scene.ngx.dir}/fault`).give(0, pid, 1 + i % 150)))
  },

  SIGSTOP: {
    round: through(async ({ crowd, ngx }) => {
      const [from] = crowd.in('a');
      const [victim] = children(ngx.pid);

      await freeze(victim);
      if (from.worker !== victim) {
        await from.publish('a');
      }
      await freeze(victim, false);
    })
  },

  'shutdown timeout': {
    options: {
      main: 'worker_shutdown_timeout 500ms;',
      location: 'signaling_drain 50ms;'
    },
    round: async (scene) => {
      const members = await talk(scene);

      await reload(scene.ngx);
      await scene.drained(members);
    },
    end: ({ ngx }) => onlyNewest(ngx)
  },

  'full zone': {
    options: async () => ({
      zone: await minimum({ workers: WORKERS }),
      server: `location = /pad {
        signaling calls; signaling_rate off;
        signaling_peer_metadata '{"pad":"${'x'.repeat(3500)}"}';
      }`
    }),
    round: async (scene) => {
      const members = [];

      for (;;) {
        const some = await Promise.all([1, 2, 3, 4, 5, 6].map(() =>
          scene.crowd.connect({ path: '/pad' }).catch(() => null)));

        members.push(...some.filter(Boolean));
        if (some.includes(null)) {
          break;
        }
      }
      assert.ok(members.length > 10);
      await leave(scene, members);
    }
  },

  'full ring': {
    round: through(async ({ crowd, ngx }) => {
      const [from] = crowd.in('a');
      const other = children(ngx.pid).find((pid) => pid !== from.worker);

      await freeze(other);
      for (let n = 0; n < 70; n++) {
        await from.publish('a', n % 8 ? {} : { pad: BIG });
      }
      await freeze(other, false);
    })
  },

  'slow readers': {
    options: {
      listen: 'reuseport sndbuf=64k',
      server: `location = /slow {
        signaling calls; signaling_rate off; signaling_send_buffer 256k;
      }`
    },
    round: async (scene) => {
      const { crowd } = scene;
      const [from, witness] = await Promise.all(
        [1, 2].map(() => crowd.join('slow')));
      const slow = await crowd.join('slow', { path: '/slow' });

      crowd.expectEnd([slow]);
      slow.ws.pause();
      while (witness.views.get('slow').peers.has(slow.peerId)) {
        await from.publish('slow', { pad: BIG });
      }
      slow.ws.terminate();
      await crowd.settled();
      await leave(scene, [from, witness]);
    }
  },

  'half-open peers': {
    options: {
      server: `location = /ping {
        signaling calls; signaling_rate off; signaling_ping 100ms grace=100ms;
      }`
    },
    round: async ({ crowd, ngx }) => {
      const members = await Promise.all([0, 1, 2, 3].map(() => crowd.join(
        'half', { path: '/ping', autoPong: false }).catch(() => null)));

      members.filter(Boolean).forEach((member, i) => {
        crowd.expectEnd([member]);
        if (i % 2) {
          member.ws.pause();
        } else {
          member.ws._socket.end();
        }
      });
      await ngx.empty();
      members.forEach((member) => member?.ws.terminate());
    },
    loose: true
  }
};

/* KB of its own, and files, of the master and of its workers */
function sizes({ ngx }) {
  const of = (pid) => ({
    memory: Number(/RssAnon:\s+(\d+)/.exec(
      fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]),
    files: fs.readdirSync(`/proc/${pid}/fd`).length
  });
  const workers = children(ngx.pid).map(of);
  const most = (what) => Math.max(...workers.map((w) => w[what]));

  return {
    master: of(ngx.pid),
    worker: { memory: most('memory'), files: most('files') }
  };
}

/* the sizes measured, but with the files of now */
const files = (measured, now) => Object.fromEntries(WHO.map((who) =>
  [who, { ...measured[who], files: now[who].files }]));

/* who has more files open than before */
const more = (before, after) => WHO
  .filter((who) => after[who].files > before[who].files + FILES)
  .map((who) => `files of the ${who}`);

async function grow(kind) {
  const scene = new Scene({ workers: WORKERS, seed: 0 });
  const options = typeof kind.options === 'function'
    ? await kind.options() : kind.options;

  await scene.site(options);

  const measure = async () => {
    await scene.ngx.empty();
    await kind.end?.(scene);

    return sizes(scene);
  };
  let before;

  for (let i = 0; i < rounds; i++) {
    if (i === Math.floor(rounds / 5)) {
      before = await measure();
    }
    await kind.round(scene, i);
    if (kind.loose) {
      scene.crowd.faults.length = 0;
    }
    scene.crowd.known.clear();
  }

  let after = await measure();

  // the channels of those who have retired are closed a moment later

  await waitFor(() => {
    after = files(after, sizes(scene));
    return !more(before, after).length;
  }, 'files to be closed', 10000).catch(() => {});

  await scene.zero();
  await scene.stop();

  return { before, after };
}

function verdict({ before, after }) {
  const allowed = SLACK + SLOPE * rounds;

  return [
    ...WHO.filter((who) => after[who].memory - before[who].memory > allowed)
      .map((who) => `memory of the ${who}`),
    ...more(before, after)
  ];
}

/* in a process of its own, for its environment */
function start(name) {
  const env = { ...process.env, CHAOS_GROWTH: name };

  if (KINDS[name].inside) {
    env.BUILD_DIR ??= path.join(BUILD, 'chaos/fault');
  }

  return new Promise((resolve) => {
    const child = spawn(process.execPath,
      [fileURLToPath(import.meta.url), String(rounds)],
      { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';

    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (part) => { text += part; });
    }
    child.on('close', (code) => resolve({ code, text }));
  });
}

async function all() {
  const queue = Object.keys(KINDS)
    .filter((name) => !args.only || name === args.only);
  const { length } = queue;
  let failed = 0;

  console.log(`${rounds} rounds       ` +
    'KB of the master      of a worker  files');

  await Promise.all(Array.from({ length: Number(args.jobs) }, async () => {
    while (queue.length) {
      const name = queue.shift();
      const { code, text } = await start(name);

      failed += code !== 0;
      console.log(`${name.padEnd(20)} ${text.trim()}`);
    }
  }));

  console.log(`${length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

async function one(name) {
  try {
    const result = await grow(KINDS[name]);
    const { before, after } = result;
    const bad = verdict(result);
    const pair = (who, what) =>
      `${before[who][what]} -> ${after[who][what]}`.padStart(18);

    console.log([pair('master', 'memory'), pair('worker', 'memory'),
      pair('worker', 'files'), bad.length ? `GROWN: ${bad}` : 'ok'].join(' '));
    process.exitCode = bad.length ? 1 : 0;
  } catch (error) {
    console.log(`FAILED\n${error.stack}`);
    process.exitCode = 1;
  }
  process.exit();
}

await (process.env.CHAOS_GROWTH ? one(process.env.CHAOS_GROWTH) : all());
