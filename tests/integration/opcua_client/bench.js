"use strict";
// Subscribes to every node of every station with a number of sessions, and counts what comes and how late.
const readline = require("node:readline");
const {
  AttributeIds, MessageSecurityMode, OPCUAClient, SecurityPolicy, UserTokenType,
} = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

const wanted = JSON.parse(process.argv[2]);
const NODES = [
  "LastDecision", "LastConfidence", "ObjectsFound", "CycleTimeMs", "PassCount", "FailCount", "UncertainCount",
  "PassRate1h", "LastInspectionTime",
];
let counting = false, delivered = 0, late = [];

const application = () => ({
  applicationName: "andon-bench", applicationUri: "urn:andon-bench", clientCertificateManager: certificates,
  endpointMustExist: false, securityMode: MessageSecurityMode.SignAndEncrypt,
  securityPolicy: SecurityPolicy.Basic256Sha256, transportTimeout: 120000, requestedSessionTimeout: 120000,
  connectionStrategy: { initialDelay: 500, maxDelay: 2000, maxRetry: 20 },
});
const certificates = new OPCUACertificateManager({
  rootFolder: wanted.pki, automaticallyAcceptUnknownCertificate: true,
});

async function connected(endpoint) {
  const client = OPCUAClient.create(application());
  await client.connect(endpoint);
  const session = await client.createSession({ type: UserTokenType.UserName, userName: "bench", password: "bench" });
  const index = (await session.readNamespaceArray()).indexOf("urn:andon:opcua");
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: wanted.publish, requestedLifetimeCount: 2000, requestedMaxKeepAliveCount: 20,
    maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1,
  });
  const items = [];
  for (let number = 0; number < wanted.stations; number += 1) {
    const station = `line-${String(number).padStart(3, "0")}`;
    for (const node of NODES) {
      items.push({ nodeId: `ns=${index};s=station/${station}/${node}`, attributeId: AttributeIds.Value });
    }
  }
  const parameters = { samplingInterval: 0, queueSize: 100, discardOldest: true };
  const group = await subscription.monitorItems(items, parameters, 2);
  group.on("changed", (_item, value) => {
    if (!counting) return;
    delivered += 1;
    if (delivered % 50 === 0 && value.serverTimestamp) late.push(Date.now() - value.serverTimestamp.getTime());
  });
}

async function main() {
  await certificates.initialize();
  const first = OPCUAClient.create(application());
  await first.createDefaultCertificate();
  const made = first.getCertificate();
  process.stdout.write(`certificate ${(Array.isArray(made) ? made[0] : made).toString("hex")}\n`);
  readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    const { connect, count } = JSON.parse(line);
    if (connect) {
      for (let number = 0; number < wanted.sessions; number += 4) {
        const some = Math.min(4, wanted.sessions - number);
        await Promise.all(Array.from({ length: some }, () => connected(connect)));
      }
      process.stdout.write(`connected ${wanted.sessions}\n`);
    } else {
      [counting, delivered, late] = [true, 0, []];
      const began = Date.now();
      setTimeout(() => {
        counting = false;
        const seconds = (Date.now() - began) / 1000;
        process.stdout.write(`counted ${JSON.stringify({ delivered, late, seconds })}\n`);
      }, count * 1000);
    }
  });
}
main().catch((error) => {
  process.stdout.write(`failed ${error}\n`);
  process.exit(1);
});
