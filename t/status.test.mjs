// Copyright (C) The ngx_signaling authors
//
// The status of a zone: its three formats, who gets which, and its numbers.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';

import {
  connect, connectApart, request, startSite, waitFor
} from './signaling.mjs';

const NAMES = ['connections', 'peers', 'channels', 'members', 'leaving',
               'memory_bytes', 'memory_free_bytes', 'memory_reserve_bytes',
               'memory_percent', 'rebuilds'];

const APP_NAMES = ['connections', 'peak', 'messages', 'max_connections',
                   'max_messages', 'memory_bytes', 'memory_percent',
                   'suspended'];

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,' +
  'image/avif,image/webp,*/*;q=0.8';

/*
 * The text format of Prometheus, version 0.0.4, as far as it is used: each
 * name has its HELP and its TYPE, once and in front of its samples.
 */
function parseExposition(text) {
  const families = new Map();
  let family;

  assert.ok(text.endsWith('\n'));

  for (const line of text.slice(0, -1).split('\n')) {
    let match = line.match(/^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/);
    if (match) {
      assert.ok(!families.has(match[1]), line);
      family = { name: match[1], samples: [] };
      families.set(family.name, family);
      continue;
    }

    match = line.match(/^# TYPE (\S+) (gauge|counter)$/);
    if (match) {
      assert.equal(match[1], family.name);
      assert.equal(family.type, undefined, line);
      family.type = match[2];
      continue;
    }

    match = line.match(/^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} (\d+)$/);
    assert.ok(match, `no line of the format: ${line}`);
    assert.equal(match[1], family.name);
    assert.ok(family.type, line);

    const labels = {};
    const rest = match[2].replace(
      /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/g,
      (all, label, value) => {
        labels[label] = value;
        return '';
      });

    assert.equal(rest, '', line);
    family.samples.push({ labels, value: Number(match[3]) });
  }

  return families;
}

