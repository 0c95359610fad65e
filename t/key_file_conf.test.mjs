// Copyright (C) The ngx_signaling authors
//
// What nginx -t says of "key_file" and of the file that it names.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { describe } from 'node:test';

import { LOADS, pk } from './key_file.mjs';
import { configTest } from './nginx.mjs';
import { SECRET } from './token.mjs';

describe('key_file in the configuration', () => {
  const GOOD = pk('pk_file');
  const files = {
    'good.keys': { text: GOOD },
    'empty.keys': { text: '' },
    'comment.keys': { text: '# nothing\n' },
    'wrong.keys': { text: `${GOOD}\npublishable_key b {\n  origin *;\n}\n` },
    'open.keys': { text: `${GOOD}publishable_key b {\n` },
    'missing.keys': { text: 'secret_key a {\n  secret_file nothing;\n}\n' },
    'long.keys': { text: '#'.repeat(1024 * 1024 + 1) },
    'wide.keys': {
      mode: 0o644, text: `secret_key a { secret ${SECRET}; channels **; }`
    },
    'public.keys': { mode: 0o644, text: GOOD },
    'outside.keys': {
      mode: 0o644, text: 'secret_key a { secret_file sec/ret; channels **; }'
    },
    'sec/ret': { text: `${SECRET}\n` },
    'short.keys': { text: '\nsecret_key a { secret s;\n channels **; }\n' }
  };
  const run = (modules, http, options) =>
    configTest({ modules, http, files, ...options });

  const accepted = [
    ['a relative path', 'key_file good.keys;'],
    ['an absolute path', 'key_file @DIR@/good.keys;'],
    ['an empty file', 'key_file empty.keys;'],
    ['a file of comments', 'key_file comment.keys;'],
    ['keys beside it', `${pk('a')} key_file good.keys; ${pk('b')}`],
    ['publishable keys that others can read', 'key_file public.keys;'],
    ['secrets in other files', 'key_file outside.keys;']
  ];

  const rejected = [
    ['no name', 'key_file;', 'invalid number of arguments in "key_file"'],
    ['an empty name', 'key_file "";',
     '"key_file" directive has no name, write that of the file with the keys'],
    ['twice', 'key_file good.keys; key_file empty.keys;',
     '"key_file" directive is duplicate, write all keys into one file'],
    ['in a server', 'server { key_file good.keys; }',
     '"key_file" directive is not allowed here'],
    ['no such file', '\nkey_file nothing.keys;',
     '/nothing.keys" for "key_file", write the keys into that file and make ' +
     'it readable to the user who starts nginx (2: No such file or ' +
     'directory) in ', 'nginx.conf:'],
    ['a directory', 'key_file @DIR@;',
     '" for "key_file" is no regular file of at most 1048576 bytes, name the ' +
     'file that holds the keys in ', 'nginx.conf:'],
    ['a file too long', 'key_file long.keys;', 'is no regular file'],
    ['the ID of a key before', `${GOOD} key_file good.keys;`,
     'duplicate key "pk_file" in "publishable_key", give every key an ID of ' +
     'its own in ', '/good.keys:1'],
    ['the ID of a key behind', `key_file good.keys; ${GOOD}`,
     'duplicate key "pk_file" in "publishable_key"', '/good.keys:1'],
    ['a mistake', 'key_file wrong.keys;',
     'unknown directive "origin" in "publishable_key", write "origins"',
     '/wrong.keys:6'],
    ['no end', 'key_file open.keys;',
     'unexpected end of file, expecting "}" in ', '/open.keys:5'],
    ['no secret', 'key_file missing.keys;',
     '/nothing" for "secret_file", write the secret into that file',
     '/missing.keys:2']
  ];

  for (const modules of LOADS) {
    for (const [name, http] of accepted) {
      test(`${modules}: ${name}`, async () => {
        const { code, stderr } = await run(modules, http);
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stderr, /\[(warn|emerg|alert)\]/);
      });
    }

    for (const [name, http, ...texts] of rejected) {
      test(`${modules}: ${name} is rejected`, async () => {
        const { code, stderr } = await run(modules, http);

        assert.equal(code, 1);
        assert.equal(stderr.match(/\[emerg\]/g).length, 1, stderr);

        for (const text of texts) {
          assert.ok(stderr.includes(text), `${stderr}\nshould have: ${text}`);
        }
      });
    }

    test(`${modules}: secrets that others can read are a warning`, async () => {
      const { code, stderr } = await run(modules, 'key_file wide.keys;');

      assert.equal(code, 0);
      assert.equal(stderr.match(/\[warn\]/g).length, 1, stderr);
      assert.match(stderr, /"(\S+\/wide\.keys)" for "key_file" has secrets in it and can be read by every user, run "chmod o= \1"/);
    });

    test(`${modules}: a warning names the line`, async () => {
      const { code, stderr } = await run(modules, 'key_file short.keys;');

      assert.equal(code, 0);
      assert.match(stderr, /"secret_key a" is shorter .* in \S+\/short\.keys:3\n/);
    });
  }

  if (process.getuid() === 0) {
    for (const modules of LOADS) {
      test(`${modules}: what workers cannot read is a warning`, async () => {
        const { code, stderr } = await run(modules, 'key_file outside.keys;',
          { user: 'nobody nogroup' });

        assert.equal(code, 0);
        assert.equal(stderr.match(/\[warn\]/g).length, 1, stderr);
        assert.match(stderr, /"(\S+\/sec\/ret)" cannot be read by the user "nobody" of the workers, .*"chown root:nogroup \1" and "chmod 640 \1", .* in \S+nginx\.conf:\d+\n/);
      });
    }

    test('a folder that workers cannot enter is a warning', async () => {
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ngx-keys-'));

      fs.writeFileSync(`${dir}/live.keys`, GOOD, { mode: 0o644 });

      const { code, stderr } = await configTest({
        http: `key_file ${dir}/live.keys;`, user: 'nobody nogroup'
      });

      fs.rmSync(dir, { recursive: true });

      assert.equal(code, 0);
      assert.match(stderr, /\/live\.keys" cannot be read by the user "nobody"/);
    });
  }
});
