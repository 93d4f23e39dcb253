"use strict";
/*
 * A foreign address space from our node set files: makes an instance of each object type.
 *
 *   node nodeset.js NAMESPACE FILE...
 *
 * Lines, one for each object type of NAMESPACE:
 *   {"kind": "type", "name", "members": {browse path: [type definition, data type]}}
 *   {"kind": "event", "name", "supertype"}
 * then {"kind": "done"}. Exit status 1 and {"kind": "error", "message"} when it fails.
 */
const { AddressSpace } = require("node-opcua-address-space");
const { generateAddressSpace } = require("node-opcua-address-space/nodeJS");
const { NodeClass } = require("node-opcua-client");
const { nodesets } = require("node-opcua-nodesets");
const { run, say } = require("./common.js");

function members(node, above = "") {
  const found = {};
  for (const child of node.getAggregates()) {
    const name = `${above}${child.browseName.name}`;
    if (child.nodeClass === NodeClass.Method) continue;
    const type = child.typeDefinitionObj.browseName.name;
    const dataType = child.nodeClass === NodeClass.Variable
      ? node.addressSpace.findDataType(child.dataType).browseName.name : null;
    found[name] = [type, dataType];
    Object.assign(found, members(child, `${name}/`));
  }
  return found;
}

async function main() {
  const [uri, ...files] = process.argv.slice(2);
  const space = AddressSpace.create();
  await generateAddressSpace(space, [nodesets.standard, ...files]);
  const types = space.getNamespace(uri);
  const own = space.registerNamespace("urn:test:instances");
  for (const type of types.nodeIterator()) {
    if (type.nodeClass !== NodeClass.ObjectType) continue;
    const name = type.browseName.name;
    if (type.isSubtypeOf(space.findEventType("BaseEventType"))) {
      say("event", { name, supertype: type.subtypeOfObj.browseName.name });
      continue;
    }
    const made = type.instantiate({ browseName: name, organizedBy: space.rootFolder.objects });
    say("type", { name, members: members(made) });
  }
  space.shutdown();
  space.dispose();
  say("done");
}

run(main);
