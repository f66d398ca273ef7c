#!/usr/bin/env node
/**
 * Prints the tables of docs/capacity.md: from what was measured, and from what is assumed of people and prices, to nodes and money.
 * Change the assumptions here or on the command line (`scripts/capacity.mjs cdnPerGb=0.01 minutesADay=60`) and see.
 */

/** Measured; docs/capacity.md names the source of each. */
const measured = {
  bytesAnAwakeSeat: 8_748,
  cpuAJoin: 55e-6,
  cpuADelivery: 9.6e-6,
  commentsASecondOfACore: 10_302 / 2,
  likesASecondOfACore: 22_555 / 2,
  /** Of one comment each, and of one like or view each: what a crowd spread over many videos writes. */
  commentWritesASecondOfACassandraCore: 2_909 / 5 / 2,
  tallyWritesASecondOfACassandraCore: 600 / 2,
  segmentBytesASecondOfACore: 7_413 * 1e6,
  cpuAnUploadedGib: 0.66,
  cpuATranscodedMinute: (55.8 / 55.1) * 60,
  bytesATranscodedMinute: (13_278 * 1_024 * 60) / 55.1,
  memoryOfAWorker: 603e6,
};

/** Assumed, 2026-11. Nothing of it is measured. */
const assumed = {
  activeADay: 0.2,
  minutesADay: 30,
  peakOverMean: 3,
  viewsADay: 6,
  likesADay: 2,
  commentsADay: 0.5,
  uploadsADayOfAThousand: 1,
  minutesAnUpload: 6,
  sourceBytesAMinute: 60e6,
  deliveriesASecondASeat: 0.5,
  joinsAVisitor: 8,
  playedBitsASecond: 1.5e6,
  missesOfTheCdn: 0.03,
  bytesACommentOnDisk: 1_500,
  replicas: 3,
  usedAtPeak: 0.5,
  coresANode: 16,
  seatsANode: 200_000,
  monthsKept: 12,
  corePerMonth: 15,
  objectGbPerMonth: 0.02,
  diskGbPerMonth: 0.08,
  cdnPerGb: 0.005,
};

for (const word of process.argv.slice(2)) {
  const [name, value] = word.split("=");
  if (!(name in assumed) || !Number.isFinite(Number(value))) {
    console.error(`${word}: allowed are NAME=NUMBER of ${Object.keys(assumed).join(", ")}`);
    process.exit(2);
  }
  assumed[name] = Number(value);
}

const day = 86_400;

function load(monthly) {
  const a = assumed;
  const daily = monthly * a.activeADay;
  const peak = (perDay) => (daily * perDay * a.peakOverMean) / day;
  const seats = (daily * a.minutesADay * 60 * a.peakOverMean) / day;
  const uploads = (monthly / 1_000) * a.uploadsADayOfAThousand;
  return {
    seats,
    deliveries: seats * a.deliveriesASecondASeat,
    joins: peak(a.joinsAVisitor),
    comments: peak(a.commentsADay),
    likes: peak(a.likesADay),
    views: peak(a.viewsADay),
    playedBits: seats * a.playedBitsASecond,
    uploadedMinutesADay: uploads * a.minutesAnUpload,
    playedGbAMonth: (daily * 30 * a.minutesADay * 60 * a.playedBitsASecond) / 8 / 1e9,
    commentsAMonth: daily * 30 * a.commentsADay,
  };
}

