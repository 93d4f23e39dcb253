"use strict";
/*
 * A foreign OPC UA client that reads history: a JSON list of commands as argument, one line for each.
 *
 *   node history.js ENDPOINT --pki FOLDER COMMANDS
 *
 * {"do": "raw", "node": PATH, "start", "end", "number", "bounds"}    all pages; "pages" their sizes
 * {"do": "aggregate", "node", "start", "end", "function", "interval"}
 * {"do": "at", "node", "times": [...], "simple": false}
 * {"do": "events", "node", "start", "end", "number", "type"}
 * {"do": "release", "node", "number"}   first page, release its point, ask for it again
 * A value is [time, value, status]; the status has its info bits as "Good Interpolated".
 * Times are ISO strings. Lines: {"kind": "answer", "values" | "events", "status", "pages"} ... "done"
 */
const opcua = require("node-opcua-client");
const { makeClient, run, say } = require("./common.js");

const FIELDS = ["EventType", "SourceName", "Time", "Message", "Severity", "ActiveState.Id"];

function date(text) {
  return text ? new Date(text) : opcua.minDate;
}

function shown(dataValue) {
  const { value, statusCode, sourceTimestamp } = dataValue;
  return [sourceTimestamp.toISOString(), value?.value ?? null, statusCode.name.replace("#InfoTypeDataValue|Historian", " ")];
}

async function allPages(read, start) {
  const pages = [];
  let [result, point] = [null, start];
  do {
    result = await read(point);
    pages.push(result);
    point = result.continuationPoint;
  } while (point?.length);
  return pages;
}

function values(pages) {
  const lists = pages.map((page) => page.historyData?.dataValues ?? []);
  return {
    status: pages[0].statusCode.name,
    pages: lists.map((list) => list.length),
    values: lists.flat().map(shown),
  };
}

class Driver {
  constructor(session, namespace) {
    this.session = session;
    this.namespace = namespace;
  }

  target(command, continuationPoint) {
    const nodeId = /^(ns=\d+;)?[isgb]=/.test(command.node)
      ? command.node
      : `ns=${this.namespace};s=${command.node}`;
    return { nodeId: opcua.resolveNodeId(nodeId), continuationPoint };
  }

  async raw(command) {
    const { start, end, number = 0, bounds = false } = command;
    const options = { numValuesPerNode: number, returnBounds: bounds };
    return values(await allPages((point) =>
      this.session.readHistoryValue(this.target(command, point), date(start), date(end), options)));
  }

  async aggregate(command) {
    const result = await this.session.readAggregateValue(
      this.target(command), date(command.start), date(command.end),
      opcua.AggregateFunction[command.function], command.interval,
    );
    return values([result]);
  }

  async details(command, historyReadDetails, extra = {}, point = undefined) {
    const request = new opcua.HistoryReadRequest({
      historyReadDetails,
      nodesToRead: [this.target(command, point)],
      releaseContinuationPoints: false,
      timestampsToReturn: opcua.TimestampsToReturn.Source,
      ...extra,
    });
    return (await this.session.historyRead(request)).results[0];
  }

  async at(command) {
    const details = new opcua.ReadAtTimeDetails({
      reqTimes: command.times.map(date),
      useSimpleBounds: command.simple ?? false,
    });
    return values([await this.details(command, details)]);
  }

  async events(command) {
    const details = new opcua.ReadEventDetails({
      startTime: date(command.start),
      endTime: date(command.end),
      numValuesPerNode: command.number ?? 0,
      filter: opcua.constructEventFilter(FIELDS, opcua.ofType(command.type ?? "BaseEventType")),
    });
    const pages = await allPages((point) => this.details(command, details, {}, point));
    const lists = pages.map((page) => page.historyData?.events ?? []);
    return {
      status: pages[0].statusCode.name,
      pages: lists.map((list) => list.length),
      events: lists.flat().map(({ eventFields }) =>
        Object.fromEntries(FIELDS.map((name, i) => {
          const { value } = eventFields[i];
          return [name, value instanceof Date ? value.toISOString() : value?.text ?? value?.toString() ?? null];
        }))),
    };
  }

  async release(command) {
    const details = new opcua.ReadRawModifiedDetails({
      startTime: date(command.start), endTime: date(command.end), numValuesPerNode: command.number,
      isReadModified: false, returnBounds: false,
    });
    const first = await this.details(command, details);
    const point = first.continuationPoint;
    const released = await this.details(command, details, { releaseContinuationPoints: true }, point);
    const again = await this.details(command, details, {}, point);
    return {
      first: first.historyData.dataValues.length,
      released: released.statusCode.name,
      again: again.statusCode.name,
    };
  }
}

async function main() {
  const [endpoint, , pkiFolder, commands] = process.argv.slice(2);
  const client = await makeClient(pkiFolder);
  await client.connect(endpoint);
  const session = await client.createSession();
  const namespaces = await session.readNamespaceArray();
  const driver = new Driver(session, namespaces.indexOf("urn:opcua-ai:advisory"));
  for (const command of JSON.parse(commands)) say("answer", await driver[command.do](command));
  await session.close();
  await client.disconnect();
  say("done");
  process.exit(0);
}

run(main);
