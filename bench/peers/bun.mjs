// uWebSockets as it comes with Bun: its sockets and its topics, and one
// function of JavaScript for each message.
//
//     bun bun.mjs port

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),

  fetch(request, server) {
    const room = new URL(request.url).pathname;

    return server.upgrade(request, { data: room }) ? undefined
      : new Response(null, { status: 400 });
  },

  websocket: {
    idleTimeout: 0,
    perMessageDeflate: false,
    open(socket) { socket.subscribe(socket.data); },
    message(socket, data) { socket.publish(socket.data, data); }
  }
});
