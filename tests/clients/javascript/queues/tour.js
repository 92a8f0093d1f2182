"use strict";
// What every client of AWS does with standard queues, whatever its version and protocol.

const { assert } = require("../checks");
const digests = require("./digests");

const TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793";
const MISSING = "AWS.SimpleQueueService.NonExistentQueue";
const batchRefusal = (kind) => `AWS.SimpleQueueService.${kind}`;
/** How many messages of a queue wait, are in flight and are delayed. */
const COUNTS = ["", "NotVisible", "Delayed"].map((kind) => `ApproximateNumberOfMessages${kind}`);

const nameOf = (url) => url.split("/").at(-1);

async function attributesOf(calls, QueueUrl, AttributeNames = ["All"]) {
  return (await calls.call("getQueueAttributes", { QueueUrl, AttributeNames })).Attributes;
}

async function counts(calls, url) {
  const told = await attributesOf(calls, url, COUNTS);
  return COUNTS.map((name) => Number(told[name]));
}

/** Receives until so many messages are there. */
async function receive(calls, QueueUrl, count, options = {}) {
  const found = [];
  for (let attempt = 0; found.length < count && attempt < 10; attempt++) {
    const { Messages = [] } = await calls.call("receiveMessage", {
      QueueUrl, MaxNumberOfMessages: Math.min(10, count - found.length), WaitTimeSeconds: 5, ...options,
    });
    found.push(...Messages);
  }
  assert.equal(found.length, count, "messages that came");
  return found;
}

async function queues(calls) {
  const Attributes = { VisibilityTimeout: "30", DelaySeconds: "0" };
  const { QueueUrl } = await calls.call("createQueue", { QueueName: "jobs", Attributes, tags: { team: "lab" } });
  assert.match(QueueUrl, /^http:\/\/127\.0\.0\.1:\d+\/000000000000\/jobs$/, "a URL of the host that was asked");
  assert.equal((await calls.call("createQueue", { QueueName: "jobs", Attributes })).QueueUrl, QueueUrl);
  assert.equal((await calls.call("createQueue", { QueueName: "jobs" })).QueueUrl, QueueUrl, "nothing compared");
  await calls.refused("QueueAlreadyExists", /VisibilityTimeout/, "createQueue", {
    QueueName: "jobs", Attributes: { VisibilityTimeout: "31" },
  });
  assert.equal((await calls.call("getQueueUrl", { QueueName: "jobs" })).QueueUrl, QueueUrl);
  await calls.refused(MISSING, "The specified queue does not exist.", "getQueueUrl", { QueueName: "none" });
  await calls.refused("InvalidParameterValue", /alphanumeric|80 in length/, "createQueue", { QueueName: "a b" });
  await calls.refused("InvalidAttributeValue", /VisibilityTimeout/, "createQueue", {
    QueueName: "other", Attributes: { VisibilityTimeout: "43201" },
  });
  await calls.call("setQueueAttributes", { QueueUrl, Attributes: { ReceiveMessageWaitTimeSeconds: "1" } });
  const told = await attributesOf(calls, QueueUrl);
  assert.deepEqual([told.ReceiveMessageWaitTimeSeconds, told.VisibilityTimeout], ["1", "30"]);
  assert.match(told.QueueArn, /^arn:aws:sqs:us-east-1:000000000000:jobs$/);
  assert.deepEqual(await attributesOf(calls, QueueUrl, ["VisibilityTimeout"]), { VisibilityTimeout: "30" });
  await calls.call("tagQueue", { QueueUrl, Tags: { tier: "one", empty: "" } });
  await calls.call("untagQueue", { QueueUrl, TagKeys: ["team"] });
  assert.deepEqual((await calls.call("listQueueTags", { QueueUrl })).Tags, { tier: "one", empty: "" });
  const grant = { QueueUrl, Label: "reader", AWSAccountIds: ["123456789012"], Actions: ["ReceiveMessage"] };
  await calls.call("addPermission", grant);
  const { Statement: [statement] } = JSON.parse((await attributesOf(calls, QueueUrl, ["Policy"])).Policy);
  assert.deepEqual([statement.Sid, statement.Effect], ["reader", "Allow"]);
  await calls.refused("InvalidParameterValue", /reader|Already exists/i, "addPermission", grant);
  await calls.call("removePermission", { QueueUrl, Label: "reader" });
  return QueueUrl;
}

