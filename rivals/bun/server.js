// The simplest idiomatic fan-out server on bun: a topic, and everything that is said goes to everyone in it.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("websocket only", { status: 426 });
  },
  websocket: {
    message(socket, message) {
      if (message === "join") {
        socket.subscribe("room");
        socket.send("joined");
      } else {
        server.publish("room", message);
      }
    },
  },
});
