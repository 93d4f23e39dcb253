"use strict";
/*
 * A model run by hand, by node-opcua: prints JSON lines as client.js does.
 *
 *   node models.js ENDPOINT --pki FOLDER --model NAME --watch NODE
 *
 * Calls RunNow, Disable and Enable of the model as it finds them by browsing, and receives the
 * events of its recommendation. NODE, a path below Objects, is a value of one of its predictions.
 *
 * Lines: {"kind": "step", "name", "status"} | {"kind": "executable", "name", "may"}
 *      | {"kind": "event", ...} | {"kind": "disabled", "state", "value", "nextRun"} | {"kind": "done"}
 */
const opcua = require("node-opcua-client");
const { makeClient, run, say, security } = require("./common.js");

const NAMESPACE = "urn:opcua-ai:advisory";
const FIELDS = ["SourceName", "Message", "State", "RecommendedValue", "ClampedValue", "ExpiresAt"];
const EXPIRED = 6;
const PROPOSED = 0;

async function until(test) {
  const deadline = Date.now() + 15000;
  while (!(await test())) {
    if (Date.now() > deadline) throw new Error(`never: ${test}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function watchEvents(session, own) {
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 20,
    maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 0,
  });
  const type = opcua.coerceNodeId(`ns=${own};i=1008`);
  const paths = FIELDS.map((name) =>
    ["SourceName", "Message"].includes(name) ? name : `${own}:${name}`);
  const filter = opcua.constructEventFilter(paths, opcua.ofType(type));
  const item = await subscription.monitor(
    { nodeId: "i=2253", attributeId: opcua.AttributeIds.EventNotifier },
    { samplingInterval: 0, queueSize: 100, discardOldest: true, filter },
    opcua.TimestampsToReturn.Both,
  );
  const seen = [];
  item.on("changed", (values) => {
    const event = Object.fromEntries(FIELDS.map((name, i) => {
      const value = values[i].value;
      return [name, value instanceof opcua.LocalizedText ? value.text : value];
    }));
    seen.push(event.State);
    say("event", event);
  });
  return seen;
}

async function main() {
  const [endpoint, ...rest] = process.argv.slice(2);
  const options = {};
  for (let i = 0; i < rest.length; i += 2) options[rest[i].replace(/^--/, "")] = rest[i + 1];
  const client = await makeClient(options.pki, security("None"));
  await client.connect(endpoint);
  const session = await client.createSession();
  const own = (await session.readNamespaceArray()).indexOf(NAMESPACE);
  const model = `ns=${own};s=AIAdvisory/Models/${options.model}`;
  const read = async (path) =>
    session.read({ nodeId: `ns=${own};s=${path}`, attributeId: opcua.AttributeIds.Value });
  const figure = async (name) => read(`AIAdvisory/Models/${options.model}/${name}`);
  const method = async (name) => (await session.translateBrowsePath(
    opcua.makeBrowsePath(model, `.${own}:${name}`))).targets[0].targetId;
  const call = async (name, label = name) => {
    const request = { objectId: model, methodId: await method(name), inputArguments: [] };
    say("step", { name: label, status: (await session.call(request)).statusCode.name });
  };
  for (const name of ["RunNow", "Enable", "Disable"]) {
    const attributeId = opcua.AttributeIds.UserExecutable;
    const found = await session.read({ nodeId: await method(name), attributeId });
    say("executable", { name, may: found.value.value });
  }
  await until(async () => (await read(options.watch)).statusCode.isGood());
  const seen = await watchEvents(session, own);
  const runs = (await figure("Runs")).value.value;
  await call("RunNow");
  await until(async () => (await figure("Runs")).value.value > runs);
  await call("Enable", "Enable while enabled");
  await call("Disable");
  say("disabled", {
    state: (await figure("State")).value.value,
    value: (await read(options.watch)).statusCode.name,
    nextRun: (await figure("NextRun")).statusCode.name,
  });
  await call("Disable", "Disable again");
  await call("RunNow", "RunNow while disabled");
  await until(async () => seen.includes(EXPIRED));
  await call("Enable");
  await until(async () => seen.at(-1) === PROPOSED);
  await until(async () => (await read(options.watch)).statusCode.isGood());
  await call("Disable", "Disable before the restart");
  await session.close();
  await client.disconnect();
  say("done");
  process.exit(0);
}

run(main);
