"use strict";
// The SDK for JavaScript in its second version: JSON over HTTP/1.1, its paginators, waiters and retries.

const AWS = require("aws-sdk");
const { assert, Calls, run } = require("./checks");
const { tour } = require("./tour");

/** All pages of a call by the SDK's own paginator. */
function pages(request) {
  return new Promise((resolve, reject) => {
    const seen = [];
    request.eachPage((error, page) => {
      if (error) reject(error);
      else if (page) seen.push(page);
      else resolve(seen);
    });
  });
}

async function main(endpoint) {
  const options = { region: "us-east-1", endpoint, maxRetries: 0, credentials: new AWS.Credentials("test", "test") };
  const kinesis = new AWS.Kinesis(options);
  const send = (name, request) => kinesis[name](request).promise();
  const calls = new Calls(send, (error) => [error.code, error.statusCode, error.requestId]);
  const waiter = { StreamName: "early", $waiter: { delay: 0.2, maxAttempts: 50 } };
  await calls.call("createStream", { StreamName: "early", ShardCount: 1 });
  const waited = await kinesis.waitFor("streamExists", waiter).promise();
  assert.equal(waited.StreamDescription.StreamStatus, "ACTIVE");
  await calls.call("deleteStream", { StreamName: "early" });
  await kinesis.waitFor("streamNotExists", waiter).promise();
  const { arn, consumer, put } = await tour(calls);

  const listed = await pages(kinesis.listStreams({ Limit: 1 }));
  calls.made.add("listStreams");
  const names = listed.flatMap((page) => page.StreamNames);
  assert.deepEqual(["demand", "shapes", "trips"].filter((name) => !names.includes(name)), []);
  assert.ok(listed.length >= names.length, "one name a page");
  const described = await pages(kinesis.describeStream({ StreamName: "shapes", Limit: 4 }));
  assert.deepEqual(described.map((page) => page.StreamDescription.Shards.length), [4, 2]);
  await calls.call("deregisterStreamConsumer", { ConsumerARN: consumer });
  assert.deepEqual((await calls.call("listStreamConsumers", { StreamARN: arn })).Consumers, []);

  const left = Object.keys(kinesis.api.operations).filter((name) => !calls.made.has(name));
  assert.deepEqual(left, [], "operations that were not called");
  return `aws-sdk ${AWS.VERSION}: ${calls.made.size} operations, ${put.length} records`;
}

run(main);
