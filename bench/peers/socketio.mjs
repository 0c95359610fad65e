// Socket.IO, WebSocket transport alone: the room is in the query, an event
// "m" goes to the others in it.
//
//     node socketio.mjs port

import { Server } from 'socket.io';

const io = new Server(Number(process.argv[2]), {
  transports: ['websocket'],
  serveClient: false
});

io.on('connection', (socket) => {
  const { room } = socket.handshake.query;

  socket.join(room);
  socket.on('m', (data) => socket.to(room).emit('m', data));
});
