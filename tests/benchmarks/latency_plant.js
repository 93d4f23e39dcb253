"use strict";
/* The plant of the benchmark latency: node latency_plant.js PORT TAGS VALUES_PER_S

Objects/Plant/Step counts up at random moments, Objects/Plant/Load/v0.. change evenly, each its own
count, at 0 values a second never; Objects/Count/Offered is how many values were written. */
const { DataType, StatusCodes } = require("node-opcua-client");
const { Subscription } = require("node-opcua-server");
const { openServer } = require("./open_server.js");

const [port, tags, rate] = process.argv.slice(2).map(Number);
const SLICE_MS = 10;
const STEP_MS = [60, 140];
const MOST_BEHIND_S = 0.5;

Subscription.minimumPublishingInterval = 10; // milliseconds; node-opcua's own is 50

function folders(server) {
  const { rootFolder } = server.engine.addressSpace;
  const namespace = server.engine.addressSpace.getOwnNamespace();
  const folder = (parent, name) =>
    namespace.addFolder(parent, { browseName: name, nodeId: `s=${name}` });
  const double = (parent, name) =>
    namespace.addVariable({
      componentOf: parent,
      browseName: name,
      nodeId: `s=${name}`,
      dataType: "Double",
      minimumSamplingInterval: 0,
      value: { dataType: DataType.Double, value: 0 },
    });
  const plant = folder(rootFolder.objects, "Plant");
  const load = folder(plant, "Load");
  return {
    step: double(plant, "Step"),
    load: Array.from({ length: tags }, (_, i) => double(load, `v${i}`)),
    offered: double(folder(rootFolder.objects, "Count"), "Offered"),
  };
}

function write(variable, value) {
  variable.setValueFromSource({ dataType: DataType.Double, value }, StatusCodes.Good, new Date());
}

function stepOn(step, count) {
  write(step, count);
  const [least, most] = STEP_MS;
  setTimeout(() => stepOn(step, count + 1), least + Math.random() * (most - least));
}

function loadOn(load, offered) {
  let written = 0;
  let began = performance.now();
  setInterval(() => {
    const due = ((performance.now() - began) * rate) / 1000;
    const behind = Math.max(0, due - written - MOST_BEHIND_S * rate);
    began += (behind / rate) * 1000; // what a stall has kept from being written is not offered
    for (let end = due - behind; written < end; written += 1) {
      write(load[written % tags], Math.floor(written / tags) + 1);
    }
    write(offered, written);
  }, SLICE_MS);
}

async function main() {
  // at another minSupportedSampleRate changes within 50 ms are one
  const server = await openServer(port, { minSupportedSampleRate: 0 });
  const { step, load, offered } = folders(server);
  await server.start();
  stepOn(step, 1);
  if (rate > 0) loadOn(load, offered);
  console.log("Ready");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
