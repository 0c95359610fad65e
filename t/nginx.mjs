// Copyright (C) The ngx_signaling authors
//
// A real nginx for one test: its own directory, ports and log, which has to
// be clean at the end.
//
//   NGINX       the binary, /usr/sbin/nginx
//   BUILD_DIR   where the modules are, ../build
//   WORKERS     worker processes where the test does not say, 1

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { leaks, secretsOfConfig } from './secret.mjs';

const BINARY = process.env.NGINX ?? '/usr/sbin/nginx';
export const BUILD_DIR = path.resolve(
  process.env.BUILD_DIR ??
  fileURLToPath(new URL('../build', import.meta.url)));
const WORKERS = Number(process.env.WORKERS ?? 1);

// where credentials are shown, and there is little traffic, all is logged

const LEVEL = /\/(api|handshake|keys?|secrets|token|turn)\w*\.test\.mjs$/
  .test(process.argv[1]) ? 'debug' : 'info';

const DEADLINE = 30000;
const POLL = 10;

// the sources of nginx itself, named relative to "src", are not under test

const UNCLEAN = [
  /\[(alert|emerg)\]/,
  /(Address|Leak|Memory|Thread)Sanitizer/,
  /^(?!src\/).*runtime error:/
];

const running = new Set();
const claims = new Set();       // files

process.on('exit', () => {
  for (const file of claims) {
    fs.rmSync(file, { force: true });
  }
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // it has just ended by itself
    }
  }
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}

/*
 * Waits until the condition, which may be asynchronous, gives something true
 * and returns that.  The deadline is for failures only.
 */
export async function waitFor(condition, what, deadline = DEADLINE) {
  const end = Date.now() + deadline;

  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `no ${what} within ${deadline} ms`);
    await delay(POLL);
  }
}

/*
 * A port that nobody else is given while we live: two servers that listen
 * with "reuseport" would share one without a word.  Below those that the
 * kernel gives to clients; who has taken one says so in a file.
 */
async function freePort() {
  for (;;) {
    const port = 11000 + Math.floor(Math.random() * 21000);

    if (claim(port) && await free(port)) {
      return port;
    }
  }
}

function claim(port) {
  const file = path.join(os.tmpdir(), `ngx-test-port-${port}`);

  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    assert.equal(error.code, 'EEXIST', error);
    return false;
  }
  claims.add(file);

  return true;
}

