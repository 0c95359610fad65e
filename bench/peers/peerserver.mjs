// PeerServer, the signaling server of PeerJS, with room for a bench.
//
//     node peerserver.mjs port

import { PeerServer } from 'peer';

PeerServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  path: '/',
  key: 'peerjs',
  concurrent_limit: 1000000,
  alive_timeout: 3600000
});
