"use strict";
// An OPC UA client that does what lines of JSON on its input say, and tells what happens on its output.
const readline = require("node:readline");
const {
  AttributeIds, ClientSubscription, DataType, HistoryReadRequest, MessageSecurityMode, OPCUAClient,
  ReadRawModifiedDetails, SecurityPolicy, UserTokenType, Variant, VariantArrayType,
  coerceNodeId, constructEventFilter, makeBrowsePath, ofType, resolveNodeId,
} = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

const say = (message) => process.stdout.write(JSON.stringify(message, plain) + "\n");
let client, session, subscription, certificates;

function plain(key, value) {
  if (value && value.type === "Buffer") return { hex: Buffer.from(value.data).toString("hex") };
  if (typeof value === "bigint") return Number(value);
  return value;
}

const shown = (variant) => {
  const value = variant === null || variant === undefined ? null : variant.value;
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
  if (value.constructor && value.constructor.name === "NodeId") return value.toString();
  if (value.text !== undefined) return value.text;
  if (value.dataType !== undefined && value.arrayType !== undefined) return shown(value);
  if (value.schema || (Array.isArray(value) && value[0] && value[0].schema && value[0].arrayType === undefined)) {
    return JSON.parse(JSON.stringify(value));
  }
  if (Array.isArray(value)) return value.map((each) => shown(each && each.dataType ? each : { value: each }));
  return value;
};

const told = (dataValue) => ({
  value: shown(dataValue.value),
  status: dataValue.statusCode.name,
  at: dataValue.sourceTimestamp,
});

const given = (argument) => {
  const value = argument.type === "ByteString" ? Buffer.from(argument.value, "hex") : argument.value;
  return new Variant({ dataType: DataType[argument.type], value });
};

