"use strict";
// The SDK for JavaScript in its second version, which speaks JSON, and as it was when it spoke Query with XML.

const { assert, Calls, run } = require("../checks");
const { fifo } = require("./fifo");
const { tour } = require("./tour");

/** Each version's protocol. */
const SPOKEN = [["aws-sdk", "json"], ["aws-sdk-query", "query"]];

async function version(name, protocol, endpoint) {
  const AWS = require(name);
  const options = { region: "us-east-1", endpoint, maxRetries: 0, credentials: new AWS.Credentials("test", "test") };
  const sqs = new AWS.SQS(options);
  assert.equal(sqs.api.protocol, protocol, `the protocol of ${AWS.VERSION}`);
  const calls = new Calls(
    (operation, request) => sqs[operation](request).promise(),
    (error) => [error.code, error.statusCode, error.requestId],
  );
  await tour(calls);
  await fifo(calls);
  const left = Object.keys(sqs.api.operations).filter((operation) => !calls.made.has(operation));
  assert.deepEqual(left, [], "operations that were not called");
  const { QueueUrls = [] } = await calls.call("listQueues");
  for (const QueueUrl of QueueUrls) await calls.call("deleteQueue", { QueueUrl });
  return `aws-sdk ${AWS.VERSION}: ${calls.made.size} operations in ${protocol}`;
}

run(async (endpoint) => {
  const told = [];
  for (const [name, protocol] of SPOKEN) told.push(await version(name, protocol, endpoint));
  return told.join("\n");
});