function free(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/*
 * Writes the configuration into a fresh directory.  "@DIR@" is that
 * directory, "@PORT@" the port, "@PORT_NAME@" one more port of that name.
 * "level" is at least "notice", since the log tells when workers start.
 * "user" is that of the workers, where the tests run as root.
 */
async function prepare({
  http = '', main = '', events = 'worker_connections 4096;', level = LEVEL,
  modules = ['signaling', 'turncred'], workers = WORKERS, files = {},
  user = 'root'
}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ngx-test-'));
  fs.chmodSync(dir, 0o755);

  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${dir}/temp_${name};`);

  // what a new binary is started with is what is named

  const env = ['ASAN_OPTIONS', 'UBSAN_OPTIONS']
    .filter((name) => process.env[name]).map((name) => `env ${name};`);

  const conf = [
    ...modules.map((name) =>
      `load_module ${BUILD_DIR}/ngx_${name}_module.so;`),
    process.getuid() === 0 ? `user ${user};` : '',
    `worker_processes ${workers};`,
    'daemon off;',
    ...env,
    `pid ${dir}/nginx.pid;`,
    `error_log ${dir}/error.log ${level};`,
    main,
    `events { ${events} }`,
    'http {',
    `  access_log ${dir}/access.log;`,
    ...temp,
    http,
    '}',
    ''
  ].join('\n');

  const texts = { 'nginx.conf': { text: conf, mode: 0o644 }, ...files };
  const ports = { PORT: await freePort() };

  for (const { text } of Object.values(texts)) {
    for (const [, name] of text.matchAll(/@(PORT_\w+)@/g)) {
      ports[name] ??= await freePort();
    }
  }

  const fill = (text) => text
    .replaceAll('@DIR@', dir)
    .replace(/@(PORT(?:_\w+)?)@/g, (all, name) => ports[name]);

  for (const [name, { text, mode = 0o600 }] of Object.entries(texts)) {
    const file = path.join(dir, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, fill(text));
    fs.chmodSync(file, mode);
  }

  secretsOfConfig(fill(conf), (name) => {
    const file = path.resolve(dir, name);
    return fs.statSync(file, { throwIfNoEntry: false })?.isFile()
      ? read(file) : '';
  });

  return { dir, ports, workers, listens: conf.includes('@PORT@') };
}

function run(dir, args) {
  const child = spawn(
    BINARY, ['-p', dir, '-c', `${dir}/nginx.conf`,
             '-e', `${dir}/error.log`, ...args],
    {
      stdio: ['ignore', 'ignore', 'pipe'],

      // nginx would take this one for a list of inherited sockets
      env: { ...process.env, NGINX: undefined }
    });

  const state = { child, stderr: '', code: undefined };

  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text) => { state.stderr += text; });

  state.exited = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      state.code = code ?? signal;
      running.delete(child.pid);
      resolve(state.code);
    });
  });

  running.add(child.pid);

  return state;
}

/* nginx -t */
export async function configTest(options) {
  const { dir } = await prepare(options);
  const state = run(dir, ['-t']);
  const code = await state.exited;
  const log = read(path.join(dir, 'error.log'));

  fs.rmSync(dir, { recursive: true });

  return { code, stderr: state.stderr, log };
}

/* the lines of an error log that no test may leave */
export function unclean(text, allow = []) {
  return text.split('\n').filter((line) =>
    UNCLEAN.some((bad) => bad.test(line)) &&
    !allow.some((known) => known.test(line)));
}

async function launch(options) {
  const made = await prepare(options);
  const state = run(made.dir, []);
  const log = () => read(path.join(made.dir, 'error.log')) + state.stderr;

  await waitFor(async () => state.code !== undefined ||
    (fs.existsSync(`${made.dir}/nginx.pid`) &&
     (!made.listens || await accepts(made.ports.PORT))), 'start of nginx');

  return { ...made, state, log };
}

function isLog(name) {
  return /\.log(\.|$)/.test(name);
}

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

/*
 * Starts nginx and returns it once it accepts connections.  "allow" are
 * patterns of lines that would fail stop() otherwise, such as the alert of a
 * worker that the test kills.  A secret in a log fails it too, unless
 * "logsSecrets" says that nobody is there to keep it out.
 */
export async function startNginx(options) {
  let made;

  // somebody else may take a port between its choice and its use

  for (let attempt = 0; attempt < 5; attempt++) {
    made = await launch(options);
    if (made.state.code === undefined || !/bind\(\)/.test(made.log())) {
      break;
    }
    fs.rmSync(made.dir, { recursive: true });
  }

  const { dir, ports, workers, state, log } = made;

  assert.equal(state.code, undefined, `nginx did not start:\n${log()}`);

  const starts = () => [...log().matchAll(/start worker process (\d+)/g)]
    .map(([, pid]) => Number(pid));

  await waitFor(() => starts().length >= workers, 'workers');

  return {
    port: ports.PORT,
    ports,
    dir,
    pid: state.child.pid,

    errorLog: log,
    accessLog: () => read(path.join(dir, 'access.log')),

    // of the newest generation
    workerPids: () => starts().slice(-workers),

    // what these have of memory of their own, in KB
    held: () => starts().slice(-workers).reduce((sum, pid) => sum +
      Number(read(`/proc/${pid}/smaps_rollup`)
        .match(/^Private_Dirty: +(\d+) kB/m)[1]), 0),

    // resolves when the workers of the new generation were started

    async reload() {
      const before = starts().length;
      const emergs = () => (log().match(/\[emerg\]/g) ?? []).length;
      const known = emergs();

      process.kill(state.child.pid, 'SIGHUP');

      await waitFor(() => emergs() > known ||
        starts().length >= before + workers, 'reload');

      assert.equal(emergs(), known, `reload failed:\n${log()}`);
    },

    async stop({ allow = options.allow ?? [] } = {}) {
      if (state.code === undefined) {
        state.child.kill('SIGQUIT');        // it may have gone
      }

      const timer = setTimeout(
        () => process.kill(state.child.pid, 'SIGKILL'), DEADLINE);

      const code = await state.exited;
      clearTimeout(timer);

      assert.equal(code, 0, `nginx ended with ${code}, see ${dir}`);
      assert.deepEqual(unclean(log(), allow), [], `see ${dir}/error.log`);

      if (!options.logsSecrets) {
        for (const name of fs.readdirSync(dir).filter(isLog)) {
          assert.deepEqual(leaks(read(path.join(dir, name))), [],
            `secrets in ${dir}/${name}`);
        }
        assert.deepEqual(leaks(state.stderr), [], 'secrets in stderr');
      }

      fs.rmSync(dir, { recursive: true });
    }
  };
}
