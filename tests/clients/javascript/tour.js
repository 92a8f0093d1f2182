"use strict";
// What every client of AWS does, whatever its version: streams, records, shards, tags, settings.

const { assert } = require("./checks");

const UNDER = "under account 000000000000";
const HASHES = 2n ** 128n;
const first = "shardId-000000000000";

async function streams(calls) {
  await calls.call("createStream", { StreamName: "trips", ShardCount: 3 });
  const { StreamDescription: told } = await calls.call("describeStream", { StreamName: "trips" });
  assert.equal(told.StreamStatus, "ACTIVE");
  assert.ok(told.StreamCreationTimestamp instanceof Date);
  assert.ok(Math.abs(told.StreamCreationTimestamp - Date.now()) < 60_000, "the time of its making");
  assert.deepEqual(told.Shards.map((shard) => shard.ShardId), ["0", "1", "2"].map((number) => first.slice(0, -1) + number));
  const { StreamDescriptionSummary: summary } = await calls.call("describeStreamSummary", { StreamARN: told.StreamARN });
  assert.equal(summary.OpenShardCount, 3);
  await calls.refused("ResourceInUseException", `Stream trips ${UNDER} already exists.`, "createStream", { StreamName: "trips", ShardCount: 1 });
  await calls.refused("ResourceNotFoundException", `Stream other ${UNDER} not found.`, "describeStream", { StreamName: "other" });
  await calls.refused(
    "ValidationException",
    "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    "describeStream", { StreamName: "a b" },
  );
  const limits = await calls.call("describeLimits");
  assert.ok(limits.OpenShardCount >= 3, "streams of the topology count too");
  return told.StreamARN;
}

async function records(calls) {
  const put = [];
  for (let number = 0; number < 20; number++) {
    const data = Buffer.from(`single ${number} ü`);
    const told = await calls.call("putRecord", { StreamName: "trips", PartitionKey: `key ${number}`, Data: data });
    put.push({ shard: told.ShardId, number: told.SequenceNumber, data });
  }
  await new Promise((later) => setTimeout(later, 20));
  const between = new Date();
  const entries = Array.from({ length: 500 }, (_, number) => ({
    PartitionKey: `${number}`, Data: Buffer.alloc(200, number),
    ExplicitHashKey: number % 2 ? String((HASHES / 500n) * BigInt(number)) : undefined,
  }));
  const told = await calls.call("putRecords", { StreamName: "trips", Records: entries });
  assert.equal(told.FailedRecordCount, 0);
  told.Records.forEach((record, place) => {
    put.push({ shard: record.ShardId, number: record.SequenceNumber, data: entries[place].Data });
  });
  await calls.refused(
    "InvalidArgumentException", /^Invalid ShardIterator/, "getRecords", { ShardIterator: "nonsense" },
  );
  await iterators(calls, put, between);
  return put;
}

/** All five types, in every shard. */
async function iterators(calls, put, between) {
  for (const shard of new Set(put.map((record) => record.shard))) {
    const expected = put.filter((record) => record.shard === shard);
    const same = (found, from, what) => {
      assert.deepEqual(found.map((record) => record.SequenceNumber), expected.slice(from).map((record) => record.number), what);
      found.forEach((record, place) => assert.ok(expected[from + place].data.equals(record.Data), what));
    };
    const [all, end] = await calls.readShard("trips", shard);
    same(all, 0, "TRIM_HORIZON");
    assert.ok(all[0].ApproximateArrivalTimestamp <= all.at(-1).ApproximateArrivalTimestamp);
    assert.ok(end.NextShardIterator, "an open shard goes on");
    const middle = Math.floor(expected.length / 2);
    const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: expected[middle].number };
    same((await calls.readShard("trips", shard, at))[0], middle, "AT_SEQUENCE_NUMBER");
    const after = { ...at, ShardIteratorType: "AFTER_SEQUENCE_NUMBER" };
    same((await calls.readShard("trips", shard, after))[0], middle + 1, "AFTER_SEQUENCE_NUMBER");
    const late = all.findIndex((record) => record.ApproximateArrivalTimestamp >= between);
    assert.equal(all[late].Data.length, 200, "records after the time were put at once");
    same((await calls.readShard("trips", shard, { ShardIteratorType: "AT_TIMESTAMP", Timestamp: between }))[0], late, "AT_TIMESTAMP");
    const latest = { StreamName: "trips", ShardId: shard, ShardIteratorType: "LATEST" };
    const { ShardIterator: iterator } = await calls.call("getShardIterator", latest);
    const ExplicitHashKey = String(((HASHES / 3n) * BigInt(shard.at(-1))) + 1n);
    const { ShardId, SequenceNumber } = await calls.call("putRecord", {
      StreamName: "trips", PartitionKey: "latest", ExplicitHashKey, Data: Buffer.from("latest"),
    });
    assert.equal(ShardId, shard, "the hash key says which shard");
    const { Records: found } = await calls.call("getRecords", { ShardIterator: iterator });
    assert.deepEqual(found.map((record) => record.SequenceNumber), [SequenceNumber], "LATEST");
    put.push({ shard, number: SequenceNumber, data: Buffer.from("latest") });
  }
}

