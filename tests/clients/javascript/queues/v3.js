"use strict";
// The SDK for JavaScript in its third version: JSON over HTTP/1.1, its paginators, classes of errors and checks of digests.

const http = require("node:http");
const { SQS, ...sdk } = require("@aws-sdk/client-sqs");
const { assert, Calls, run } = require("../checks");
const { fifo } = require("./fifo");
const { attributesOf, tour } = require("./tour");

async function paginators(sqs, calls) {
  const { QueueUrl: dead } = await calls.call("createQueue", { QueueName: "letters" });
  const { QueueArn: deadLetterTargetArn } = await attributesOf(calls, dead, ["QueueArn"]);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
  const made = [];
  for (const QueueName of ["one", "three", "two"]) {
    made.push((await calls.call("createQueue", { QueueName, Attributes: { RedrivePolicy } })).QueueUrl);
  }
  const sources = [];
  for await (const page of sdk.paginateListDeadLetterSourceQueues({ client: sqs, pageSize: 2 }, { QueueUrl: dead })) {
    sources.push(...page.queueUrls);
  }
  assert.deepEqual(sources, made);
  const queues = [];
  for await (const page of sdk.paginateListQueues({ client: sqs, pageSize: 1 }, {})) queues.push(...(page.QueueUrls ?? []));
  assert.deepEqual(made.filter((url) => !queues.includes(url)), []);
}

/** Who wonders at URLs that are not those of its region is not heard. */
const logger = Object.fromEntries(["trace", "debug", "info", "warn", "error"].map((level) => [level, () => {}]));

/** A client that is given no endpoint goes where a queue's URL says; a host's name tells the region. */
async function byUrl(endpoint, options) {
  const { host, port } = new URL(endpoint);
  // Whatever name is asked for lies on this machine.
  const lookup = (_, { all }, found) => (all ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4));
  const requestHandler = { httpAgent: new http.Agent({ lookup }) };
  const sqs = new SQS({ ...options, region: "eu-west-1", requestHandler, logger });
  const regional = new SQS({ ...options, requestHandler, endpoint: `http://sqs.eu-west-1.localhost:${port}` });
  const path = "000000000000/abroad";
  const { QueueUrl } = await regional.createQueue({ QueueName: "abroad" });
  assert.equal(QueueUrl, `http://sqs.eu-west-1.localhost:${port}/${path}`, "its URL has the name that was asked");
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
  assert.equal(Attributes.QueueArn, "arn:aws:sqs:eu-west-1:000000000000:abroad");
  const hosts = ["localhost", "localhost.localstack.cloud", "amazonaws.com"].flatMap((domain) => [
    `sqs.eu-west-1.${domain}:${port}`, `eu-west-1.queue.${domain}:${port}`,
  ]);
  const urls = [...hosts.map((name) => `http://${name}/${path}`), `http://${host}/${path}`, `http://${host}/queue/eu-west-1/${path}`];
  for (const url of urls) {
    const { MessageId } = await sqs.sendMessage({ QueueUrl: url, MessageBody: url });
    const { Messages: [message] } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 10 });
    assert.deepEqual([message.MessageId, message.Body], [MessageId, url]);
    await sqs.deleteMessage({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
  }
  const american = new SQS({ ...options, endpoint });
  await assert.rejects(american.getQueueUrl({ QueueName: "abroad" }), sdk.QueueDoesNotExist);
  const stranger = new SQS({ ...options, endpoint, credentials: { accessKeyId: "123456789012", secretAccessKey: "test" } });
  assert.deepEqual((await stranger.listQueues({})).QueueUrls ?? [], [], "queues of another account");
  const own = await stranger.createQueue({ QueueName: "jobs" });
  assert.match(own.QueueUrl, /\/123456789012\/jobs$/);
  for (const QueueOwnerAWSAccountId of ["123456789012", "000000000000"]) {
    const told = await american.getQueueUrl({ QueueName: "jobs", QueueOwnerAWSAccountId });
    assert.ok(told.QueueUrl.endsWith(`/${QueueOwnerAWSAccountId}/jobs`), told.QueueUrl);
  }
  return urls.length;
}

run(async (endpoint) => {
  const options = { region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const sqs = new SQS({ ...options, endpoint });
  const calls = new Calls(
    (name, request) => sqs[name](request),
    (error) => [error.Error?.Code ?? error.name, error.$metadata?.httpStatusCode, error.$metadata?.requestId],
  );
  await tour(calls);
  await fifo(calls);
  const code = "AWS.SimpleQueueService.NonExistentQueue";
  const refused = await calls.refused(code, /does not exist/, "getQueueUrl", { QueueName: "none" });
  assert.ok(refused instanceof sdk.QueueDoesNotExist, "the error has its class");
  assert.deepEqual(refused.Error.Type, "Sender");
  await paginators(sqs, calls);
  const forms = await byUrl(endpoint, options);
  const operations = Object.keys(sdk).filter((name) => name.endsWith("Command")).map((name) => name.slice(0, -7));
  const methods = operations.filter((name) => name !== "$").map((name) => name[0].toLowerCase() + name.slice(1));
  const left = methods.filter((name) => !calls.made.has(name));
  assert.deepEqual(left, [], "operations that were not called");
  return `@aws-sdk/client-sqs: ${calls.made.size} operations, ${forms} forms of a queue's URL`;
});
