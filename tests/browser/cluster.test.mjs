/**
 * Two nodes as one, over REST and sockets: PLAYHOUSE_URL is what is before them, PLAYHOUSE_NODES their own addresses. What one does
 * at either is what everybody has at the other. `make cluster` runs this; on its own it is skipped.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { account, call, eventually, ready, upload } from "./api.mjs";
import { stepsOf, trailer } from "./people.mjs";

const front = { url: process.env.PLAYHOUSE_URL };
const nodes = (process.env.PLAYHOUSE_NODES ?? "").split(",").filter(Boolean).map((url) => ({ url }));
const answerWithinMs = 10_000;
const settledWithinMs = 2_000;
const skip = nodes.length < 2 && "PLAYHOUSE_NODES names no two nodes";

test("what is done at one node is so at the other", { skip }, async (t) => {
  const [here, there] = nodes;
  const step = stepsOf(t);
  const ada = await account(here, "ada");
  const ben = await account(there, "ben");
  let id;
  const sit = async (node, as) => {
    const seat = await room(node, id, as);
    t.after(() => seat.close());
    return seat;
  };

  await step("who registered at one is known at the other", async () => {
    for (const node of nodes) {
      for (const { token, username } of [ada, ben]) {
        assert.equal((await call(node, "/me", { token })).username, username);
      }
    }
  });

  await step("an upload at one plays from every node", async () => {
    id = await upload(here, ada, trailer, { title: "On both" });
    await ready(there, id);
    for (const node of [...nodes, front]) {
      const { hls } = await call(node, `/videos/${id}/playback`);
      const playlist = await fetch(new URL(hls, node.url));
      assert.equal(playlist.status, 200);
      assert.match(await playlist.text(), /^#EXTM3U/);
    }
  });

  await step("rooms of both nodes say the same, in the same places", async () => {
    const sockets = [await sit(here, { who: ada }), await sit(there, { who: ben })];
    for (let turn = 0; turn < 6; turn += 1) {
      const { ok } = await sockets[turn % 2].ask({ op: "comment", room: id, text: `turn ${turn}` });
      assert.equal(ok.comment.text, `turn ${turn}`);
    }
    const heard = await Promise.all(sockets.map((socket) => socket.heard(6)));
    assert.deepEqual(heard[0], heard[1]);
    assert.equal(sockets[0].epoch, sockets[1].epoch);
  });

  await step("who leaves one node goes on at the other without a gap", async () => {
    const before = await sit(here, { who: ben });
    const since = { epoch: before.epoch, offset: before.offset };
    before.close();
    await call(there, `/videos/${id}/comments`, { method: "POST", json: { text: "missed by ben" }, token: ada.token });
    const after = await sit(there, { who: ben, since });
    assert.equal(after.snapshot.recovered, true);
    assert.deepEqual((await after.heard(1)).map(([, text]) => text), ["missed by ben"]);
  });

  await step("counts agree within two seconds", async () => {
    await call(here, `/videos/${id}/reaction`, { method: "PUT", json: { reaction: "like" }, token: ada.token });
    await call(there, `/videos/${id}/reaction`, { method: "PUT", json: { reaction: "like" }, token: ben.token });
    const counts = async () => {
      const videos = await Promise.all(nodes.map((node) => call(node, `/videos/${id}`)));
      return videos.every(({ likes, comments }) => likes === 2 && comments === 7);
    };
    await eventually(counts, { withinMs: settledWithinMs, everyMs: 50 });
  });

  await step("a comment and a video that are deleted at one are gone at the other", async () => {
    const { items } = await call(there, `/videos/${id}/comments`);
    await call(there, `/comments/${items[0].id}`, { method: "DELETE", token: ada.token });
    const left = async () => (await call(here, `/videos/${id}/comments`)).items.length === 6;
    await eventually(left, { withinMs: settledWithinMs, everyMs: 50 });
    await call(there, `/videos/${id}`, { method: "DELETE", token: ada.token });
    const gone = async () => (await fetch(`${here.url}/api/v1/videos/${id}`)).status === 404;
    await eventually(gone, { withinMs: settledWithinMs, everyMs: 50 });
  });
});

/** A socket in the room of a video. */
async function room(node, id, { who, since }) {
  const socket = new WebSocket(`${node.url.replace("http", "ws")}/api/v1/ws?access_token=${who.token}`);
  const events = [];
  const waiting = [];
  socket.onmessage = ({ data }) => {
    events.push(JSON.parse(data));
    waiting.splice(0).forEach((look) => look());
  };
  const until = async (find) => {
    const deadline = Date.now() + answerWithinMs;
    for (let found = find(); ; found = find()) {
      if (found) return found;
      const leftMs = deadline - Date.now();
      assert.ok(leftMs > 0, `it never came: ${find}; there is ${JSON.stringify(events)}`);
      let late;
      await Promise.race([new Promise((look) => waiting.push(look)), new Promise((wake) => (late = setTimeout(wake, leftMs)))]);
      clearTimeout(late);
    }
  };
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  let asked = 0;
  const ask = async (words) => {
    asked += 1;
    const re = asked;
    socket.send(JSON.stringify({ id: re, ...words }));
    const answer = await until(() => events.find((event) => event.re === re));
    assert.equal(answer.problem, undefined, JSON.stringify(answer));
    return answer;
  };
  const { ok: snapshot } = await ask({ op: "join", room: id, since });
  // What waits for the next tick comes after the answer to the join.
  const missed = since ? snapshot.comments : [];
  const items = () => [...missed, ...events.filter(({ ev }) => ev === "comments").flatMap((event) => event.items)];
  return {
    ask,
    snapshot,
    epoch: snapshot.epoch,
    offset: snapshot.offset,
    heard: async (count) => {
      await until(() => items().length >= count);
      return items().map((item) => [item.id, item.text]);
    },
    close: () => socket.close(),
  };
}