/** Lists whole, by prefix, and in pages only when a size is given. */
async function lists(calls) {
  const names = Array.from({ length: 7 }, (_, number) => `page-${number}`);
  for (const QueueName of names) await calls.call("createQueue", { QueueName });
  const { QueueUrls: all, NextToken: none } = await calls.call("listQueues", { QueueNamePrefix: "page-" });
  assert.deepEqual([all.map(nameOf), none ?? null], [names, null]);
  const found = [];
  for (let NextToken; ; ) {
    const page = await calls.call("listQueues", { QueueNamePrefix: "page-", MaxResults: 3, NextToken });
    assert.ok(page.QueueUrls.length <= 3, "three at most");
    found.push(...page.QueueUrls.map(nameOf));
    NextToken = page.NextToken ?? undefined;
    if (!NextToken) break;
  }
  assert.deepEqual(found, names);
  await calls.refused("InvalidParameterValue", /MaxResults/, "listQueues", { MaxResults: 1001 });
  assert.equal((await calls.call("listQueues", { QueueNamePrefix: "nobody" })).QueueUrls?.length ?? 0, 0);
  for (const QueueUrl of all) await calls.call("deleteQueue", { QueueUrl });
  assert.equal((await calls.call("listQueues", { QueueNamePrefix: "page-" })).QueueUrls?.length ?? 0, 0);
}

async function one(calls, QueueUrl) {
  const MessageAttributes = {
    "kind.of": { DataType: "String", StringValue: "n\u00e9w \u{1f6b2}" },
    "kind.size": { DataType: "Number.int", StringValue: "-7.5" },
    blob: { DataType: "Binary", BinaryValue: Buffer.from([0, 255, 10]) },
  };
  const MessageSystemAttributes = { AWSTraceHeader: { DataType: "String", StringValue: TRACE } };
  const MessageBody = "a <b> & \"c\" \r\n\t\u{1f6b2} end";
  const sent = await calls.call("sendMessage", { QueueUrl, MessageBody, MessageAttributes, MessageSystemAttributes });
  assert.equal(sent.MD5OfMessageBody, digests.of(MessageBody));
  assert.equal(sent.MD5OfMessageAttributes, digests.ofAttributes(MessageAttributes));
  assert.equal(sent.MD5OfMessageSystemAttributes, digests.ofAttributes(MessageSystemAttributes));
  const asked = { AttributeNames: ["All"], MessageAttributeNames: ["All"] };
  const [message] = await receive(calls, QueueUrl, 1, asked);
  assert.deepEqual([message.MessageId, message.Body], [sent.MessageId, MessageBody]);
  assert.equal(message.MD5OfBody, sent.MD5OfMessageBody);
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.ok(Buffer.from(message.MessageAttributes.blob.BinaryValue).equals(MessageAttributes.blob.BinaryValue));
  assert.equal(message.MessageAttributes["kind.of"].StringValue, MessageAttributes["kind.of"].StringValue);
  assert.deepEqual([message.Attributes.AWSTraceHeader, message.Attributes.ApproximateReceiveCount], [TRACE, "1"]);
  for (const name of ["SentTimestamp", "ApproximateFirstReceiveTimestamp"]) {
    assert.ok(Math.abs(Number(message.Attributes[name]) - Date.now()) < 60_000, name);
  }
  await calls.call("changeMessageVisibility", { QueueUrl, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 });
  const chosen = { AttributeNames: ["ApproximateReceiveCount"], MessageAttributeNames: ["kind.*"] };
  const [again] = await receive(calls, QueueUrl, 1, chosen);
  assert.deepEqual(again.Attributes, { ApproximateReceiveCount: "2" });
  assert.deepEqual(Object.keys(again.MessageAttributes).sort(), ["kind.of", "kind.size"]);
  const { blob: _, ...rest } = MessageAttributes;
  assert.equal(again.MD5OfMessageAttributes, digests.ofAttributes(rest), "of what is told");
  await calls.call("deleteMessage", { QueueUrl, ReceiptHandle: again.ReceiptHandle });
  assert.deepEqual(await counts(calls, QueueUrl), [0, 0, 0]);
}

