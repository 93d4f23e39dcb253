"use strict";
/* A node-opcua server on this machine that everybody may use, not yet started. */
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-client");
const { OPCUAServer } = require("node-opcua-server");

exports.openServer = async (port, serverCapabilities) => {
  const server = new OPCUAServer({
    port,
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
    serverCapabilities,
  });
  await server.initialize();
  return server;
};
