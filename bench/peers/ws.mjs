// The relay of the tutorials: rooms by URL, a message goes to the others.
//
//     node relay.mjs port

import { WebSocketServer, WebSocket } from 'ws';

const rooms = new Map();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false
});

server.on('connection', (socket, request) => {
  const name = request.url;
  let room = rooms.get(name);

  if (room === undefined) {
    room = new Set();
    rooms.set(name, room);
  }

  room.add(socket);

  socket.on('message', (data, isBinary) => {
    for (const other of room) {
      if (other !== socket && other.readyState === WebSocket.OPEN) {
        other.send(data, { binary: isBinary });
      }
    }
  });

  socket.on('close', () => {
    room.delete(socket);

    if (room.size === 0) {
      rooms.delete(name);
    }
  });
});