async function batches(calls, QueueUrl) {
  const Entries = Array.from({ length: 10 }, (_, number) => ({
    Id: `entry-${number}`, MessageBody: number === 3 ? "bad \u0001" : `batch ${number}`, DelaySeconds: number === 5 ? 1 : 0,
  }));
  const sent = await calls.call("sendMessageBatch", { QueueUrl, Entries });
  assert.equal(sent.Successful.length, 9);
  const [failed] = sent.Failed;
  assert.deepEqual([failed.Id, failed.Code, failed.SenderFault], ["entry-3", "InvalidMessageContents", true]);
  const found = await receive(calls, QueueUrl, 9);
  assert.deepEqual(found.map((message) => message.Body).sort(), [0, 1, 2, 4, 5, 6, 7, 8, 9].map((number) => `batch ${number}`));
  const handles = found.map(({ ReceiptHandle }, number) => ({ Id: `${number}`, ReceiptHandle }));
  const hidden = handles.map((entry) => ({ ...entry, VisibilityTimeout: 60 }));
  hidden[0].ReceiptHandle = "nonsense";
  const changed = await calls.call("changeMessageVisibilityBatch", { QueueUrl, Entries: hidden });
  assert.deepEqual([changed.Successful.length, changed.Failed[0].Code], [8, "ReceiptHandleIsInvalid"]);
  assert.deepEqual(await counts(calls, QueueUrl), [0, 9, 0]);
  const deleted = await calls.call("deleteMessageBatch", { QueueUrl, Entries: handles });
  assert.deepEqual(deleted.Successful.map((entry) => entry.Id).sort(), handles.map((entry) => entry.Id));
  assert.equal(deleted.Failed?.length ?? 0, 0);
  await calls.call("deleteMessageBatch", { QueueUrl, Entries: handles });
  assert.deepEqual(await counts(calls, QueueUrl), [0, 0, 0]);
  const twice = [{ Id: "a", MessageBody: "x" }, { Id: "a", MessageBody: "y" }];
  await calls.refused(batchRefusal("BatchEntryIdsNotDistinct"), /Id a repeated/, "sendMessageBatch", { QueueUrl, Entries: twice });
  const eleven = Array.from({ length: 11 }, (_, number) => ({ Id: `${number}`, MessageBody: "x" }));
  await calls.refused(batchRefusal("TooManyEntriesInBatchRequest"), /11/, "sendMessageBatch", { QueueUrl, Entries: eleven });
  const wrong = [{ Id: "a b", MessageBody: "x" }];
  await calls.refused(batchRefusal("InvalidBatchEntryId"), /alphanumeric/, "sendMessageBatch", { QueueUrl, Entries: wrong });
}

/** The largest message, alone and in a batch; one byte more is too much. */
async function largest(calls, QueueUrl) {
  const MessageBody = "\u00fc".repeat(1 << 19);
  await calls.call("sendMessage", { QueueUrl, MessageBody });
  const [message] = await receive(calls, QueueUrl, 1);
  assert.equal(message.Body, MessageBody, "1 MiB there and back");
  await calls.call("deleteMessage", { QueueUrl, ReceiptHandle: message.ReceiptHandle });
  await calls.refused("InvalidParameterValue", /1048576 bytes/, "sendMessage", { QueueUrl, MessageBody: `${MessageBody}.` });
  const Entries = [{ Id: "a", MessageBody }, { Id: "b", MessageBody: "." }];
  await calls.refused(batchRefusal("BatchRequestTooLong"), /1048577/, "sendMessageBatch", { QueueUrl, Entries });
}

/** Who waits is woken; who gets a message by what it waits for is decided once. */
async function waiting(calls, QueueUrl) {
  const waiting = [0, 1, 2].map(() => calls.call("receiveMessage", { QueueUrl, WaitTimeSeconds: 20 }));
  await new Promise((later) => setTimeout(later, 300));
  for (const number of [0, 1, 2]) await calls.call("sendMessage", { QueueUrl, MessageBody: `wake ${number}` });
  const found = (await Promise.all(waiting)).map(({ Messages }) => Messages.map((message) => message.Body));
  assert.deepEqual(found.flat().sort(), ["wake 0", "wake 1", "wake 2"]);
  await calls.call("purgeQueue", { QueueUrl });
  await calls.refused(batchRefusal("PurgeQueueInProgress"), /60 seconds/, "purgeQueue", { QueueUrl }, 403);
  assert.deepEqual(await counts(calls, QueueUrl), [0, 0, 0]);
}

