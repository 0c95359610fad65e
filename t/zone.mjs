// Copyright (C) The ngx_signaling authors
//
// The smallest zone that nginx takes.

import assert from 'node:assert/strict';

import { configTest } from './nginx.mjs';
import { certificate, site, TLS } from './signaling.mjs';

/* nginx -t; options of site() and of configTest() */
export function check(options) {
  return configTest({
    modules: ['signaling'], ...options, http: site(options),
    files: TLS ? certificate() : {}
  });
}

/* the size that nginx asks for when there is too little */
export async function minimum(options = {}) {
  const { code, stderr } = await check({ zone: '64k', ...options });
  const [, size] = new RegExp('"signaling_zone calls" is too small ' +
    'for \\d+ worker slots; make it at least (\\d+k)\n').exec(stderr) ??
    assert.fail(stderr);

  assert.equal(code, 1);

  return size;
}