const does = {
  async connect({ endpoint, policy, user, password, pki, application }) {
    certificates = new OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true });
    await certificates.initialize();
    client = OPCUAClient.create({
      applicationName: application || "andon-test",
      applicationUri: application ? `urn:${application}` : undefined,
      clientCertificateManager: certificates,
      endpointMustExist: false,
      securityMode: policy ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None,
      securityPolicy: policy ? SecurityPolicy[policy] : SecurityPolicy.None,
      connectionStrategy: { initialDelay: 200, maxDelay: 1000, maxRetry: 200 },
      keepSessionAlive: true,
      requestedSessionTimeout: 60000,
      transportTimeout: 10000,
    });
    client.on("connection_lost", () => say({ event: "connection_lost" }));
    client.on("connection_reestablished", () => say({ event: "connection_reestablished" }));
    await client.connect(endpoint);
    const identity = user
      ? { type: UserTokenType.UserName, userName: user, password }
      : { type: UserTokenType.Anonymous };
    session = await client.createSession(identity);
    return { namespaces: await session.readNamespaceArray() };
  },
  async certificate({ pki, application }) {
    // Makes the client's own certificate without connecting, so that a test can have it trusted.
    certificates = new OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true });
    await certificates.initialize();
    client = OPCUAClient.create({
      applicationName: application, applicationUri: `urn:${application}`, clientCertificateManager: certificates,
    });
    await client.createDefaultCertificate();
    const made = client.getCertificate();
    return { der: (Array.isArray(made) ? made[0] : made).toString("base64") };
  },
  async read({ node, attribute }) {
    const found = await session.read({ nodeId: node, attributeId: AttributeIds[attribute || "Value"] });
    return told(found);
  },
  async subscribe({ nodes, interval, queue }) {
    if (!subscription) await does.subscription({ interval });
    for (const node of nodes) {
      const item = await subscription.monitor(
        { nodeId: node, attributeId: AttributeIds.Value },
        { samplingInterval: 0, queueSize: queue || 1000, discardOldest: true },
        2, // both timestamps
      );
      item.on("changed", (dataValue) => say({ event: "changed", node, ...told(dataValue) }));
    }
    return {};
  },
  async subscription({ interval }) {
    subscription = await session.createSubscription2({
      requestedPublishingInterval: interval || 100, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1,
    });
    subscription.on("terminated", () => say({ event: "terminated" }));
    return { id: subscription.subscriptionId };
  },
  async events({ node, fields, type, interval }) {
    if (!subscription) await does.subscription({ interval });
    const filter = type ? constructEventFilter(fields, ofType(resolveNodeId(type))) : constructEventFilter(fields);
    const item = await subscription.monitor(
      { nodeId: node, attributeId: AttributeIds.EventNotifier }, { samplingInterval: 0, queueSize: 1000, filter }, 2,
    );
    item.on("changed", (values) => {
      say({ event: "event", node, fields: Object.fromEntries(fields.map((name, i) => [name, shown(values[i])])) });
    });
    return {};
  },
  async types() {
    // Typed fields are null until their definitions are known.
    await session.extractNamespaceDataType();
    return {};
  },
  async acknowledge({ condition, event, comment }) {
    return { status: (await session.acknowledgeCondition(coerceNodeId(condition), Buffer.from(event, "hex"), comment)).name };
  },
  async confirm({ condition, event, comment }) {
    return { status: (await session.confirmCondition(coerceNodeId(condition), Buffer.from(event, "hex"), comment)).name };
  },
  async call({ object, method, input }) {
    const result = await session.call({
      objectId: object, methodId: method, inputArguments: (input || []).map(given),
    });
    return { status: result.statusCode.name, output: (result.outputArguments || []).map(shown) };
  },
  async build({ type, fields }) {
    // Keeps a structure for the next call with `structures`.
    return { made: !!(await session.constructExtensionObject(coerceNodeId(type), fields)) };
  },
  async call_structured({ object, method, input }) {
    const inputArguments = [];
    for (const each of input) {
      inputArguments.push(each.structure
        ? new Variant({
            dataType: DataType.ExtensionObject,
            value: await session.constructExtensionObject(coerceNodeId(each.structure), each.value),
          })
        : each.array
          ? new Variant({ dataType: DataType[each.array], arrayType: VariantArrayType.Array, value: [] })
          : given(each));
    }
    const result = await session.call({ objectId: object, methodId: method, inputArguments });
    return { status: result.statusCode.name, output: (result.outputArguments || []).map(shown) };
  },
  async refresh() {
    const result = await session.call({
      objectId: resolveNodeId("ConditionType"), methodId: resolveNodeId("ConditionType_ConditionRefresh"),
      inputArguments: [new Variant({ dataType: DataType.UInt32, value: subscription.subscriptionId })],
    });
    return { status: result.statusCode.name };
  },
  async history({ node, start, end, count, continuation }) {
    const result = await session.historyRead(new HistoryReadRequest({
      historyReadDetails: new ReadRawModifiedDetails({
        isReadModified: false, startTime: new Date(start), endTime: new Date(end), numValuesPerNode: count || 0,
        returnBounds: false,
      }),
      nodesToRead: [{
        nodeId: node, continuationPoint: continuation ? Buffer.from(continuation, "hex") : undefined,
      }],
      releaseContinuationPoints: false, timestampsToReturn: 2,
    }));
    const found = result.results[0];
    return {
      status: found.statusCode.name,
      continuation: found.continuationPoint ? found.continuationPoint.toString("hex") : "",
      values: ((found.historyData && found.historyData.dataValues) || []).map(told),
    };
  },
  async browse({ node }) {
    const found = await session.browse(node);
    return { names: found.references.map((each) => each.browseName.name) };
  },
  async delete_subscription({ id }) {
    const found = await session.deleteSubscriptions({ subscriptionIds: [id] });
    return { status: found.results[0].name };
  },
  async path({ node, path }) {
    const found = await session.translateBrowsePath(makeBrowsePath(node, path));
    return { status: found.statusCode.name, node: found.targets && found.targets[0] && found.targets[0].targetId.toString() };
  },
  async close() {
    if (subscription) await subscription.terminate().catch(() => {});
    if (session) await session.close().catch(() => {});
    if (client) await client.disconnect().catch(() => {});
    return {};
  },
};

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, what, ...rest } = JSON.parse(line);
  try {
    say({ id, done: await does[what](rest) });
  } catch (error) {
    say({ id, error: String((error && error.message) || error) });
  }
  if (what === "close") process.exit(0);
}).on("close", () => process.exit(0));
void ClientSubscription;
