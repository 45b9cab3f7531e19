// The Node SDK from an authorization link to a call. Prints one line of JSON for each step.
import { createInterface } from "node:readline";
import { ScalekitClient } from "@scalekit-sdk/node";

const { SCALEKIT_ENV_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET } = process.env;
const client = new ScalekitClient(SCALEKIT_ENV_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET);
const actions = client.actions;
const account = { connectionName: "support", identifier: "user_123" };
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(step, value) {
  console.log(JSON.stringify({ step, value }));
}

async function next() {
  return (await lines.next()).value;
}

const made = (await actions.getOrCreateConnectedAccount(account)).connectedAccount;
const again = (await actions.getOrCreateConnectedAccount(account)).connectedAccount;
say("get or create", { same: made.id === again.id, status: made.status });

say("link", (await actions.getAuthorizationLink({ ...account, userVerifyUrl: "https://app.example/v" })).link);
await actions.verifyConnectedAccountUser({ authRequestId: await next(), identifier: account.identifier });

const called = await actions.request({ ...account, path: "/v1/customers", method: "GET" });
say("request", { status: called.status });

await actions.updateConnectedAccount({
  ...account,
  authorizationDetails: {
    details: { case: "staticAuth", value: { details: { token: "second" } } },
  },
});
say("request after update", { status: (await actions.request({ ...account, path: "/v2", method: "POST" })).status });

const listed = await actions.listConnectedAccounts({ connectionName: account.connectionName });
say("accounts", listed.connectedAccounts.map((each) => each.identifier));
const connections = await client.connection.listAppConnections();
say("connections", connections.connections.map((each) => each.keyId));

await actions.deleteConnectedAccount(account);
say("accounts after delete", (await actions.listConnectedAccounts({ connectionName: "support" })).totalSize);
try {
  await actions.getConnectedAccount(account);
} catch (error) {
  say("refusal", error.constructor.name);
}
process.exit(0);
