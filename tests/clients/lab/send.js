"use strict";
// Creates a standard queue and sends to it.

const { SQSClient, CreateQueueCommand, SendMessageBatchCommand, SendMessageCommand } = require("@aws-sdk/client-sqs");

const [QueueName, count] = process.argv.slice(2);
const sqs = new SQSClient();

async function main() {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: "60" } }));
  console.log(`made ${QueueUrl}`);
  const one = new SendMessageCommand({
    QueueUrl,
    MessageBody: JSON.stringify({ visitor: 0 }),
    MessageAttributes: { source: { DataType: "String", StringValue: "web" } },
  });
  console.log(`sent ${(await sqs.send(one)).MessageId}`);
  for (let first = 1; first < Number(count); first += 10) {
    const length = Math.min(10, Number(count) - first);
    const Entries = Array.from({ length }, (_, place) => ({
      Id: `visitor-${first + place}`, MessageBody: JSON.stringify({ visitor: first + place }),
    }));
    const { Successful = [], Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length) throw new Error(JSON.stringify(Failed));
    for (const { MessageId } of Successful) console.log(`sent ${MessageId}`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
