"use strict";
/*
 * A foreign OPC UA client for the tests: prints what it sees as JSON lines on standard output.
 *
 *   node client.js ENDPOINT [options]
 *     --read PATH       print the value of a node, e.g. AIAdvisory/Heartbeat (repeatable)
 *     --watch PATH      subscribe to a node and print each change (repeatable)
 *     --tree PATH       print every node below PATH, or a NodeId, with its type, value and status
 *     --alarms STATE    subscribe to the events of the Server object and install node-opcua's alarm
 *                       monitoring; end when both have seen a predicted fault that is STATE
 *                       (active or inactive)
 *     --asset NAME      with --alarms: only faults whose SourceName is NAME
 *     --type NODEID     with --alarms: that event type instead of the predicted fault
 *     --namespace URI   of all PATHs (default: that of the advisory server)
 *     --value TEXT      with --watch: end when a watched node shows this value
 *     --timeout SEC     give up after that long (default 20)
 *     --user NAME       log in; the password stands in the environment variable OPCUA_PASSWORD
 *     --mode MODE       None (default), Sign or SignAndEncrypt; with Basic256Sha256
 *     --pki FOLDER      where the client keeps its own certificate (default: a temporary folder)
 *
 * Lines: {"kind": "session" | "value" | "node" | "ready" | "change" | "event" | "alarm" | "done" |
 * "timeout" | "error", ...}. "ready" comes once all subscriptions are in place.
 * Exit status: 0 done, 1 error, 3 timeout.
 */
const os = require("node:os");
const path = require("node:path");
const opcua = require("node-opcua-client");
const { makeClient, run, say, security } = require("./common.js");

const FAULT_TYPE = 1007;
const EVENT_FIELDS = [
  "EventId", "EventType", "SourceNode", "SourceName", "Time", "Message", "Severity",
  "ConditionName", "Retain", "Quality", "ActiveState", "ActiveState.Id", "AckedState.Id",
  "EnabledState.Id",
];
const OWN_FIELDS = ["Label", "Confidence", "ContributionTags"];

function parse(argv) {
  const options = {
    endpoint: argv[0], read: [], watch: [], tree: [], timeout: 20, mode: "None",
    namespace: "urn:opcua-ai:advisory",
    pki: path.join(os.tmpdir(), "opcua-ai-node-client-pki"),
  };
  for (let i = 1; i < argv.length; i += 2) {
    const name = argv[i].replace(/^--/, "");
    const value = argv[i + 1];
    if (value === undefined) throw new Error(`${argv[i]} needs a value`);
    if (Array.isArray(options[name])) options[name].push(value);
    else options[name] = name === "timeout" ? Number(value) : value;
  }
  if (!options.endpoint) throw new Error("usage: node client.js ENDPOINT [options]");
  return options;
}

function plain(variant) {
  const value = variant?.value;
  if (value === null || value === undefined) return null;
  // node-opcua gives 64-bit integers as [high, low]
  if (variant.dataType === opcua.DataType.UInt64) return value[0] * 2 ** 32 + value[1];
  if (ArrayBuffer.isView(value) && !Buffer.isBuffer(value)) return Array.from(value);
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (value instanceof Date || Array.isArray(value) || typeof value !== "object") return value;
  if (value instanceof opcua.LocalizedText) return value.text;
  return value.toString();
}

function described(nodePath, dataValue) {
  return {
    path: nodePath,
    value: plain(dataValue.value),
    dataType: dataValue.value ? opcua.DataType[dataValue.value.dataType] : null,
    status: dataValue.statusCode.name,
    sourceTimestamp: dataValue.sourceTimestamp,
  };
}

