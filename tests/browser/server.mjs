/**
 * Starts the real server on a free port over an empty data directory, and ends it with all it wrote. Where PLAYHOUSE_URL names
 * one that runs already, such as `make cluster` does, that is used and left alone.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = process.env.PLAYHOUSE_BIN ?? path.join(root, "target/debug/playhouse");
const readyWithinMs = 30_000;
const stopWithinMs = 15_000;

/** `settings`: environment variables that configure it, on top of those every test needs. */
export async function startServer(settings = {}) {
  if (process.env.PLAYHOUSE_URL) return runningServer(process.env.PLAYHOUSE_URL);
  const dataDir = await mkdtemp(path.join(tmpdir(), "playhouse-browser-"));
  const listen = `127.0.0.1:${await freePort()}`;
  const env = {
    ...process.env,
    PLAYHOUSE__SERVER__LISTEN: listen,
    PLAYHOUSE__SERVER__DATA_DIR: dataDir,
    PLAYHOUSE__LIMITS__ENABLED: "false",
    ...settings,
  };
  const child = spawn(binary, ["serve"], { env, cwd: dataDir, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  child.stdout.on("data", (text) => log.push(String(text)));
  child.stderr.on("data", (text) => log.push(String(text)));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const failed = new Promise((_resolve, reject) => child.once("error", reject));

  const url = `http://${listen}`;
  const server = {
    url,
    dataDir,
    objectsDir: path.join(dataDir, "objects"),
    log: () => log.join(""),
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
      await ended;
      clearTimeout(late);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  await Promise.race([failed, ready(url, ended, server)]);
  return server;
}

/** Where its objects lie on this machine is in PLAYHOUSE_OBJECTS_DIR. */
async function runningServer(url) {
  const dataDir = await mkdtemp(path.join(tmpdir(), "playhouse-browser-"));
  const objectsDir = process.env.PLAYHOUSE_OBJECTS_DIR ?? path.join(dataDir, "objects");
  return { url, dataDir, objectsDir, log: () => "", stop: () => rm(dataDir, { recursive: true, force: true }) };
}

async function ready(url, ended, server) {
  let running = true;
  ended.then(() => (running = false));
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (!running) throw new Error(`the server ended while starting:\n${server.log()}`);
    const answer = await fetch(`${url}/health/ready`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await server.stop();
  throw new Error(`the server was not ready in ${readyWithinMs} ms:\n${server.log()}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