async function shards(calls) {
  const stream = { StreamName: "shapes" };
  await calls.call("createStream", { ...stream, ShardCount: 1 });
  await calls.call("putRecord", { ...stream, PartitionKey: "a", Data: Buffer.from("before") });
  await calls.call("splitShard", { ...stream, ShardToSplit: first, NewStartingHashKey: String(HASHES / 2n) });
  const [found, end] = await calls.readShard("shapes", first);
  assert.deepEqual(found.map((record) => Buffer.from(record.Data).toString()), ["before"]);
  assert.equal(end.NextShardIterator ?? null, null, "a closed shard has an end");
  assert.deepEqual(end.ChildShards.map((child) => child.ParentShards), [[first], [first]]);
  const [one, other] = end.ChildShards.map((child) => child.ShardId);
  await calls.call("mergeShards", { ...stream, ShardToMerge: one, AdjacentShardToMerge: other });
  const { Shards: all } = await calls.call("listShards", stream);
  assert.deepEqual([all.length, all[3].ParentShardId, all[3].AdjacentParentShardId], [4, one, other]);
  await calls.refused(
    "InvalidArgumentException",
    `Shard ${one} in stream shapes ${UNDER} has already been merged or split, and thus is not eligible for merging or splitting.`,
    "splitShard", { ...stream, ShardToSplit: one, NewStartingHashKey: "7" },
  );
  const scaled = await calls.call("updateShardCount", { ...stream, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" });
  assert.deepEqual([scaled.CurrentShardCount, scaled.TargetShardCount], [1, 2]);
  const pages = [];
  for (let request = { ...stream, MaxResults: 4 }; request; ) {
    const page = await calls.call("listShards", request);
    pages.push(page.Shards.length);
    request = page.NextToken && { NextToken: page.NextToken, MaxResults: 4 };
  }
  assert.deepEqual(pages, [4, 2]);
}

async function consumers(calls, arn) {
  const { Consumer: made } = await calls.call("registerStreamConsumer", { StreamARN: arn, ConsumerName: "lab" });
  const { ConsumerDescription: told } = await calls.call("describeStreamConsumer", { ConsumerARN: made.ConsumerARN });
  assert.equal(told.ConsumerStatus, "ACTIVE");
  assert.equal(made.ConsumerARN, `${arn}/consumer/lab:${told.ConsumerCreationTimestamp.getTime() / 1000}`);
  await calls.refused(
    "ResourceInUseException", `Consumer lab under stream trips already exists for account 000000000000.`,
    "registerStreamConsumer", { StreamARN: arn, ConsumerName: "lab" },
  );
  assert.equal((await calls.call("listStreamConsumers", { StreamARN: arn })).Consumers.length, 1);
  return made.ConsumerARN;
}

async function tagsAndPolicies(calls, arn) {
  await calls.call("addTagsToStream", { StreamName: "trips", Tags: { a: "1", b: "zwei", team: "lab" } });
  await calls.call("removeTagsFromStream", { StreamName: "trips", TagKeys: ["a"] });
  const { Tags: tags } = await calls.call("listTagsForStream", { StreamName: "trips" });
  assert.deepEqual(tags.map((tag) => [tag.Key, tag.Value]), [["b", "zwei"], ["team", "lab"]]);
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
  await calls.call("putResourcePolicy", { ResourceARN: arn, Policy });
  assert.equal((await calls.call("getResourcePolicy", { ResourceARN: arn })).Policy, Policy);
  await calls.call("deleteResourcePolicy", { ResourceARN: arn });
}

async function settings(calls, arn) {
  const stream = { StreamName: "trips" };
  await calls.call("increaseStreamRetentionPeriod", { ...stream, RetentionPeriodHours: 72 });
  await calls.call("decreaseStreamRetentionPeriod", { ...stream, RetentionPeriodHours: 48 });
  await calls.refused("InvalidArgumentException", /24.*48|48.*24/, "increaseStreamRetentionPeriod", { ...stream, RetentionPeriodHours: 24 });
  await calls.call("enableEnhancedMonitoring", { ...stream, ShardLevelMetrics: ["ALL"] });
  const told = await calls.call("disableEnhancedMonitoring", { ...stream, ShardLevelMetrics: ["IncomingBytes"] });
  assert.equal(told.DesiredShardLevelMetrics.length, 6);
  const key = { ...stream, EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };
  await calls.call("startStreamEncryption", key);
  await calls.call("stopStreamEncryption", key);
  await calls.call("createStream", { StreamName: "demand", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  const demand = (await calls.call("describeStreamSummary", { StreamName: "demand" })).StreamDescriptionSummary;
  assert.equal(demand.StreamModeDetails.StreamMode, "ON_DEMAND");
  await calls.call("updateStreamMode", { StreamARN: demand.StreamARN, StreamModeDetails: { StreamMode: "PROVISIONED" } });
  assert.ok(demand.StreamARN.startsWith(arn.slice(0, arn.indexOf("/"))));
}

/** The whole tour; gives the stream's and its consumer's ARN. */
async function tour(calls) {
  const arn = await streams(calls);
  const put = await records(calls);
  await shards(calls);
  const consumer = await consumers(calls, arn);
  await tagsAndPolicies(calls, arn);
  await settings(calls, arn);
  return { arn, consumer, put };
}

module.exports = { tour, HASHES };
