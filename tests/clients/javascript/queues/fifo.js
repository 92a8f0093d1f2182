"use strict";
// What every client of AWS does with FIFO queues: order in groups, deduplication, and groups that wait.

const { createHash } = require("node:crypto");
const { assert } = require("../checks");
const { attributesOf, counts, receive } = require("./tour");

const ASKED = { AttributeNames: ["All"] };
const bodies = (messages) => messages.map((message) => message.Body);
const handleOf = ({ ReceiptHandle }) => ({ ReceiptHandle });

async function made(calls) {
  const Attributes = { FifoQueue: "true", VisibilityTimeout: "600" };
  const { QueueUrl } = await calls.call("createQueue", { QueueName: "tickets.fifo", Attributes });
  assert.match(QueueUrl, /\/tickets\.fifo$/);
  const told = await attributesOf(calls, QueueUrl);
  assert.deepEqual([told.FifoQueue, told.ContentBasedDeduplication, told.DeduplicationScope, told.FifoThroughputLimit],
    ["true", "false", "queue", "perQueue"]);
  await calls.refused("InvalidParameterValue", /fifo/i, "createQueue", { QueueName: "plain", Attributes });
  await calls.refused("InvalidParameterValue", /fifo|alphanumeric/i, "createQueue", { QueueName: "other.fifo" });
  await calls.refused("MissingParameter", /MessageGroupId/, "sendMessage", { QueueUrl, MessageBody: "x" });
  await calls.refused("InvalidParameterValue", /ContentBasedDeduplication/, "sendMessage", {
    QueueUrl, MessageBody: "x", MessageGroupId: "g",
  });
  return QueueUrl;
}

/** A message that was sent before is the same message; what has a new id is another one. */
async function deduplicated(calls, QueueUrl) {
  const message = { QueueUrl, MessageBody: "seat 1", MessageGroupId: "a", MessageDeduplicationId: "first" };
  const [one, same] = [await calls.call("sendMessage", message), await calls.call("sendMessage", { ...message, MessageBody: "seat 2" })];
  assert.deepEqual([same.MessageId, same.SequenceNumber], [one.MessageId, one.SequenceNumber]);
  await calls.call("setQueueAttributes", { QueueUrl, Attributes: { ContentBasedDeduplication: "true" } });
  const byContent = { QueueUrl, MessageBody: "seat 3", MessageGroupId: "a" };
  const [two, again] = [await calls.call("sendMessage", byContent), await calls.call("sendMessage", byContent)];
  assert.equal(again.MessageId, two.MessageId);
  assert.ok(BigInt(two.SequenceNumber) > BigInt(one.SequenceNumber), "numbers grow");
  const found = await receive(calls, QueueUrl, 2, ASKED);
  assert.deepEqual(bodies(found), ["seat 1", "seat 3"]);
  const { Attributes: told } = found[1];
  const digest = createHash("sha256").update("seat 3").digest("hex");
  assert.deepEqual([told.MessageGroupId, told.MessageDeduplicationId, told.SequenceNumber], ["a", digest, two.SequenceNumber]);
  for (const message of found) await calls.call("deleteMessage", { QueueUrl, ...handleOf(message) });
  assert.equal((await calls.call("sendMessage", byContent)).MessageId, two.MessageId, "it is known after its deletion");
  assert.deepEqual(await counts(calls, QueueUrl), [0, 0, 0]);
}

/** As many of a group as fit; a group with a message in flight waits, others do not. */
async function ordered(calls, QueueUrl) {
  const Entries = Array.from({ length: 10 }, (_, number) => ({
    Id: `${number}`, MessageBody: `order ${number}`, MessageGroupId: number < 6 ? "a" : "b",
  }));
  const { Successful } = await calls.call("sendMessageBatch", { QueueUrl, Entries });
  const numbers = Successful.map((entry) => BigInt(entry.SequenceNumber));
  assert.deepEqual(numbers, [...numbers].sort((one, other) => (one < other ? -1 : 1)));
  const attempt = { QueueUrl, MaxNumberOfMessages: 3, ReceiveRequestAttemptId: "attempt-1" };
  const { Messages: first } = await calls.call("receiveMessage", attempt);
  assert.deepEqual(bodies(first), ["order 0", "order 1", "order 2"]);
  const { Messages: same } = await calls.call("receiveMessage", attempt);
  assert.deepEqual(bodies(same), bodies(first), "a receive that is asked for again");
  const others = await receive(calls, QueueUrl, 4);
  assert.deepEqual(bodies(others), ["order 6", "order 7", "order 8", "order 9"], "group a waits");
  const none = await calls.call("receiveMessage", { QueueUrl });
  assert.equal(none.Messages?.length ?? 0, 0);
  const back = same.map((message, number) => ({ Id: `${number}`, ...handleOf(message), VisibilityTimeout: 0 }));
  assert.equal((await calls.call("changeMessageVisibilityBatch", { QueueUrl, Entries: back })).Successful.length, 3);
  const whole = await receive(calls, QueueUrl, 6, ASKED);
  assert.deepEqual(bodies(whole), Array.from({ length: 6 }, (_, number) => `order ${number}`), "from its beginning");
  const all = [...whole, ...others].map((message, number) => ({ Id: `${number}`, ...handleOf(message) }));
  const { Successful: deleted } = await calls.call("deleteMessageBatch", { QueueUrl, Entries: all });
  assert.equal(deleted.length, 10);
  assert.deepEqual(await counts(calls, QueueUrl), [0, 0, 0]);
}

/** A handle whose timeout has passed deletes nothing. */
async function expired(calls, QueueUrl) {
  await calls.call("sendMessage", { QueueUrl, MessageBody: "late", MessageGroupId: "late" });
  const [message] = await receive(calls, QueueUrl, 1, { VisibilityTimeout: 1 });
  const [again] = await receive(calls, QueueUrl, 1);
  assert.equal(again.MessageId, message.MessageId, "it came again");
  await calls.refused("InvalidParameterValue", /expired/, "deleteMessage", { QueueUrl, ...handleOf(message) });
  await calls.call("deleteMessage", { QueueUrl, ...handleOf(again) });
}

async function fifo(calls) {
  const url = await made(calls);
  await deduplicated(calls, url);
  await ordered(calls, url);
  await expired(calls, url);
  await calls.call("deleteQueue", { QueueUrl: url });
}

module.exports = { fifo };