async function deadLetters(calls) {
  const { QueueUrl: dead } = await calls.call("createQueue", { QueueName: "dead" });
  const { QueueArn: deadLetterTargetArn } = await attributesOf(calls, dead, ["QueueArn"]);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 });
  const poison = { QueueName: "poison", Attributes: { RedrivePolicy, VisibilityTimeout: "0" } };
  const { QueueUrl } = await calls.call("createQueue", poison);
  assert.deepEqual((await calls.call("listDeadLetterSourceQueues", { QueueUrl: dead })).queueUrls, [QueueUrl]);
  const { MessageId } = await calls.call("sendMessage", { QueueUrl, MessageBody: "poison" });
  await receive(calls, QueueUrl, 1);
  const [letter] = await receive(calls, dead, 1, { AttributeNames: ["All"] });
  assert.deepEqual([letter.MessageId, letter.Body], [MessageId, "poison"]);
  assert.match(letter.Attributes.DeadLetterQueueSourceArn, /:poison$/);
  await calls.call("deleteMessage", { QueueUrl: dead, ReceiptHandle: letter.ReceiptHandle });
  await calls.refused("InvalidParameterValue", /RedrivePolicy/, "createQueue", {
    QueueName: "wrong", Attributes: { RedrivePolicy: "{\"maxReceiveCount\":1}" },
  });
  return { dead, source: QueueUrl };
}

/** Dead letters go back to where they came from; a task that goes slowly is ended. */
async function movedBack(calls, { dead, source }) {
  const SourceArn = (await attributesOf(calls, dead, ["QueueArn"])).QueueArn;
  const latest = async () => (await calls.call("listMessageMoveTasks", { SourceArn, MaxResults: 1 })).Results[0];
  await calls.call("setQueueAttributes", { QueueUrl: source, Attributes: { RedrivePolicy: "", VisibilityTimeout: "60" } });
  await calls.refused("InvalidParameterValue", /Dead Letter Queue/, "startMessageMoveTask", { SourceArn });
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: SourceArn, maxReceiveCount: 5 });
  await calls.call("setQueueAttributes", { QueueUrl: source, Attributes: { RedrivePolicy } });
  const Entries = Array.from({ length: 10 }, (_, number) => ({ Id: `${number}`, MessageBody: `back ${number}` }));
  await calls.call("sendMessageBatch", { QueueUrl: dead, Entries });
  const DestinationArn = (await attributesOf(calls, source, ["QueueArn"])).QueueArn;
  await calls.call("startMessageMoveTask", { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: 500 });
  assert.equal((await receive(calls, source, 10)).length, 10);
  for (let tries = 0; (await latest()).Status !== "COMPLETED"; tries++) {
    assert.ok(tries < 100, "the task ends");
    await new Promise((later) => setTimeout(later, 100));
  }
  const told = await latest();
  assert.deepEqual([told.ApproximateNumberOfMessagesMoved, told.DestinationArn, told.TaskHandle ?? null], [10, DestinationArn, null]);
  for (let round = 0; round < 3; round++) await calls.call("sendMessageBatch", { QueueUrl: dead, Entries });
  const slow = { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: 1 };
  const { TaskHandle } = await calls.call("startMessageMoveTask", slow);
  await calls.refused("InvalidParameterValue", /already a task running/, "startMessageMoveTask", slow);
  const { ApproximateNumberOfMessagesMoved: moved } = await calls.call("cancelMessageMoveTask", { TaskHandle });
  assert.ok(moved < 30, "it was not done");
  assert.match((await latest()).Status, /^CANCELL(ING|ED)$/);
  await calls.refused("ResourceNotFoundException", /exist/, "startMessageMoveTask", { SourceArn: `${SourceArn}-none` }, 404);
}

async function gone(calls, { dead, source }) {
  for (const QueueUrl of [source, dead]) await calls.call("deleteQueue", { QueueUrl });
  const { Error: told } = await calls.refused(MISSING, /does not exist/, "sendMessage", { QueueUrl: source, MessageBody: "x" });
  // Only the third SDK shows it.
  if (told) assert.equal(told.Type, "Sender");
  await calls.refused("ReceiptHandleIsInvalid", /handle/, "deleteMessage", {
    QueueUrl: (await calls.call("getQueueUrl", { QueueName: "jobs" })).QueueUrl, ReceiptHandle: "nonsense",
  });
}

/** All that standard queues do. */
async function tour(calls) {
  const url = await queues(calls);
  await lists(calls);
  await one(calls, url);
  await batches(calls, url);
  await largest(calls, url);
  await waiting(calls, url);
  const letters = await deadLetters(calls);
  await movedBack(calls, letters);
  await gone(calls, letters);
}

module.exports = { attributesOf, counts, receive, tour };
