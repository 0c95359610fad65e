// Copyright (C) The ngx_signaling authors
//
// The secrets of a test: what its configurations have and what its clients
// show.  No log may have one of them, which startNginx() looks for at the
// end.  Those of answers have a form of their own.

import diagnostics from 'node:diagnostics_channel';

const MIN = 8;          // shorter ones are found in anything
const secrets = new Set();

const FORMS = [
  /eyJ[\w-]{8,}/g,                                      // a token
  /(?<![\w+/])[A-Za-z0-9+/]{27}=(?![\w+/=])/g           // a TURN credential
];

/* remembers it, also as it looks in a query, and returns it */
export function secret(text) {
  for (const form of [text, encodeURIComponent(text)]) {
    if (form.length >= MIN && !form.startsWith('pk_')) {
      secrets.add(form);
    }
  }

  return text;
}

/* those of a configuration; "read" gives the text of a file */
export function secretsOfConfig(text, read) {
  for (const [, name, value] of text.matchAll(
    /\b((?:turn_)?secret(?:_file)?)\s+"?([^\s";]+)"?\s*;/g)) {
    secret(name.endsWith('_file') ? read(value).trim() : value);
  }
  for (const [, file] of text.matchAll(/\bkey_file\s+"?([^\s";]+)"?\s*;/g)) {
    secretsOfConfig(read(file), read);
  }
}

/* the ID of a key is none */
function pair(value) {
  const [, , text] = /^([\w.-]*):(.*)$/s.exec(value) ?? [];

  if (text !== undefined || !/^sk_\w+$/.test(value)) {
    secret(text ?? value);
  }
}

/* of every request of this process, WebSockets included */
diagnostics.subscribe('http.client.request.start', ({ request }) => {
  const { searchParams } = new URL(request.path, 'http://localhost');
  const [, bearer] = /^bearer +(.*)$/is
    .exec(request.getHeader('authorization')) ?? [];
  const protocols = request.getHeader('sec-websocket-protocol') ?? '';

  for (const name of ['token', 'secretKey']) {
    searchParams.getAll(name).forEach(pair);
  }
  if (bearer) {
    pair(bearer);
  }
  for (const [, token] of protocols.matchAll(/signaling\.bearer\.([^\s,]+)/g)) {
    secret(token);
  }
});

/* what a text has of them, and what looks like one */
export function leaks(text) {
  return [...secrets].filter((known) => text.includes(known))
    .concat(FORMS.flatMap((form) => text.match(form) ?? []));
}
