"use strict";
/*
 * A foreign OPC UA client that does what it is told: one JSON command a line on standard input, one
 * JSON answer each on standard output, and a line for each change that its subscription brings.
 *
 *   node services.js ENDPOINT PKI_FOLDER [USER]     (password in OPCUA_PASSWORD)
 *
 * Commands have {"do": NAME, ...}; see the functions in `commands`. A PATH is a browse path below
 * Objects in the advisory server's namespace, or a NodeId.
 * Lines: {"kind": "ready" | "answer" | "refused" | "change" | "event" | "keepalive" | "status", ...}
 */
const readline = require("node:readline");
const opcua = require("node-opcua-client");
const { makeClient, run, say, security } = require("./common.js");

const OVERFLOW = 0x80;

function plain(variant) {
  const value = variant?.value ?? null;
  return ArrayBuffer.isView(value) && !Buffer.isBuffer(value) ? Array.from(value) : value;
}

function described(dataValue) {
  const { sourceTimestamp, serverTimestamp, statusCode } = dataValue;
  return {
    value: plain(dataValue.value),
    status: statusCode.name.split("#")[0],
    overflow: (statusCode.value & OVERFLOW) !== 0,
    source: sourceTimestamp ? sourceTimestamp.toISOString() : null,
    server: serverTimestamp ? serverTimestamp.toISOString() : null,
  };
}

function filterOf(deadband) {
  if (!deadband) return undefined;
  return new opcua.DataChangeFilter({
    trigger: opcua.DataChangeTrigger.StatusValue,
    deadbandType: opcua.DeadbandType[deadband.type],
    deadbandValue: deadband.value,
  });
}

function parametersOf({ sampling = 0, queue = 1, discardOldest = true, deadband }) {
  return { samplingInterval: sampling, queueSize: queue, discardOldest, filter: filterOf(deadband) };
}

function browsed(result) {
  return {
    status: result.statusCode.name,
    names: (result.references ?? []).map((reference) => reference.browseName.name),
    point: result.continuationPoint?.length ? result.continuationPoint.toString("hex") : null,
  };
}

class Driver {
  constructor(session, namespace) {
    this.session = session;
    this.namespace = namespace;
    this.items = {};
  }

  nodeId(path) {
    return /^(ns=\d+;)?[isgb]=/.test(path) ? path : `ns=${this.namespace};s=${path}`;
  }