function needs(load) {
  const m = measured;
  const a = assumed;
  const node =
    load.deliveries * m.cpuADelivery +
    load.joins * m.cpuAJoin +
    load.comments / m.commentsASecondOfACore +
    (load.likes + load.views) / m.likesASecondOfACore +
    (load.playedBits / 8) * a.missesOfTheCdn / m.segmentBytesASecondOfACore;
  const sourceGib = (load.uploadedMinutesADay * a.sourceBytesAMinute) / 2 ** 30;
  const media = ((load.uploadedMinutesADay * m.cpuATranscodedMinute + sourceGib * m.cpuAnUploadedGib) / day) * a.peakOverMean;
  const store =
    a.replicas *
    (load.comments / m.commentWritesASecondOfACassandraCore + (load.likes + load.views) / m.tallyWritesASecondOfACassandraCore);
  const cores = (busy) => busy / a.usedAtPeak;
  const keptMinutes = load.uploadedMinutesADay * 30 * a.monthsKept;
  return {
    nodeCores: cores(node),
    mediaCores: cores(media),
    storeCores: cores(store),
    mediaGb: (cores(media) * m.memoryOfAWorker) / 1e9,
    seatGb: (load.seats * m.bytesAnAwakeSeat) / 1e9,
    objectsTb: (keptMinutes * (m.bytesATranscodedMinute + a.sourceBytesAMinute)) / 1e12,
    rowsGb: (load.commentsAMonth * a.monthsKept * a.bytesACommentOnDisk * a.replicas) / 1e9,
  };
}

/** As many as the busier of processors and sockets asks for, and one more than needed: any may be away. */
const machines = (need, load) => Math.max(need.nodeCores / assumed.coresANode, load.seats / assumed.seatsANode);
const spare = (count) => Math.ceil(count) + 1;

const steps = [10_000, 1_000_000, 100_000_000];
const loads = steps.map(load);
const all = loads.map(needs);
const short = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(2))));
const money = (value) => `$ ${Math.round(value).toLocaleString("en")}`;
const table = (head, rows) => {
  console.log(`| ${head} | ${steps.map((step) => step.toLocaleString("en")).join(" | ")} |\n|---|---|---|---|`);
  for (const [name, values] of rows) console.log(`| ${name} | ${values.join(" | ")} |`);
  console.log();
};
const of = (list, name) => list.map((one) => short(one[name]));

table("at the busiest hour, monthly users", [
  ["sockets", of(loads, "seats")],
  ["deliveries/s", of(loads, "deliveries")],
  ["joins/s", of(loads, "joins")],
  ["comments/s", of(loads, "comments")],
  ["likes/s", of(loads, "likes")],
  ["views/s", of(loads, "views")],
  ["played, Gbit/s", loads.map((one) => short(one.playedBits / 1e9))],
  ["played, TB a month", loads.map((one) => short(one.playedGbAMonth / 1e3))],
  ["uploaded, minutes a day", of(loads, "uploadedMinutesADay")],
]);
table("what that takes", [
  [`cores for requests and sockets, at ${assumed.usedAtPeak * 100} %`, of(all, "nodeCores")],
  ["GB of memory for sockets, all awake", of(all, "seatGb")],
  [`nodes of ${assumed.coresANode} cores, one to spare`, all.map((need, at) => spare(machines(need, loads[at])))],
  ["cores for transcoding", of(all, "mediaCores")],
  ["GB of memory for its workers, one a core", of(all, "mediaGb")],
  [`cores of the store, ${assumed.replicas} copies`, of(all, "storeCores")],
  ["TB of objects after a year", of(all, "objectsTb")],
  ["GB of rows after a year", of(all, "rowsGb")],
]);
const costs = all.map((need, at) => {
  const nodes = spare(machines(need, loads[at])) * assumed.coresANode;
  return {
    nodes: at === 0 ? 4 * assumed.corePerMonth : nodes * assumed.corePerMonth,
    media: at === 0 ? 0 : Math.ceil(need.mediaCores) * assumed.corePerMonth,
    store: at === 0 ? 0 : Math.max(3 * 8, Math.ceil(need.storeCores)) * assumed.corePerMonth + need.rowsGb * assumed.diskGbPerMonth,
    objects: need.objectsTb * 1e3 * assumed.objectGbPerMonth,
    cdn: loads[at].playedGbAMonth * assumed.cdnPerGb,
  };
});
table("a month, after a year of uploads", [
  ["nodes", costs.map((cost) => money(cost.nodes))],
  ["media nodes", costs.map((cost) => money(cost.media))],
  ["store", costs.map((cost) => money(cost.store))],
  ["objects", costs.map((cost) => money(cost.objects))],
  ["traffic over a CDN", costs.map((cost) => money(cost.cdn))],
  ["**all of it**", costs.map((cost) => `**${money(Object.values(cost).reduce((sum, one) => sum + one))}**`)],
]);
