/** A TCP proxy that breaks connections: each of the first `cuts` is cut after so many bytes of its sender's, by a seed. */
import net from "node:net";

export async function startFaultProxy(target, { seed, cuts, bytesMax }) {
  const random = randomFrom(seed);
  const open = new Set();
  let left = cuts;
  let passed = 0;
  const server = net.createServer((client) => {
    const upstream = net.connect(target.port, target.hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      socket.on("error", () => undefined);
    }
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => client.destroy());
    upstream.pipe(client);
    let budget = Math.floor(random() * bytesMax);
    client.on("data", (bytes) => {
      const cut = left > 0 && bytes.length > budget;
      const flows = upstream.write(cut ? bytes.subarray(0, budget) : bytes);
      passed += bytes.length;
      budget -= bytes.length;
      if (cut) {
        left -= 1;
        // Half of the breaks are clean, half are resets.
        const end = random() < 0.5 ? "destroySoon" : "resetAndDestroy";
        upstream[end]();
        client.resetAndDestroy();
      } else if (!flows) {
        client.pause();
        upstream.once("drain", () => client.resume());
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cutsMade: () => cuts - left,
    bytesPassed: () => passed,
    stop() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** mulberry32: 0 to 1, the same for the same seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
