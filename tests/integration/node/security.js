"use strict";
/*
 * A foreign client that logs in and tries what its role allows.
 *
 *   node security.js ENDPOINT --pki FOLDER [--policy P] [--mode M] [--user NAME]
 *                    [--certificate FILE --key FILE] [--own FILE --ownkey FILE --uri URI]
 *
 * Lines: {"kind": "answer", "read": STATUS, "write": STATUS, "acknowledge": STATUS,
 * "disable": STATUS, "executable": BOOL} or {"kind": "error", "message": ...}.
 * --certificate is the user's, --own the client's, which may be a chain (PEM).
 * The password of --user stands in the environment variable OPCUA_PASSWORD.
 */
const fs = require("node:fs");
const opcua = require("node-opcua-client");
const { makeClient } = require("./common.js");

const ACKNOWLEDGE = "i=9111";
const DISABLE = "i=9028";
const CONDITION = "AIAdvisory/Applications/FaultPrediction/line1/PredictedFault";

function parse(argv) {
  const options = { policy: "Basic256Sha256", mode: "SignAndEncrypt" };
  for (let i = 1; i < argv.length; i += 2) options[argv[i].slice(2)] = argv[i + 1];
  return { ...options, endpoint: argv[0] };
}

function identity(options) {
  if (options.certificate) {
    return {
      type: opcua.UserTokenType.Certificate,
      certificateData: fs.readFileSync(options.certificate),
      privateKey: fs.readFileSync(options.key, "utf8"),
    };
  }
  if (!options.user) return undefined;
  const password = process.env.OPCUA_PASSWORD;
  return { type: opcua.UserTokenType.UserName, userName: options.user, password };
}

function application(options) {
  if (!options.own) return {};
  const files = { certificateFile: options.own, privateKeyFile: options.ownkey };
  return { ...files, applicationUri: options.uri };
}

async function tried(work) {
  try {
    return (await work()).statusCode.name;
  } catch (error) {
    return error.message;
  }
}

async function main() {
  const options = parse(process.argv.slice(2));
  const client = await makeClient(options.pki, {
    connectionStrategy: { maxRetry: 0 },
    ...application(options),
    securityMode: opcua.MessageSecurityMode[options.mode],
    securityPolicy: opcua.SecurityPolicy[options.policy],
  });
  await client.connect(options.endpoint);
  const session = await client.createSession(identity(options));
  const namespace = (await session.readNamespaceArray()).indexOf("urn:opcua-ai:advisory");
  const node = (path) => `ns=${namespace};s=${path}`;
  const heartbeat = node("AIAdvisory/Heartbeat");
  const value = { dataType: opcua.DataType.UInt32, value: 7 };
  const attributeId = opcua.AttributeIds.Value;
  const call = (methodId, inputArguments) =>
    tried(() => session.call({ objectId: node(CONDITION), methodId, inputArguments }));
  const executable = await session.read({
    nodeId: ACKNOWLEDGE,
    attributeId: opcua.AttributeIds.UserExecutable,
  });
  const answer = {
    kind: "answer",
    read: await tried(() => session.read({ nodeId: heartbeat, attributeId })),
    write: (await session.write({ nodeId: heartbeat, attributeId, value: { value } })).name,
    acknowledge: await call(ACKNOWLEDGE, [
      { dataType: opcua.DataType.ByteString, value: Buffer.from("unknown") },
      { dataType: opcua.DataType.LocalizedText, value: { text: "seen" } },
    ]),
    disable: await call(DISABLE, []),
    executable: executable.value.value,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  await session.close();
  await client.disconnect();
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stdout.write(`${JSON.stringify({ kind: "error", message: error.message })}\n`);
    process.exit(1);
  },
);
