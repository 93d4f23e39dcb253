"use strict";
/* The node-opcua subscriber of the benchmark client-cost: node cost_client.js URL SECONDS < node ids */
const fs = require("fs");
const {
  AttributeIds, MessageSecurityMode, OPCUAClient, SecurityPolicy, TimestampsToReturn,
} = require("node-opcua-client");

const [url, seconds] = process.argv.slice(2);
const nodes = fs.readFileSync(0, "utf8").split(/\s+/).filter(Boolean);
const SETTLE = 3000, PERIOD = 100, QUEUE = 20, AT_ONCE = 1000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const client = OPCUAClient.create({
    endpointMustExist: false,
    securityMode: MessageSecurityMode.None,
    securityPolicy: SecurityPolicy.None,
  });
  await client.connect(url);
  const session = await client.createSession();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: PERIOD,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 20,
    maxNotificationsPerPublish: 0,
    publishingEnabled: true,
  });
  const last = new Float64Array(nodes.length);
  let values = 0;
  for (let start = 0; start < nodes.length; start += AT_ONCE) {
    const group = await subscription.monitorItems(
      nodes.slice(start, start + AT_ONCE).map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })),
      { samplingInterval: 0, queueSize: QUEUE, discardOldest: true },
      TimestampsToReturn.Both,
    );
    group.on("changed", (_item, data, index) => {
      values += 1;
      last[start + index] = data.value.value;
    });
  }
  await pause(SETTLE);
  values = 0;
  const first = last.slice();
  const cpu = process.cpuUsage(), wall = process.hrtime.bigint();
  await pause(1000 * seconds);
  const used = process.cpuUsage(cpu);
  const lost = last.reduce((sum, value, i) => sum + (first[i] > 0 ? value - first[i] : 0), -values);
  console.log(JSON.stringify({
    values,
    lost,
    cpu_s: (used.user + used.system) / 1e6,
    wall_s: Number(process.hrtime.bigint() - wall) / 1e9,
    rss_mb: process.memoryUsage().rss / 1e6,
  }));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