  request(message) {
    return new Promise((resolve, reject) => {
      this.session.performMessageTransaction(message, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  watch(name, item) {
    this.items[name] = item;
    item.on("changed", (dataValue) => say("change", { item: name, ...described(dataValue) }));
  }
}

const commands = {
  async browse(driver, { path, max = 0, times = 1 }) {
    const description = {
      nodeId: driver.nodeId(path),
      referenceTypeId: "HierarchicalReferences",
      includeSubtypes: true,
      browseDirection: opcua.BrowseDirection.Forward,
      resultMask: 63,
    };
    driver.session.requestedMaxReferencesPerNode = max;
    const results = await driver.session.browse(Array(times).fill(description));
    return { results: results.map(browsed) };
  },

  async next(driver, { point, release = false }) {
    return browsed(await driver.session.browseNext(Buffer.from(point, "hex"), release));
  },

  async read(driver, { path, range, timestamps = "Both", maxAge = 0, times = 1 }) {
    const node = {
      nodeId: driver.nodeId(path),
      attributeId: opcua.AttributeIds.Value,
      indexRange: range,
    };
    const request = new opcua.ReadRequest({
      nodesToRead: Array(times).fill(node),
      timestampsToReturn: opcua.TimestampsToReturn[timestamps],
      maxAge,
    });
    const response = await driver.request(request);
    return described(response.results[0]);
  },

  async subscribe(driver, { interval = 50, keepAlive = 100, lifetime = 1000, most = 0 }) {
    const subscription = await driver.session.createSubscription2({
      requestedPublishingInterval: interval,
      requestedLifetimeCount: lifetime,
      requestedMaxKeepAliveCount: keepAlive,
      maxNotificationsPerPublish: most,
      publishingEnabled: true,
    });
    subscription.on("keepalive", () => say("keepalive"));
    subscription.on("status_changed", (status) => say("status", { status: status.name }));
    driver.subscription = subscription;
    return { id: subscription.subscriptionId, interval: subscription.publishingInterval };
  },

  async monitor(driver, { name, path, mode = "Reporting", range, ...wanted }) {
    const item = await driver.subscription.monitor(
      {
        nodeId: driver.nodeId(path),
        attributeId: opcua.AttributeIds.Value,
        indexRange: range,
      },
      parametersOf(wanted),
      opcua.TimestampsToReturn[wanted.timestamps ?? "Both"],
      opcua.MonitoringMode[mode],
    );
    driver.watch(name, item);
    const { name: status } = item.statusCode;
    return { status, queue: item.result?.revisedQueueSize, sampling: item.result?.revisedSamplingInterval };
  },

  async monitorEvents(driver, { name, path, queue, discardOldest = true }) {
    const item = await driver.subscription.monitor(
      { nodeId: driver.nodeId(path), attributeId: opcua.AttributeIds.EventNotifier },
      {
        samplingInterval: 0,
        queueSize: queue,
        discardOldest,
        filter: opcua.constructEventFilter(["EventType", "Message"]),
      },
      opcua.TimestampsToReturn.Both,
      opcua.MonitoringMode.Reporting,
    );
    item.on("changed", ([type, message]) =>
      say("event", { item: name, type: type.value.toString(), message: message.value.text }),
    );
    return { status: item.statusCode.name, queue: item.result?.revisedQueueSize };
  },

  async monitoredItems(driver, { id }) {
    const found = await driver.session.getMonitoredItems(id ?? driver.subscription.subscriptionId);
    return { server: Array.from(found.serverHandles), client: Array.from(found.clientHandles) };
  },

  async resendData(driver) {
    const { subscriptionId } = driver.subscription;
    const result = await driver.session.call({
      objectId: opcua.ObjectIds.Server,
      methodId: opcua.coerceNodeId(opcua.MethodIds.Server_ResendData),
      inputArguments: [{ dataType: opcua.DataType.UInt32, value: subscriptionId }],
    });
    return { status: result.statusCode.name };
  },

  async modify(driver, { name, ...wanted }) {
    const result = await driver.items[name].modify(parametersOf(wanted), opcua.TimestampsToReturn.Both);
    return { status: result.statusCode.name, queue: result.revisedQueueSize };
  },

  async mode(driver, { name, mode }) {
    const status = await driver.items[name].setMonitoringMode(opcua.MonitoringMode[mode]);
    return { status: status.name };
  },

  async trigger(driver, { source, links }) {
    const linked = links.map((name) => driver.items[name]);
    const response = await driver.subscription.setTriggering(driver.items[source], linked, []);
    return { added: response.addResults.map((status) => status.name) };
  },

  async modifySubscription(driver, { interval }) {
    const result = await driver.subscription.modify({ requestedPublishingInterval: interval });
    return { interval: result.revisedPublishingInterval };
  },

  async republish(driver, { id, number }) {
    const request = new opcua.RepublishRequest({ subscriptionId: id, retransmitSequenceNumber: number });
    const response = await driver.request(request);
    return { number: response.notificationMessage.sequenceNumber };
  },

  async transfer(driver, { id, initial = true }) {
    const response = await driver.session.transferSubscriptions({
      subscriptionIds: [id],
      sendInitialValues: initial,
    });
    return { status: response.results[0].statusCode.name };
  },

  /* One Publish request of its own, for a subscription that was taken over. */
  async publish(driver) {
    const response = await driver.request(new opcua.PublishRequest({ requestHeader: { timeoutHint: 5000 } }));
    const data = response.notificationMessage.notificationData ?? [];
    const changes = data.flatMap((notification) => notification.monitoredItems ?? []);
    return { id: response.subscriptionId, values: changes.map((item) => plain(item.value.value)) };
  },
};

async function connect(endpoint, pkiFolder, user) {
  const client = await makeClient(pkiFolder, security("None"));
  await client.connect(endpoint);
  const identity = { type: opcua.UserTokenType.UserName, userName: user, password: process.env.OPCUA_PASSWORD };
  const session = await client.createSession(user ? identity : undefined);
  const namespaces = await session.readNamespaceArray();
  return new Driver(session, namespaces.indexOf("urn:opcua-ai:advisory"));
}

async function main() {
  const [endpoint, pkiFolder, user] = process.argv.slice(2);
  const driver = await connect(endpoint, pkiFolder, user);
  say("ready");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    try {
      say("answer", await commands[command.do](driver, command));
    } catch (error) {
      say("refused", { message: error.message });
    }
  }
  process.exit(0);
}

run(main);
