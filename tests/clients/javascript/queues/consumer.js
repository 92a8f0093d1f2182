"use strict";
// Applications written with sqs-consumer: orders one by one that are slow, fail and are poison, events in batches
// of which a part is left, dead letters, and consumers that are stopped while they work and while they wait.

const { SQS } = require("@aws-sdk/client-sqs");
const { Consumer } = require("sqs-consumer");
const { assert, run, within } = require("../checks");

const sleep = (milliseconds) => new Promise((later) => setTimeout(later, milliseconds));
const EMPTY = ["0", "0", "0"];

/** Seconds: a slow order takes longer than its visibility timeout, which heartbeats make longer. */
const VISIBILITY = 6;
const SLOW = 9;

class Shop {
  constructor(endpoint) {
    const options = { region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
    this.sqs = new SQS({ ...options, endpoint });
    this.faults = [];
  }

  async queue(QueueName, dead, maxReceiveCount) {
    const Attributes = { VisibilityTimeout: "600" };
    if (dead) {
      const { Attributes: told } = await this.sqs.getQueueAttributes({ QueueUrl: dead, AttributeNames: ["QueueArn"] });
      Attributes.RedrivePolicy = JSON.stringify({ deadLetterTargetArn: told.QueueArn, maxReceiveCount });
    }
    return (await this.sqs.createQueue({ QueueName, Attributes })).QueueUrl;
  }

  async send(QueueUrl, orders) {
    for (let from = 0; from < orders.length; from += 10) {
      const Entries = orders.slice(from, from + 10).map((order, place) => ({ Id: `${place}`, MessageBody: JSON.stringify(order) }));
      const { Failed = [] } = await this.sqs.sendMessageBatch({ QueueUrl, Entries });
      assert.deepEqual(Failed, []);
    }
  }

  /** A consumer whose errors of SQS, not of the application, are faults. */
  consumer(queueUrl, options) {
    const consumer = Consumer.create({ queueUrl, sqs: this.sqs, pollingCompleteWaitTimeMs: 30_000, ...options });
    consumer.on("error", (error) => this.faults.push(error));
    consumer.start();
    return consumer;
  }

  async counts(QueueUrl) {
    const names = ["", "NotVisible", "Delayed"].map((kind) => `ApproximateNumberOfMessages${kind}`);
    const { Attributes } = await this.sqs.getQueueAttributes({ QueueUrl, AttributeNames: names });
    return names.map((name) => Attributes[name]);
  }

  async until(isSo, what, milliseconds = 60_000) {
    const deadline = Date.now() + milliseconds;
    while (!(await isSo())) {
      assert.deepEqual(this.faults, []);
      assert.ok(Date.now() < deadline, `${what}: not within ${milliseconds} ms`);
      await sleep(50);
    }
  }

  async stopped(...consumers) {
    const ends = consumers.map((consumer) => within(new Promise((stopped) => consumer.once("stopped", stopped)), "stopped"));
    consumers.forEach((consumer) => consumer.stop());
    await Promise.all(ends);
  }
}

/** How often each order was handled. */
class Book {
  constructor() {
    this.times = new Map();
  }

  begun({ number }) {
    this.times.set(number, (this.times.get(number) ?? 0) + 1);
    return this.times.get(number);
  }

