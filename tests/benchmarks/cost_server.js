"use strict";
/* The node-opcua server of the benchmark server-cost: node cost_server.js PORT COUNT HZ */
const { DataType, StatusCodes } = require("node-opcua-client");
const { openServer } = require("./open_server.js");

const [port, count, hz] = process.argv.slice(2).map(Number);

async function main() {
  const server = await openServer(port, { operationLimits: { maxMonitoredItemsPerCall: count } });
  const { rootFolder } = server.engine.addressSpace;
  const namespace = server.engine.addressSpace.getOwnNamespace();
  const folder = namespace.addFolder(rootFolder.objects, { browseName: "Values" });
  const variables = Array.from({ length: count }, (_, i) =>
    namespace.addVariable({
      componentOf: folder,
      browseName: `v${i}`,
      nodeId: `s=v${i}`,
      dataType: "Double",
      minimumSamplingInterval: 0,
      value: { dataType: DataType.Double, value: 0 },
    }),
  );
  await server.start();
  console.log(["Ready", ...variables.map((variable) => variable.nodeId.toString())].join("\n"));
  let tick = 0;
  setInterval(() => {
    tick += 1;
    const now = new Date();
    for (const variable of variables) {
      variable.setValueFromSource({ dataType: DataType.Double, value: tick }, StatusCodes.Good, now);
    }
  }, 1000 / hz);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
