// Copyright (C) The ngx_signaling authors
//
// Keys for the tests of "key_file".

import { ORIGIN } from './signaling.mjs';

/* the modules that read it, in every order */
export const LOADS = [
  ['signaling'], ['turncred'], ['signaling', 'turncred'],
  ['turncred', 'signaling']
];

/* one key of a file; "more" are further directives */
export function pk(id, { channels = '**', more = '' } = {}) {
  return `publishable_key ${id} {
    origins ${ORIGIN}; require_origin off; channels ${channels}; ${more}
  }\n`;
}
