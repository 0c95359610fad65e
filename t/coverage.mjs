// Copyright (C) The ngx_signaling authors

// Lines of the plain C parts that tests have run, from what gcc counted:
//
//     node t/coverage.mjs DIR...
//
// DIR: where objects are that were built with --coverage, and have been run.
// Prints a line for each file, and what was missed; fails when all files
// together, or one of them, are below what is wanted.  See t/coverage.mk.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const parts = ['access', 'ngx_signaling_module', 'ngx_turncred_module'];

const WANTED_SUM = 95;
const WANTED_FILE = 90;

// Lines that no test can come to stay in the count; a line behind which there
// is only a failing allocation or a failing OpenSSL is one of those.

const counts = new Map(plain().map((file) => [file, new Map()]));

for (const dir of process.argv.slice(2)) {
  for (const note of notes(resolve(dir))) {
    read(note);
  }
}

report();

/*
 * What includes no header of nginx, through whatever other header; what is
 * found here and is nowhere built counts as missed.
 */
function plain() {
  const headers = new Map();

  for (const part of parts) {
    for (const name of readdirSync(join(root, part))) {
      headers.set(name, join(part, name));
    }
  }

  const seen = new Map();

  function isPlain(file) {
    if (!seen.has(file)) {
      seen.set(file, true);

      const text = readFileSync(join(root, file), 'utf8');
      const names = [...text.matchAll(/^#include [<"](.*)[>"]/gm)]
        .map((match) => match[1]);

      seen.set(file, names.every((name) =>
        name !== 'ngx_config.h' && (!headers.has(name)
        || isPlain(headers.get(name)))));
    }

    return seen.get(file);
  }

  return [...headers.values()]
    .filter((file) => file.endsWith('.c') && isPlain(file)).sort();
}

function notes(dir) {
  return readdirSync(dir, { recursive: true })
    .filter((name) => name.endsWith('.gcno'))
    .map((name) => join(dir, name));
}

// adds what one object has counted

function read(note) {
  const text = execFileSync('gcov', ['--json-format', '--stdout', note],
    { maxBuffer: 1 << 28, encoding: 'utf8', cwd: root,
     stdio: ['ignore', 'pipe', 'ignore'] });

  for (const line of text.split('\n').filter(Boolean)) {
    const data = JSON.parse(line);
    const cwd = data.current_working_directory;

    for (const { file, lines } of data.files) {
      const count = counts.get(relative(root, resolve(cwd, file)));

      for (const { line_number: at, count: n } of count ? lines : []) {
        count.set(at, (count.get(at) ?? 0) + n);
      }
    }
  }
}

function report() {
  const failed = [];
  let all = 0;
  let run = 0;

  for (const [file, count] of counts) {
    const missed = [...count].filter(([, n]) => n === 0)
      .map(([at]) => at).sort((a, b) => a - b);

    const here = count.size - missed.length;

    all += count.size;
    run += here;

    console.log(row(basename(file), here, count.size),
      ranges(missed).join(' '));

    if (count.size === 0 || here * 100 < count.size * WANTED_FILE) {
      failed.push(file);
    }
  }

  console.log(row('all', run, all));

  if (run * 100 < all * WANTED_SUM) {
    failed.push(`all, ${WANTED_SUM} % are wanted`);
  }

  for (const what of failed) {
    console.log(`too few lines were run: ${what}`);
  }

  console.log(`${counts.size + 1 - failed.length} passed,`,
    `${failed.length} failed`);

  process.exitCode = failed.length ? 1 : 0;
}

function row(name, run, all) {
  const percent = (all ? run * 100 / all : 0).toFixed(1);

  return name.padEnd(26) + String(run).padStart(6)
    + ` of ${String(all).padEnd(6)}` + `${percent} %`.padStart(8);
}

function ranges(numbers) {
  const result = [];

  for (let i = 0; i < numbers.length; i++) {
    const first = numbers[i];

    while (numbers[i + 1] === numbers[i] + 1) {
      i++;
    }

    result.push(first === numbers[i] ? first : `${first}-${numbers[i]}`);
  }

  return result;
}