describe('status', () => {
  let ngx;

  const get = (query = '', headers = {}, method = 'GET') =>
    request(ngx, `/status${query}`, { headers, method });

  before(async () => {
    ngx = await startSite({ listen: 'reuseport' });
  });

  after(() => ngx.stop());

  describe('who gets which format', () => {
    for (const [name, query, headers, type] of [
      ['a program', '', {}, JSON_TYPE],
      ['one that takes anything', '', { Accept: '*/*' }, JSON_TYPE],
      ['one that takes JSON', '', { Accept: 'application/json' }, JSON_TYPE],
      ['a browser', '', { Accept: BROWSER }, HTML_TYPE],
      ['json', '?format=json', {}, JSON_TYPE],
      ['json for a browser', '?format=json', { Accept: BROWSER }, JSON_TYPE],
      ['html', '?format=html', {}, HTML_TYPE],
      ['html for a program', '?a=b&format=html', { Accept: 'application/json' },
       HTML_TYPE],
      ['prometheus', '?format=prometheus', {}, TEXT_TYPE],
      ['prometheus for a browser', '?format=prometheus', { Accept: BROWSER },
       TEXT_TYPE]
    ]) {
      test(name, async () => {
        const { status, headers: sent, text } = await get(query, headers);

        assert.equal(status, 200);
        assert.equal(sent['content-type'], type);
        assert.equal(Number(sent['content-length']), Buffer.byteLength(text));
      });

      test(`HEAD: ${name}`, async () => {
        const { status, headers: sent, text } =
          await get(query, headers, 'HEAD');

        assert.equal(status, 200);
        assert.equal(sent['content-type'], type);
        assert.ok(Number(sent['content-length']) > 0);
        assert.equal(text, '');
      });
    }
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    test(`${method} is not allowed`, async () => {
      const { status, text } = await get('', {}, method);

      assert.equal(status, 405);
      assert.doesNotMatch(text, /connections/);
    });
  }

  test('numbers', async () => {
    const json = async () => JSON.parse((await get()).text);
    const numbers = async () => {
      const { connections, peers, channels, members, leaving } = await json();
      return { connections, peers, channels, members, leaving };
    };
    const becomes = (expected) => waitFor(async () =>
      JSON.stringify(await numbers()) === JSON.stringify(expected),
    JSON.stringify(expected));

    const nobody = {
      connections: 0, peers: 0, channels: 0, members: 0, leaving: 0
    };

    assert.deepEqual(await numbers(), nobody);

    const idle = await json();
    const [a, b, c] = await connectApart(ngx, 3);

    await becomes({ ...nobody, connections: 3, peers: 3 });

    await a.join('room-1');
    await b.join('room-1');
    await b.join('room-2');
    await c.join('room-2');

    const busy = await json();

    assert.deepEqual(Object.keys(busy), ['zone', ...NAMES, 'workers', 'apps']);
    assert.equal(busy.zone, 'calls');
    assert.equal(busy.connections, 3);
    assert.equal(busy.peers, 3);
    assert.equal(busy.channels, 2);
    assert.equal(busy.members, 4);
    assert.equal(busy.leaving, 0);
    assert.equal(busy.rebuilds, 0);
    assert.equal(busy.memory_bytes, idle.memory_bytes);
    assert.ok(busy.memory_free_bytes < busy.memory_bytes);
    assert.ok(busy.memory_free_bytes > 0);
    assert.ok(busy.memory_reserve_bytes > busy.memory_bytes / 16);
    assert.ok(busy.memory_reserve_bytes < busy.memory_bytes / 8);
    assert.equal(busy.memory_percent, 0);

    // each worker, with those that are on it

    const expected = ngx.workerPids().map((pid) => ({
      pid,
      connections: [a, b, c].filter(({ worker }) => worker === pid).length
    }));
    const byPid = (x, y) => x.pid - y.pid;

    assert.deepEqual(busy.workers.sort(byPid), expected.sort(byPid));

    // the same for Prometheus

    const { text } = await get('?format=prometheus');
    const families = parseExposition(text);

    assert.deepEqual([...families.keys()],
      [...NAMES, ...APP_NAMES.map((name) => `app_${name}`),
       'worker_connections']
        .map((name) => `nginx_signaling_${name}`));

    for (const name of NAMES) {
      assert.deepEqual(families.get(`nginx_signaling_${name}`).samples,
        [{ labels: { zone: 'calls' }, value: busy[name] }], name);
    }

    assert.deepEqual(
      families.get('nginx_signaling_worker_connections').samples
        .map(({ labels: { zone, pid }, value }) =>
          ({ zone, pid: Number(pid), connections: value })).sort(byPid),
      expected.map((worker) => ({ zone: 'calls', ...worker })));

    // and as a page

    const page = (await get('?format=html')).text;
    const rows = [...page.matchAll(/<tr><td>([^<]*)<\/td><td>(\d+)<\/td><\/tr>/g)]
      .map(([, what, value]) => [what, Number(value)]);

    assert.match(page, /^<!doctype html>\n<html lang="en">/);
    assert.match(page, /<title>signaling: calls<\/title>/);
    assert.match(page, /<\/html>\n$/);
    assert.deepEqual(rows.slice(0, NAMES.length).map(([, value]) => value),
                     NAMES.map((name) => busy[name]));
    assert.deepEqual(
      rows.slice(NAMES.length)
        .map(([pid, connections]) => ({ pid: Number(pid), connections }))
        .sort(byPid), expected);

    // who leaves, goes and breaks off

    await b.ok({ type: 'unsubscribe', channel: 'room-2' });
    await becomes(
      { connections: 3, peers: 3, channels: 2, members: 3, leaving: 0 });

    await c.close();
    await becomes(
      { connections: 2, peers: 2, channels: 1, members: 2, leaving: 0 });

    await b.kill();
    await becomes(
      { connections: 1, peers: 1, channels: 1, members: 1, leaving: 0 });

    await a.close();
    await becomes(nobody);

    const { workers } = await json();
    assert.deepEqual(workers.map(({ connections }) => connections),
                     ngx.workerPids().map(() => 0));
  });
});

test('several connections of one peer, two zones', async () => {
  const ngx = await startSite({
    http: 'signaling_zone other 16m;',
    location: 'signaling_peer_id $arg_id;',
    server: `location = /v2 { signaling other; }
             location = /other { signaling_status other; }`
  });
  const calls = async () => (await ngx.status()).connections;
  const other = async () =>
    JSON.parse((await request(ngx, '/other')).text);

  const query = 'key=pk_live_all&id=same';
  const clients = [await connect(ngx, { query }), await connect(ngx, { query }),
                   await connect(ngx, { path: '/v2' })];

  await clients[0].join('room');
  await clients[1].join('room');

  const status = await ngx.status();

  assert.equal(status.zone, 'calls');
  assert.equal(status.connections, 2);
  assert.equal(status.peers, 1);
  assert.equal(status.channels, 1);
  assert.equal(status.members, 2);

  const second = await other();

  assert.equal(second.zone, 'other');
  assert.equal(second.connections, 1);
  assert.equal(second.members, 0);

  await Promise.all(clients.map((client) => client.close()));
  await ngx.empty();
  await waitFor(async () => (await other()).connections === 0, 'empty zone');
  assert.equal(await calls(), 0);

  await ngx.stop();
});
