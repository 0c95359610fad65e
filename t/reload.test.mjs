// Copyright (C) The ngx_signaling authors
//
// Reloads: nobody who may stay is closed, rooms span all generations of
// workers, and nothing is lost, doubled or out of order on the way.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import test, { after, before, describe } from 'node:test';
import tls from 'node:tls';

import { Crowd } from './crowd.mjs';
import {
  alive, children, onlyNewest, refusedReload, reload, rewrite
} from './processes.mjs';
import {
  connect, get, KEYS, refused, startSite, TLS, waitFor
} from './signaling.mjs';

const UNLIMITED = 'signaling_rate off;';

async function site(options = {}) {
  const ngx = await startSite({
    modules: ['signaling'], ...options,
    location: `${UNLIMITED} ${options.location ?? ''}`
  });

  return { ngx, crowd: new Crowd(ngx) };
}

/* ends of these members, in the order in which they came */
function ends(members) {
  const order = [];

  for (const member of members) {
    member.closed.then(({ code, reason }) =>
      order.push({ member, code, reason }));
  }

  return order;
}

describe('reload', () => {
  test('keeps connections, in the same rooms as newcomers', async () => {
    const { ngx, crowd } = await site();
    const rooms = ['one', 'two'];

    await crowd.fill(rooms, 3);
    crowd.traffic();
    await crowd.flow();

    const old = children(ngx.pid);
    const elders = crowd.open();

    await reload(ngx);
    await crowd.fill(rooms, 3);

    const young = crowd.open().filter((m) => !elders.includes(m));

    assert.ok(elders.every((m) => old.includes(m.worker)));
    assert.ok(young.every((m) => !old.includes(m.worker)));

    await crowd.flow(500);
    await crowd.rostersExact();

    // who is away is away for both generations

    crowd.traffic();
    await crowd.leave(elders[0]);
    await crowd.leave(young[0]);
    await crowd.rostersExact();

    // a retired worker goes with its last connection, and no sooner

    const left = elders.slice(1);

    while (left.length) {
      const { worker } = left[0];
      assert.ok(alive(worker));
      await crowd.leave(left.shift());
      if (!left.some((m) => m.worker === worker)) {
        await waitFor(() => !alive(worker), 'exit of a retired worker');
      }
    }

    await onlyNewest(ngx);
    await crowd.rostersExact();
    await crowd.end();
    await ngx.stop();
  });

  test('20 in a row under traffic lose nothing', async () => {
    const { ngx, crowd } = await site();

    await crowd.fill(['one', 'two', 'three'], 3);
    crowd.traffic();

    const passing = [];

    for (let i = 0; i < 20; i++) {
      passing.push(await crowd.join('two'));
      await reload(ngx);
      await crowd.flow(30);
      if (passing.length > 1) {
        await crowd.leave(passing.shift());
      }
    }

    await crowd.rostersExact();
    assert.equal(crowd.open().length, 10);
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  test('without a free slot drains the oldest, one after the other', async () => {
    const { ngx, crowd } = await site({
      zone: '6m', location: 'signaling_drain 300ms;'
    });
    const generations = [];
    const codes = [];

    // newcomers meanwhile come in, or are asked to wait

    const join = async () => {
      for (;;) {
        try {
          generations.push(await crowd.join('room'));
          return;
        } catch ({ message }) {
          codes.push(Number(/^closed with (\d+)/.exec(message)?.[1]));
        }
      }
    };

    await join();
    crowd.traffic();

    while (!generations[0].going) {
      assert.ok(generations.length < 30);
      await reload(ngx);
      await join();
    }

    await generations[0].closed;
    await join();
    await crowd.rostersExact();

    assert.ok(generations.length > 3);

    // how many, depends on how soon the retired workers go

    const gone = crowd.drained.map((member) => generations.indexOf(member));

    assert.deepEqual(gone, [...gone.keys()]);
    assert.ok(gone.length > 0 && gone.length < generations.length - 1);
    assert.deepEqual(codes.filter((code) => code !== 4010), []);

    const warnings = ngx.errorLog().match(/has no free worker slot/g);
    assert.ok(warnings.length <= gone.length * ngx.workerPids().length);

    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  test('of a broken configuration changes nothing', async () => {
    const taken = net.createServer();
    await new Promise((resolve) => {
      taken.listen(0, '127.0.0.1', resolve);
    });

    const { ngx, crowd } = await site();
    const workers = children(ngx.pid).sort();

    await crowd.fill(['one', 'two'], 3);
    crowd.traffic();

    // found while parsing; on the way into the zone; after all zones

    const { port } = taken.address();
    const broken = [
      ['signaling_rate off;', 'signaling_rate of;', /invalid rate "of"/],
      [KEYS, '# no key', /no key that could be used/],
      [UNLIMITED, `${UNLIMITED} signaling_max_message 512k;`,
        /"signaling_max_message" was raised beyond what "signaling_zone call/],
      ['worker_processes', 'worker_processes 200; #',
        /"signaling_zone calls" was made for at most \d+ workers/],
      ['signaling_zone calls', `
        signaling_zone other 16m;
        server { listen 127.0.0.1:${port}; }
        signaling_zone calls`, /\[emerg\].* still could not bind/]
    ];

    for (const [from, to, line] of broken) {
      rewrite(ngx, [from, to]);
      await refusedReload(ngx, line);
      await crowd.flow();
      await crowd.leave(await crowd.join('one'));
      rewrite(ngx, [to, from]);
    }

    await crowd.rostersExact();
    assert.deepEqual(children(ngx.pid).sort(), workers);
    assert.equal(crowd.open().length, 6);

    // and the next good one is taken

    crowd.traffic();
    await reload(ngx);
    await crowd.fill(['two'], 1);
    await crowd.flow();
    await crowd.rostersExact();
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop({ allow: [/\[emerg\]/] });
    taken.close();
  });
});

/*
 * What else nginx does can keep a retired worker, for hours.  It takes no slot
 * away from those who serve, if nobody is connected to it.
 */
describe('reload while downloads go on', () => {
  let backend;
  const going = new Set();        // requests

  // the first bytes of an answer, and never the others

  before(() => new Promise((resolve) => {
    backend = http.createServer((req, res) => { res.write('begins\n'); });
    backend.listen(0, '127.0.0.1', resolve);
  }));

  after(() => {
    backend.closeAllConnections();
    backend.close();
  });

  // the kernel spreads connections over workers that listen with "reuseport"

  const downloads = () => site({
    listen: 'reuseport',
    server: `
      location = /download {
        proxy_pass http://127.0.0.1:${backend.address().port};
        proxy_buffering off;
      }
      location = /taken { stub_status; }`
  });

  /* the worker that has begun to answer */
  function download(ngx) {
    return new Promise((resolve, reject) => {
      const request = (TLS ? https : http).get({
        host: '127.0.0.1', port: ngx.port, path: '/download', agent: false,
        rejectUnauthorized: false
      }, (res) => {
        res.resume();
        res.on('error', () => {});
        resolve(Number(res.headers['x-worker']));
      });

      request.on('error', reject);
      going.add(request);
    });
  }

  /* one download at least from each of the newest workers */
  async function keepAll(ngx) {
    const without = new Set(ngx.workerPids());

    while (without.size) {
      without.delete(await download(ngx));
    }
  }

  function endAll() {
    for (const request of going) {
      request.on('error', () => {});
      request.destroy();
    }
    going.clear();
  }

  /* the slots are with the newest workers, and those who hold members */
  async function given(ngx, crowd) {
    await waitFor(async () => {
      const { workers } = await ngx.status();
      const newest = ngx.workerPids();

      return newest.every((pid) => workers.some((w) => w.pid === pid)) &&
        workers.every(({ pid }) => newest.includes(pid) ||
          crowd.on(pid).length > 0);
    }, 'slots of the newest workers only');
  }

  test('more often than there are slots, costs nobody a connection',
    async () => {
      const { ngx, crowd } = await downloads();
      const slots = Number(/(\d+) worker slots/.exec(ngx.errorLog())[1]);
      const retired = [];

      await crowd.fill(['one', 'two'], 2);
      crowd.traffic();

      while (retired.length <= slots) {
        retired.push(...ngx.workerPids());
        await keepAll(ngx);
        await reload(ngx);
        await given(ngx, crowd);
        await crowd.flow(20);
      }

      assert.ok(retired.every(alive));
      assert.doesNotMatch(ngx.errorLog(), /has no free worker slot/);
      await crowd.fill(['one', 'two'], 1);
      await crowd.flow();
      await crowd.rostersExact();
      assert.equal(crowd.open().length, 6);

      endAll();
      await crowd.end();
      await onlyNewest(ngx);
      await ngx.stop();
    });

  test('who is late comes to a worker without a slot', async () => {
    const { ngx, crowd } = await downloads();
    const old = ngx.workerPids();

    await keepAll(ngx);
    await crowd.fill(['room'], 1);

    // open, and taken by a worker: 1 member, the downloads, this one and us

    const socket = await new Promise((resolve) => {
      const made = (TLS ? tls : net).connect({
        port: ngx.port, host: '127.0.0.1', rejectUnauthorized: false
      }, () => resolve(made));
    });

    await waitFor(async () =>
      / (\d+) /.exec(await get(ngx, '/taken'))[1] >= going.size + 3,
    'sockets taken');
    await reload(ngx);
    await given(ngx, crowd);

    const late = await crowd.join('room', { createConnection: () => socket });

    assert.ok(old.includes(late.worker));
    await crowd.fill(['room'], 2);
    crowd.traffic();
    await crowd.flow();
    await crowd.rostersExact();

    // and when it has gone, so has the slot

    await crowd.leave(late);
    await given(ngx, crowd);
    endAll();
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  test('a death is told by those who have slots', async () => {
    const { ngx, crowd } = await downloads();
    const victims = ngx.workerPids();

    for (const pid of victims) {
      await crowd.joinOn(pid, 'room');
    }

    // more workers look for the dead without a slot than with one

    for (let i = 0; i < 3; i++) {
      await reload(ngx);
      await keepAll(ngx);
    }
    await reload(ngx);
    await given(ngx, crowd);
    await crowd.fill(['room'], 4);

    // nobody takes the place of these, and finds out at once

    for (const pid of victims) {
      crowd.kill(pid);
      await crowd.rostersExact();
    }

    endAll();
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop({
      allow: [/\[alert\] .* worker process \d+ exited on signal 9/,
              /\[alert\] .* shared memory zone "calls" was locked by \d+/]
    });
  });
});

describe('reload that changes keys', () => {
  const key = (id, more = '') => `
    publishable_key pk_live_${id} {
      origins https://a.example https://b.example;
      require_origin off;
      channels room side-*;
      ${more}
    }`;

  // what becomes of a key, and of whom it costs the connection

  const cases = {
    same: [key('same'), key('same'), []],
    gone: [key('gone'), '', ['a', 'b', null]],
    actions: [
      key('actions'), key('actions', 'actions subscribe publish send;'),
      ['a', 'b', null]],
    channels: [
      key('channels'),
      key('channels').replace('room side-*', 'room side-1'),
      ['a', 'b', null]],
    origin: [
      key('origin'), key('origin').replace('https://a.example', ''), ['a']],
    origins: [
      key('origins'),
      key('origins').replace('https://a.example https://b.example',
        'https://*.example'), []],
    required: [
      key('required'),
      key('required').replace('require_origin off', 'require_origin on'),
      [null]],
    app: [key('app'), key('app', 'app other;'), ['a', 'b', null]],
    wider: [
      key('wider', 'actions subscribe publish send presence;'),
      key('wider')
        .replace('room side-*', '** room side-*')
        .replace('https://a.example', 'https://a.example *'), []],
    wildcard: [
      key('wildcard'), key('wildcard').replace('room side-*', '**'), []],
    turn: [key('turn'), key('turn', 'turn off;'), []]
  };

  const keys = (i) => KEYS + Object.values(cases).map((c) => c[i]).join('');

  test('closes exactly those whose rights shrank', async () => {
    const { ngx, crowd } = await site({ keys: keys(0) });
    const concerned = [];

    for (const id of Object.keys(cases)) {
      for (const origin of ['a', 'b', null]) {
        const member = await crowd.join('room', {
          key: `pk_live_${id}`,
          origin: origin && `https://${origin}.example`
        });
        member.name = `${id} ${origin}`;
        if (cases[id][2].includes(origin)) {
          concerned.push(member);
        }
      }
    }

    const order = ends(crowd.open());
    const members = crowd.open();

    rewrite(ngx, [keys(0), keys(1)]);
    crowd.expectEnd(concerned);
    await reload(ngx);
    await waitFor(() => order.length >= concerned.length, 'closes');

    assert.deepEqual(order.map(({ code }) => code),
      concerned.map(() => 4001));
    assert.deepEqual(order.map(({ member }) => member.name).sort(),
      concerned.map(({ name }) => name).sort());

    // the others stay and are together, also with newcomers

    crowd.traffic();

    const wide = await crowd.join('room',
      { key: 'pk_live_wildcard', origin: null });

    await crowd.flow();
    await crowd.rostersExact();
    await crowd.leave(wide);
    assert.equal(crowd.open().length, members.length - concerned.length);
    assert.equal((await refused(ngx, { key: 'pk_live_gone' })).code, 4001);

    // and nothing is held against them later, as the rights count that they
    // had from the beginning

    await reload(ngx);
    rewrite(ngx, [keys(1), keys(0)]);
    await reload(ngx);
    await crowd.join('room', { key: 'pk_live_gone', origin: null });
    await crowd.rostersExact();
    assert.equal(order.length, concerned.length);

    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });
});

describe('reload that drains', () => {
  test('tells, then closes one after the other with 1001', async () => {
    const { ngx, crowd } = await site({
      location: 'signaling_drain 2s;',
      server: `location = /draining {
        signaling calls; signaling_reload drain; signaling_drain 2s;
        ${UNLIMITED}
      }`
    });

    await crowd.fill(['room'], 12, { path: '/draining' });

    const draining = crowd.open();

    await crowd.fill(['room'], 4);
    await reload(ngx);

    // who is not closed yet is served

    await waitFor(() => crowd.drained.length > 0, 'the first close');
    assert.ok(draining.every(({ going }) => going));

    const last = draining.filter(({ state }) => state === 'open');

    assert.ok(last.length > 0, 'closes are not spread');
    await Promise.any(last.map((m) => m.publish('room')));

    await waitFor(() => crowd.drained.length === draining.length, 'closes');

    crowd.traffic();
    await crowd.flow();
    await crowd.rostersExact();
    assert.equal(crowd.open().length, 4);
    assert.ok(crowd.open().every(({ going }) => !going));

    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  // the window has to fit before the timeout, or is made to

  for (const [timeout, drain] of [['2500ms', '500ms'], ['1s', '30s']]) {
    test(`closes before worker_shutdown_timeout ${timeout} ends, ` +
      `signaling_drain ${drain}`, async () => {
      const { ngx, crowd } = await site({
        main: `worker_shutdown_timeout ${timeout};`,
        location: `signaling_drain ${drain};`,
        server: `location = /draining {
          signaling calls; signaling_reload drain; ${UNLIMITED}
          signaling_drain ${drain};
        }`
      });

      await crowd.fill(['room'], 4);
      await crowd.fill(['room'], 2, { path: '/draining' });

      const { length } = crowd.open();

      await reload(ngx);
      await onlyNewest(ngx);
      await waitFor(() => crowd.drained.length === length, 'closes');

      await crowd.fill(['room'], 2);
      await crowd.rostersExact();
      await crowd.end();
      await ngx.stop();
    });
  }
});

describe('reload that takes away', () => {
  test('the location: who is in stays, nobody comes', async () => {
    const { ngx, crowd } = await site();

    await crowd.fill(['room'], 4);
    crowd.traffic();
    rewrite(ngx, ['location = /v1 ', 'location = /v2 ']);
    await reload(ngx);
    await assert.rejects(connect(ngx), { status: 404 });
    await crowd.flow();

    rewrite(ngx, ['signaling calls;', '']);
    await reload(ngx);
    await crowd.flow();
    await crowd.settled();
    assert.equal((await ngx.status()).connections, 4);
    crowd.traffic();

    rewrite(ngx, ['location = /v2 {', 'location = /v1 { signaling calls;']);
    await reload(ngx);
    await crowd.fill(['room'], 2);
    await crowd.flow();
    await crowd.rostersExact();
    assert.equal(crowd.open().length, 6);
    await crowd.end();
    await onlyNewest(ngx);
    await ngx.stop();
  });

  // there is a registry of its own for each zone, and a zone of another size
  // is another one: those of the old one are sent over, as at a shutdown

  for (const [what, ...changes] of [
    ['the size of the zone', ['calls 16m', 'calls 20m']],
    ['the name of the zone', ['signaling_zone calls', 'signaling_zone live'],
      ['signaling calls', 'signaling live'],
      ['signaling_status calls', 'signaling_status live']]
  ]) {
    test(`${what}: clients are sent to the new one`, async () => {
      const { ngx, crowd } = await site({
        location: 'signaling_drain 300ms;'
      });

      await crowd.fill(['room'], 4);

      const { length } = crowd.open();

      rewrite(ngx, ...changes);
      await reload(ngx);
      await onlyNewest(ngx);
      await waitFor(() => crowd.drained.length === length, 'closes');

      await crowd.fill(['room'], 3);
      crowd.traffic();
      await crowd.flow();
      await crowd.rostersExact();
      await crowd.end();
      await onlyNewest(ngx);
      await ngx.stop();
    });
  }

  test('everything: clients are told, nothing is left', async () => {
    const { ngx, crowd } = await site({ location: 'signaling_drain 300ms;' });

    await crowd.fill(['room'], 4);

    const { length } = crowd.open();

    rewrite(ngx, ['signaling_zone calls 16m;', ''],
      ['signaling calls;', 'return 204;'],
      ['signaling_status calls;', 'return 204;']);
    await reload(ngx);
    await onlyNewest(ngx);
    await waitFor(() => crowd.drained.length === length, 'closes');
    assert.deepEqual(crowd.faults, []);
    await ngx.stop();
  });
});
