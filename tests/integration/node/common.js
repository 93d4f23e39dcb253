"use strict";
/* What the scripts share: a client, one line of JSON for each thing said, an end that is said. */
const opcua = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

function say(kind, content = {}) {
  process.stdout.write(`${JSON.stringify({ kind, ...content })}\n`);
}

/* A client with its certificates in `pkiFolder` that trusts every server; `options` of node-opcua. */
async function makeClient(pkiFolder, options = {}) {
  const pki = new OPCUACertificateManager({
    rootFolder: pkiFolder,
    automaticallyAcceptUnknownCertificate: true,
  });
  await pki.initialize();
  return opcua.OPCUAClient.create({
    clientCertificateManager: pki,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 2, initialDelay: 200, maxDelay: 500 },
    ...options,
  });
}

/* Mode "None", or another one with Basic256Sha256. */
function security(mode) {
  return {
    securityMode: opcua.MessageSecurityMode[mode],
    securityPolicy: mode === "None" ? opcua.SecurityPolicy.None : opcua.SecurityPolicy.Basic256Sha256,
  };
}

function run(main) {
  main().catch((error) => {
    say("error", { message: error.message, stack: error.stack });
    process.exit(1);
  });
}

module.exports = { say, makeClient, security, run };
