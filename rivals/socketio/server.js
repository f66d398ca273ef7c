// The simplest idiomatic fan-out server on Socket.IO: a room, and everything that is said goes to everyone in it.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  socket.on("join", () => {
    socket.join("room");
    socket.emit("joined");
  });
  socket.on("say", (text) => io.to("room").emit("said", text));
});
http.listen(Number(process.env.PORT), "127.0.0.1");
