// Copyright (C) The ngx_signaling authors
//
// The site that is fuzzed: every directive of both modules, with limits that
// short sessions come to. Honest clients have an app of their own.

import { forge } from '../../token.mjs';

export const SECRET = 'sk_secret_of_the_fuzzer_0123456789abcdefghij';
export const ORIGIN = 'https://demo.example.com';
export const HONEST = 'pk_live_honest';
export const HONEST_PAIR = `sk_id_honest:${SECRET}`;

const FAR = 4102444800;         // the end of 2099, so that sessions keep

const token = (claims) => forge(
  { alg: 'HS256', kid: 'sk_id_main', typ: 'JWT' },
  { sub: 'alice', exp: FAR, ...claims }, { secret: SECRET });

/* what sessions say for what is long; see fill() */
const WORDS = {
  '@ALICE@': token({ peerMetadata: { name: 'Alice' } }),
  '@BOB@': token({ sub: 'bob', channels: ['room-*'], metadata: { a: [1] } }),
  '@NARROW@': token({ sub: 'carol', permissions: ['subscribe'],
                      channels: ['room-1'], turn: false }),
  '@OLD@': token({ sub: 'dave', exp: 1000000000 }),
  '@PAIR@': `sk_id_main:${SECRET}`,
  '@SECRET@': SECRET
};

export const fill = (text) => text.replace(/@[A-Z]+@/g,
  (word) => WORDS[word] ?? word);

/* key files: the first is there at the start */
export const KEY_FILES = [
  `publishable_key pk_file { origins *; channels **; }
   secret_key sk_id_file { secret "${SECRET}"; channels room-*; }`,
  'publishable_key pk_file { origins *; channels room-1; turn off; }',
  ''
];

const site = (port) => `
  signaling_zone calls 8m;
  signaling_zone small 2m;
  signaling_app limited max_connections=3 max_messages=20;
  signaling_app gone suspended;
  signaling_ping 2s grace=1s;
  signaling_drain 100ms;

  publishable_key ${HONEST} {
    origins *; require_origin off; channels **; app honest;
  }
  publishable_key pk_all {
    origins ${ORIGIN} https://*.example.org null; require_origin off;
    channels **; actions subscribe publish presence send;
  }
  publishable_key pk_some {
    origins *; channels room-? a/*/b c\\**; actions subscribe presence;
    turn off;
  }
  publishable_key pk_limited {
    origins *; require_origin off; channels **; app limited;
  }
  publishable_key pk_gone {
    origins *; require_origin off; channels **; app gone;
  }
  secret_key sk_id_main { secret ${SECRET}; channels **; }
  secret_key sk_id_honest { secret ${SECRET}; channels **; app honest; }
  secret_key sk_id_asymmetric {
    algorithm ES256; public_key_file @DIR@/ES256.pem; channels **;
  }
  key_file @DIR@/keys/keys.conf;

  turn_server stun:turn.example.com turn:turn.example.com?transport=udp;
  turn_server turns:turn.example.com:5349?transport=tcp;
  turn_secret_file @DIR@/turn_secret;
  turn_ttl 1h;
  token_ttl 10m;
  large_client_header_buffers 4 32k;
  client_header_timeout 2s;
  client_body_timeout 2s;
  lingering_timeout 1s;
  limit_conn_zone $binary_remote_addr zone=callers:1m;

  server {
    listen 127.0.0.1:${port} reuseport;
    add_header X-Worker $pid always;

    location = /v1 {
      signaling calls;
      signaling_ice_servers $turn_ice_servers;
      signaling_deflate on;
    }
    location = /v1/small {
      signaling small;
      signaling_max_message 1k;
      signaling_max_channels 2;
      signaling_rate 50r/s burst=20;
      signaling_send_buffer 128k;
      signaling_snapshot_delay 1ms;
      signaling_same_peer single;
      signaling_reload drain;
      signaling_peer_id $arg_peer;
      signaling_peer_metadata $arg_meta;
      signaling_ice_servers $http_x_ice;
      limit_conn callers 1000;
    }
    location /v1/ { signaling_api calls; signaling_max_message 2k; }
    location = /v1/tokens {
      token_issue sk_id_main;
      token_subject $arg_sub;
      token_peer_metadata $arg_meta;
      token_client_metadata 1k;
    }
    location = /status { signaling_status calls; }
    location = /status/small { signaling_status small; }
    location = /turn { turn_credentials; }
    location = /turn/object { turn_credentials object; turn_ttl 10s; }
    location = /turn/rest { turn_credentials rest; turn_user $arg_user; }
    location = /turn/twilio { turn_credentials twilio; }
    location = /turn/cloudflare { turn_credentials cloudflare; }
    location = /turn/none { turn_credentials; turn_secret other; turn_server
      stun:a; }
    location /api/v1/turn/ { turn_api; }
    location /api/v2/turn/ { turn_api; }
  }`;

/* for startNginx() */
export const options = (files) => ({
  http: site('@PORT@'),
  workers: 2,
  level: 'info',

  // a secret may stand where no client would put it
  logsSecrets: true,
  files: {
    ...files,
    'keys/keys.conf': { text: KEY_FILES[0], mode: 0o644 },
    turn_secret: { text: 'the secret of the TURN server', mode: 0o600 }
  }
});