  check(orders, expected) {
    for (const order of orders) assert.equal(this.times.get(order.number), expected(order), JSON.stringify(order));
    assert.equal(this.times.size, orders.length);
  }
}

const kindOf = (number) => (number % 20 === 0 ? "poison" : number % 7 === 0 ? "flaky" : number % 50 === 3 ? "slow" : "plain");
const KINDS = { plain: 1, slow: 1, flaky: 2, poison: 3 };

/** Two consumers of one queue; an order that failed comes again at once, a poisoned one the third time as a dead letter. */
async function orders(shop) {
  const dead = await shop.queue("orders-dead");
  const url = await shop.queue("orders", dead, 3);
  const [book, letters, failed] = [new Book(), [], new Set()];
  const handleMessage = async (message) => {
    const order = JSON.parse(message.Body);
    const times = book.begun(order);
    assert.equal(message.Attributes.ApproximateReceiveCount, `${times}`);
    if (order.kind === "slow") await sleep(SLOW * 1_000);
    if (order.kind === "poison" || (order.kind === "flaky" && times === 1)) throw new Error(`no stock for ${order.number}`);
    return message;
  };
  const options = {
    handleMessage, batchSize: 10, visibilityTimeout: VISIBILITY, heartbeatInterval: 2, terminateVisibilityTimeout: true,
    messageSystemAttributeNames: ["All"], waitTimeSeconds: 5, strictReturn: true,
  };
  const consumers = [shop.consumer(url, options), shop.consumer(url, options)];
  consumers.forEach((consumer) => consumer.on("processing_error", (_, message) => failed.add(JSON.parse(message.Body).number)));
  consumers.push(shop.consumer(dead, {
    waitTimeSeconds: 2,
    messageSystemAttributeNames: ["All"],
    handleMessage: async (message) => {
      assert.match(message.Attributes.DeadLetterQueueSourceArn, /:orders$/);
      letters.push(JSON.parse(message.Body).number);
      return message;
    },
  }));
  const sent = Array.from({ length: 100 }, (_, number) => ({ number, kind: kindOf(number) }));
  await shop.send(url, sent);
  const ofKind = (...kinds) => sent.filter((order) => kinds.includes(order.kind)).map((order) => order.number);
  const isEmpty = async (queue) => `${await shop.counts(queue)}` === `${EMPTY}`;
  const isDone = async () => letters.length >= ofKind("poison").length && (await isEmpty(url)) && isEmpty(dead);
  await shop.until(isDone, "all orders");
  await shop.stopped(...consumers);
  book.check(sent, (order) => KINDS[order.kind]);
  assert.deepEqual(letters.sort((one, other) => one - other), ofKind("poison"), "dead letters");
  assert.deepEqual([...failed].sort((one, other) => one - other), ofKind("flaky", "poison"), "what failed");
  return sent.length;
}

/** Batches of which every tenth event is left the first time; it comes again when its timeout has run out. */
async function events(shop) {
  const url = await shop.queue("events");
  const [book, sizes] = [new Book(), []];
  const handleMessageBatch = async (messages) => {
    sizes.push(messages.length);
    return messages.filter((message) => {
      const event = JSON.parse(message.Body);
      return book.begun(event) > 1 || event.number % 10 !== 0;
    });
  };
  const sent = Array.from({ length: 300 }, (_, number) => ({ number }));
  await shop.send(url, sent);
  const options = { handleMessageBatch, batchSize: 10, visibilityTimeout: 8, waitTimeSeconds: 5 };
  const consumers = [shop.consumer(url, options), shop.consumer(url, options)];
  await shop.until(async () => `${await shop.counts(url)}` === `${EMPTY}`, "all events");
  await shop.stopped(...consumers);
  book.check(sent, (event) => (event.number % 10 ? 1 : 2));
  assert.equal(Math.max(...sizes), 10, "whole batches");
  return sent.length;
}

/** What is being handled is finished and deleted; nothing else is received. */
async function gracefulStop(shop) {
  const url = await shop.queue("stopped");
  await shop.send(url, [{ number: 0 }, { number: 1 }, { number: 2 }]);
  let begun;
  const first = new Promise((resolve) => (begun = resolve));
  const handled = [];
  const consumer = shop.consumer(url, {
    handleMessage: async (message) => {
      begun();
      await sleep(1_500);
      handled.push(message);
      return message;
    },
  });
  await within(first, "the first message");
  await shop.stopped(consumer);
  assert.equal(handled.length, 1);
  assert.deepEqual(await shop.counts(url), ["2", "0", "0"], "the others wait for somebody else");
}

/** A long poll that is given up takes no message with it, though it would be invisible for ten minutes. */
async function abort(shop) {
  const url = await shop.queue("aborted");
  const [mine, others] = [[], []];
  const consumer = shop.consumer(url, { handleMessage: async (message) => (mine.push(message), message), waitTimeSeconds: 20 });
  await sleep(500);
  consumer.removeAllListeners("error");
  consumer.on("error", (error) => assert.match(`${error}`, /abort/i));
  consumer.stop({ abort: true });
  await sleep(500);
  await shop.send(url, [{ number: 0 }]);
  const other = shop.consumer(url, { handleMessage: async (message) => (others.push(message), message) });
  await shop.until(() => others.length === 1, "the message");
  await shop.stopped(other);
  assert.deepEqual([mine.length, await shop.counts(url)], [0, EMPTY]);
}

run(async (endpoint) => {
  const shop = new Shop(endpoint);
  const [handled, batched] = await Promise.all([orders(shop), events(shop), gracefulStop(shop), abort(shop)]);
  assert.deepEqual(shop.faults, []);
  return `sqs-consumer: ${handled} orders one by one, ${batched} events in batches`;
});