async function printTree(session, above, nodeId) {
  const references = await session.browse({
    nodeId,
    referenceTypeId: "HierarchicalReferences",
    includeSubtypes: true,
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  for (const reference of references.references) {
    if (reference.nodeId.namespace === 0) continue;
    const below = `${above}/${reference.browseName.name}`;
    const [type, value] = await session.read([
      { nodeId: reference.typeDefinition, attributeId: opcua.AttributeIds.BrowseName },
      { nodeId: reference.nodeId, attributeId: opcua.AttributeIds.Value },
    ]);
    const line = { path: below, nodeClass: opcua.NodeClass[reference.nodeClass] };
    line.type = type.value.value ? type.value.value.name : null;
    if (reference.nodeClass === opcua.NodeClass.Variable) Object.assign(line, described(below, value));
    say("node", line);
    // HasNotifier leads to the assets a second time, HasCondition to their faults.
    if (reference.referenceTypeId.value !== 48 && reference.referenceTypeId.value !== 9006) {
      await printTree(session, below, reference.nodeId);
    }
  }
}

async function watchValues(subscription, options, nodeIdOf, finish) {
  for (const watched of options.watch) {
    const item = await subscription.monitor(
      { nodeId: nodeIdOf(watched), attributeId: opcua.AttributeIds.Value },
      { samplingInterval: 0, queueSize: 100, discardOldest: true },
      opcua.TimestampsToReturn.Both,
    );
    item.on("changed", (dataValue) => {
      say("change", described(watched, dataValue));
      if (options.value !== undefined && String(plain(dataValue.value)) === options.value) finish("value");
    });
  }
}

async function watchFaults(session, subscription, options, namespace, finish) {
  const wanted = options.alarms === "active";
  const own = OWN_FIELDS.map((name) => `${namespace}:${name}`);
  const select = [...EVENT_FIELDS, ...own, "ConditionId"];
  const names = [...EVENT_FIELDS, ...OWN_FIELDS, "ConditionId"];
  const item = await subscription.monitor(
    { nodeId: "i=2253", attributeId: opcua.AttributeIds.EventNotifier },
    {
      samplingInterval: 0,
      queueSize: 1000,
      discardOldest: true,
      filter: opcua.constructEventFilter(select, opcua.ofType("ConditionType")),
    },
    opcua.TimestampsToReturn.Both,
  );
  item.on("changed", (fields) => {
    const event = Object.fromEntries(names.map((name, i) => [name, plain(fields[i])]));
    if (event.EventType !== (options.type ?? `ns=${namespace};i=${FAULT_TYPE}`)) return;
    say("event", event);
    if (options.asset && event.SourceName !== options.asset) return;
    if (event["ActiveState.Id"] === wanted) finish("event");
  });
  const alarms = await opcua.installAlarmMonitoring(session);
  const show = (alarm) => {
    const active = plain(alarm.getField("activeState.id") ?? alarm.fields.activeState?.id);
    const sourceName = plain(alarm.fields.sourceName);
    if (options.asset && sourceName !== options.asset) return;
    say("alarm", {
      conditionId: alarm.conditionId.toString(),
      sourceName,
      active,
      retain: alarm.getRetain(),
      severity: plain(alarm.fields.severity),
      message: plain(alarm.fields.message),
    });
    if (options.asset && sourceName !== options.asset) return;
    if (active === wanted) finish("alarm");
  };
  alarms.on("alarmChanged", show);
  // What the ConditionRefresh of the installation has brought may already be there.
  for (const alarm of alarms.alarms()) show(alarm);
}

async function main() {
  const options = parse(process.argv.slice(2));
  const client = await makeClient(options.pki, security(options.mode));
  await client.connect(options.endpoint);
  const session = await client.createSession(
    options.user
      ? { type: opcua.UserTokenType.UserName, userName: options.user, password: process.env.OPCUA_PASSWORD }
      : undefined,
  );
  const namespaces = await session.readNamespaceArray();
  const namespace = namespaces.indexOf(options.namespace);
  const nodeIdOf = (name) => (/^ns=\d+;[isgb]=/.test(name) ? name : `ns=${namespace};s=${name}`);
  say("session", { namespace });

  for (const wanted of options.read) {
    const value = await session.read({
      nodeId: nodeIdOf(wanted),
      attributeId: opcua.AttributeIds.Value,
    });
    say("value", described(wanted, value));
  }
  for (const root of options.tree) await printTree(session, root, nodeIdOf(root));

  let status = 0;
  const awaited = new Set();
  if (options.alarms) awaited.add("event").add("alarm");
  if (options.value !== undefined) awaited.add("value");
  if (options.watch.length || options.alarms) {
    const subscription = await session.createSubscription2({
      requestedPublishingInterval: 50,
      requestedLifetimeCount: 1000,
      requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 1000,
      publishingEnabled: true,
      priority: 1,
    });
    let finish;
    const finished = new Promise((resolve) => {
      finish = (what) => {
        awaited.delete(what);
        if (awaited.size === 0) resolve(true);
      };
    });
    await watchValues(subscription, options, nodeIdOf, finish);
    if (options.alarms) await watchFaults(session, subscription, options, namespace, finish);
    say("ready");
    const deadline = new Promise((resolve) => setTimeout(resolve, options.timeout * 1000, false));
    if (!(await Promise.race([finished, deadline])) && awaited.size) {
      say("timeout", { missing: [...awaited] });
      status = 3;
    }
    await subscription.terminate();
    if (options.alarms) await opcua.uninstallAlarmMonitoring(session);
  }
  await session.close();
  await client.disconnect();
  if (status === 0) say("done");
  process.exit(status);
}

run(main);
