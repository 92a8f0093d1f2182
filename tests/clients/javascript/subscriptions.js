"use strict";
// SubscribeToShard over HTTP/2: events as they come, where to go on, and every way in which it ends.

const { assert, within } = require("./checks");
const { HASHES } = require("./tour");

const shard = "shardId-000000000000";

/** A running subscription and what it gave. */
class Subscription {
  constructor(answer) {
    this.events = answer.EventStream[Symbol.asyncIterator]();
    this.count = 0;
  }

  static async open(calls, consumer, position, ShardId = shard) {
    return new Subscription(await calls.call("subscribeToShard", { ConsumerARN: consumer, ShardId, StartingPosition: position }));
  }

  /** The next event, or undefined after the last. */
  async next() {
    const { value, done } = await within(this.events.next(), "an event");
    if (done) return undefined;
    this.count += 1;
    assert.ok(value.SubscribeToShardEvent, `an event of records, not ${JSON.stringify(value)}`);
    return value.SubscribeToShardEvent;
  }

  /** Events until so many records have come. */
  async records(count) {
    const records = [];
    let continuation;
    while (records.length < count) {
      const event = await this.next();
      assert.ok(event, `the end after ${records.length} of ${count} records`);
      records.push(...event.Records);
      continuation = event.ContinuationSequenceNumber;
    }
    return [records.map((record) => Buffer.from(record.Data).toString()), continuation];
  }

  /** The error in which it ends. */
  async fails(name, message) {
    try {
      while (await this.next());
    } catch (error) {
      assert.equal(error.name, name, error.message);
      assert.match(error.message, message);
      return;
    }
    assert.fail(`the subscription ended without ${name}`);
  }

  close() {
    return this.events.return?.();
  }
}

async function subscriptions(calls, arn) {
  const stream = { StreamName: "pushed" };
  await calls.call("createStream", { ...stream, ShardCount: 1 });
  const pushed = arn.replace(/trips$/, "pushed");
  const register = async (ConsumerName) =>
    (await calls.call("registerStreamConsumer", { StreamARN: pushed, ConsumerName })).Consumer.ConsumerARN;
  const put = (from, to) => calls.call("putRecords", {
    ...stream,
    Records: Array.from({ length: to - from }, (_, place) => ({ PartitionKey: "key", Data: Buffer.from(`${from + place}`) })),
  });
  const numbers = (from, to) => Array.from({ length: to - from }, (_, place) => `${from + place}`);
  const [one, other] = [await register("one"), await register("other")];

  const latest = await Subscription.open(calls, one, { Type: "LATEST" });
  const empty = await latest.next();
  assert.deepEqual([empty.Records, empty.MillisBehindLatest], [[], 0], "the first event comes at once");
  await calls.refused(
    "ResourceInUseException", `Another active subscription exists for this consumer: 000000000000:pushed:${shard}:one`,
    "subscribeToShard", { ConsumerARN: one, ShardId: shard, StartingPosition: { Type: "LATEST" } },
  );
  const begun = Date.now();
  await put(0, 300);
  const [found, continuation] = await latest.records(300);
  assert.deepEqual(found, numbers(0, 300));

  // Another consumer reads the same from the beginning, leaves, and goes on where it was told to.
  const second = await Subscription.open(calls, other, { Type: "TRIM_HORIZON" });
  const [again, place] = await second.records(300);
  assert.deepEqual([again, place], [found, continuation]);
  await second.close();
  await put(300, 400);
  const resumed = await reopened(calls, other, { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: place });
  assert.deepEqual((await resumed.records(100))[0], numbers(300, 400));
  assert.deepEqual((await latest.records(100))[0], numbers(300, 400));

  // After five seconds a subscription is taken over; before, it goes on to the end.
  await new Promise((later) => setTimeout(later, Math.max(0, begun + 5500 - Date.now())));
  const heir = await Subscription.open(calls, one, { Type: "AT_TIMESTAMP", Timestamp: new Date(begun - 1000) });
  await latest.fails("ResourceInUseException", /^Another active subscription exists/);
  assert.deepEqual((await heir.records(400))[0], numbers(0, 400));

  // The last event of a closed shard names its children and no continuation.
  await calls.call("splitShard", { ...stream, ShardToSplit: shard, NewStartingHashKey: String(HASHES / 2n) });
  for (const reader of [heir, resumed]) {
    const end = await last(reader);
    assert.equal(end.ContinuationSequenceNumber ?? null, null);
    assert.deepEqual(end.ChildShards.map((child) => child.ParentShards), [[shard], [shard]]);
  }
  const child = await Subscription.open(calls, one, { Type: "TRIM_HORIZON" }, "shardId-000000000001");
  await child.next();
  await calls.call("deregisterStreamConsumer", { ConsumerARN: one });
  await child.fails("ResourceNotFoundException", /^Consumer one under stream pushed/);
  return [latest, second, resumed, heir, child].reduce((sum, reader) => sum + reader.count, 0);
}

/** Subscribes again once the daemon has seen that the one before has left. */
async function reopened(calls, consumer, position) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await Subscription.open(calls, consumer, position);
    } catch (error) {
      if (error.name !== "ResourceInUseException" || attempt === 30) throw error;
      await new Promise((later) => setTimeout(later, 200));
    }
  }
}

async function last(reader) {
  for (let before; ; ) {
    const event = await reader.next();
    if (!event) return before;
    before = event;
  }
}

module.exports = { subscriptions };
