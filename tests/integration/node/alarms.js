"use strict";
/*
 * What an operator does with alarms, by node-opcua: prints JSON lines as client.js does.
 *
 *   node alarms.js ENDPOINT --pki FOLDER --asset NAME [--user NAME] [--mode MODE]
 *
 * Waits in node-opcua's own alarm list for an active alarm of the asset, then goes through Part 9:
 * comment, shelve, unshelve, disable, enable, acknowledge, confirm, and what must be refused.
 *
 * Lines: {"kind": "ready" | "alarm" | "step" | "refreshed" | "done" | "error", ...}
 */
const opcua = require("node-opcua-client");
const { makeClient, run, say, security } = require("./common.js");

function parse(argv) {
  const options = { endpoint: argv[0], mode: "None" };
  for (let i = 1; i < argv.length; i += 2) options[argv[i].replace(/^--/, "")] = argv[i + 1];
  return options;
}

async function connected(options) {
  const client = await makeClient(options.pki, security(options.mode));
  await client.connect(options.endpoint);
  return client;
}

function shown(alarm) {
  const field = (name) => {
    const value = name.split(".").reduce((above, part) => above?.[part], alarm.fields)?.value;
    return value instanceof opcua.LocalizedText ? value.text : (value ?? null);
  };
  return {
    conditionId: alarm.conditionId.toString(),
    sourceName: field("sourceName"),
    active: field("activeState.id"),
    acked: field("ackedState.id"),
    confirmed: field("confirmedState.id"),
    enabled: field("enabledState.id"),
    shelving: field("shelvingState.currentState"),
    suppressedOrShelved: field("suppressedOrShelved"),
    comment: field("comment"),
    user: field("clientUserId"),
    retain: alarm.getRetain(),
  };
}

/** The state of one alarm in the list, whenever it changes. */
class Watch {
  constructor(list, asset) {
    this.list = list;
    this.asset = asset;
    this.alarm = null;
    list.on("alarmChanged", (alarm) => this.take(alarm));
    for (const alarm of list.alarms()) this.take(alarm);
  }
  take(alarm) {
    const state = shown(alarm);
    if (state.sourceName !== this.asset) return;
    this.alarm = alarm;
    this.state = state;
    say("alarm", state);
  }
  async until(test) {
    const deadline = Date.now() + 10000;
    while (!(this.alarm && test(this.state))) {
      if (Date.now() > deadline) throw new Error(`never seen: ${test}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function go(session, watch) {
  await watch.until((alarm) => alarm.active && !alarm.acked);
  const condition = watch.alarm.conditionId;
  const first = watch.alarm.eventId;
  const step = async (name, work) => say("step", { name, status: (await work).name });
  const call = async (methodId, inputArguments = [], objectId = condition) =>
    (await session.call({ objectId, methodId, inputArguments })).statusCode;
  const duration = (value) => [{ dataType: opcua.DataType.Double, value }];
  const shelving = (await session.translateBrowsePath(
    opcua.makeBrowsePath(condition, ".ShelvingState"),
  )).targets[0].targetId;
  const method = async (name) =>
    (await session.translateBrowsePath(opcua.makeBrowsePath(shelving, `.${name}`))).targets[0].targetId;

  await step("comment", session.addCommentCondition(condition, first, "looks real"));
  await watch.until((alarm) => alarm.comment === "looks real");
  await step("shelve", call(await method("TimedShelve"), duration(60000), shelving));
  await watch.until((alarm) => alarm.shelving === "Timed Shelved" && alarm.suppressedOrShelved);
  await step("shelve again", call(await method("TimedShelve"), duration(60000), shelving));
  await step("unshelve", call(await method("Unshelve"), [], shelving));
  await watch.until((alarm) => !alarm.suppressedOrShelved);
  await step("one shot", call(await method("OneShotShelve"), [], shelving));
  await watch.until((alarm) => alarm.shelving === "One Shot Shelved");
  await step("shelve too long", call(await method("TimedShelve"), duration(1e12)));
  await step("unshelve 2", call(await method("Unshelve")));
  await step("disable", call("i=9028"));
  await watch.until((alarm) => !alarm.enabled && !alarm.retain);
  await step("acknowledge disabled", session.acknowledgeCondition(condition, first, "no"));
  await step("enable", call("i=9027"));
  await watch.until((alarm) => alarm.enabled && alarm.retain);

  const retained = await opcua.findActiveConditions(session);
  const mine = retained.filter((found) => found.conditionId.value.toString() === condition.toString());
  say("refreshed", { count: mine.length, acked: mine[0]?.ackedState.id.value });
  await step("refresh unknown", opcua.callConditionRefresh(session, 987654));

  await step("acknowledge unknown", session.acknowledgeCondition(condition, Buffer.from("x"), "no"));
  await step("acknowledge", session.acknowledgeCondition(condition, watch.alarm.eventId, "going"));
  await watch.until((alarm) => alarm.acked && !alarm.confirmed);
  await step("acknowledge again", session.acknowledgeCondition(condition, first, "no"));
  await step("confirm", session.confirmCondition(condition, watch.alarm.eventId, "fixed"));
  await watch.until((alarm) => alarm.confirmed && alarm.comment === "fixed");
  await step("confirm again", session.confirmCondition(condition, watch.alarm.eventId, "no"));
}

async function main() {
  const options = parse(process.argv.slice(2));
  const client = await connected(options);
  const session = await client.createSession(
    options.user
      ? { type: opcua.UserTokenType.UserName, userName: options.user, password: process.env.OPCUA_PASSWORD }
      : undefined,
  );
  const watch = new Watch(await opcua.installAlarmMonitoring(session), options.asset);
  say("ready");
  await go(session, watch);
  await opcua.uninstallAlarmMonitoring(session);
  await session.close();
  await client.disconnect();
  say("done");
  process.exit(0);
}

run(main);
