"use strict";
// The SDK for JavaScript in its third version: JSON over HTTP/2 without TLS, from the first byte.

const http = require("node:http");
const http2 = require("node:http2");
const { Kinesis, ...sdk } = require("@aws-sdk/client-kinesis");
const { assert, Calls, isLater, run, within } = require("./checks");
const { subscriptions } = require("./subscriptions");
const { tour } = require("./tour");

/** Counts connections, so that nobody falls back to HTTP/1.1 unseen. */
function counted() {
  const opened = { http1: 0, http2: 0 };
  const [connect, request] = [http2.connect, http.request];
  http2.connect = (...given) => ((opened.http2 += 1), connect(...given));
  http.request = (...given) => ((opened.http1 += 1), request(...given));
  return opened;
}

async function waiters(kinesis, calls) {
  const options = { client: kinesis, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
  const waited = sdk.waitUntilStreamExists(options, { StreamName: "early" });
  await calls.call("createStream", { StreamName: "early", ShardCount: 1 });
  assert.equal((await within(waited, "waitUntilStreamExists")).state, "SUCCESS");
  await calls.call("deleteStream", { StreamName: "early" });
  const gone = sdk.waitUntilStreamNotExists(options, { StreamName: "early" });
  assert.equal((await within(gone, "waitUntilStreamNotExists")).state, "SUCCESS");
}

async function paginators(kinesis, calls, arn) {
  const names = [];
  for await (const page of sdk.paginateListStreams({ client: kinesis, pageSize: 1 }, {})) {
    assert.ok(page.StreamNames.length <= 1);
    names.push(...page.StreamNames);
  }
  assert.deepEqual(["demand", "shapes", "trips"].filter((name) => !names.includes(name)), []);
  calls.made.add("listStreams");
  for (const ConsumerName of ["a", "b"]) await calls.call("registerStreamConsumer", { StreamARN: arn, ConsumerName });
  const pages = [];
  for await (const page of sdk.paginateListStreamConsumers({ client: kinesis, pageSize: 1 }, { StreamARN: arn })) {
    pages.push(...page.Consumers.map((consumer) => consumer.ConsumerName));
  }
  assert.deepEqual(pages.sort(), ["a", "b", "lab"]);
  for (const ConsumerName of ["a", "b"]) await calls.call("deregisterStreamConsumer", { StreamARN: arn, ConsumerName });
}

/** What only newer clients know. */
async function later(calls, arn, consumer) {
  const { StreamDescriptionSummary: told } = await calls.call("describeStreamSummary", { StreamName: "trips" });
  assert.match(told.StreamId, /^[a-z0-9]{20}-[a-z0-9]{3}$/);
  // A call that names its stream by this id goes to a host of AWS, whatever endpoint the client is given.
  await calls.call("tagResource", { ResourceARN: consumer, Tags: { c: "3" } });
  assert.deepEqual((await calls.call("listTagsForResource", { ResourceARN: consumer })).Tags, [{ Key: "c", Value: "3" }]);
  await calls.call("untagResource", { ResourceARN: consumer, TagKeys: ["c"] });
  await calls.call("updateMaxRecordSize", { StreamARN: arn, MaxRecordSizeInKiB: 4096 });
  const large = Buffer.alloc(3 << 20, 7);
  const { ShardId, SequenceNumber } = await calls.call("putRecord", { StreamName: "trips", PartitionKey: "large", Data: large });
  const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: SequenceNumber };
  const [[found]] = await calls.readShard("trips", ShardId, at);
  assert.ok(large.equals(found.Data), "3 MiB there and back");
  const commitment = { MinimumThroughputBillingCommitment: { Status: "ENABLED" } };
  await calls.call("updateAccountSettings", commitment);
  assert.equal((await calls.call("describeAccountSettings")).MinimumThroughputBillingCommitment.Status, "ENABLED");
  await calls.call("createStream", { StreamName: "warm", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  await calls.call("updateStreamWarmThroughput", { StreamName: "warm", WarmThroughputMiBps: 6 });
  const { StreamDescriptionSummary: warm } = await calls.call("describeStreamSummary", { StreamName: "warm" });
  await calls.call("updateStreamRecordDistributionStrategy", { StreamARN: warm.StreamARN, RecordDistributionStrategy: "AUTO" });
}

/** Many requests at once over one connection of HTTP/2. */
async function atOnce(endpoint, options) {
  const { NodeHttp2Handler } = require("@smithy/node-http-handler");
  const kinesis = new Kinesis({ ...options, endpoint, requestHandler: new NodeHttp2Handler({ disableConcurrentStreams: false }) });
  const put = Array.from({ length: 400 }, (_, number) =>
    kinesis.putRecord({ StreamName: "trips", PartitionKey: `${number}`, Data: Buffer.alloc(1000, number) }),
  );
  const numbers = new Set((await within(Promise.all(put), "400 records at once")).map((told) => told.SequenceNumber + told.ShardId));
  assert.equal(numbers.size, 400);
  kinesis.destroy();
}

async function main(endpoint) {
  const opened = counted();
  const options = { region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const kinesis = new Kinesis({ ...options, endpoint });
  const told = (error) => [error.name, error.$metadata?.httpStatusCode, error.$metadata?.requestId];
  const calls = new Calls((name, request) => kinesis[name](request), told);
  await waiters(kinesis, calls);
  const { arn, consumer, put } = await tour(calls);
  const refused = await calls.refused("ResourceNotFoundException", /not found/, "deleteStream", { StreamName: "other" });
  assert.ok(refused instanceof sdk.ResourceNotFoundException, "the error has its class");
  const dry = { StreamName: "trips", PartitionKey: "a", Data: Buffer.from("dry"), DryRun: true };
  await calls.refused("DryRunOperationException", /DryRun/, "putRecord", dry);
  await paginators(kinesis, calls, arn);
  await later(calls, arn, consumer);
  const events = await subscriptions(calls, arn, consumer);
  const before = opened.http2;
  await atOnce(endpoint, options);
  assert.equal(opened.http2, before + 1, "one connection carries all");
  assert.equal(opened.http1, 0, "requests over HTTP/1.1");
  const operations = Object.keys(sdk).filter((name) => /^[A-Z].*Command$/.test(name) && !isLater(name));
  const left = operations.map((name) => name[0].toLowerCase() + name.slice(1, -"Command".length)).filter((name) => !calls.made.has(name));
  assert.deepEqual(left, [], "operations that were not called");
  const { version } = require("@aws-sdk/client-kinesis/package.json");
  return `@aws-sdk/client-kinesis ${version}: ${calls.made.size} operations, ${put.length} records, ${events} events, ${opened.http2} connections of HTTP/2`;
}

run(main);
