// A page of another origin in a real browser: the SDK for JavaScript and plain `fetch` against the daemon. What
// came of it is posted to where the page is from.

import { Kinesis } from "@aws-sdk/client-kinesis";

const PATIENCE = 30_000;
const SIGNED =
  "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00";
const text = (bytes) => new TextDecoder().decode(bytes);

function equal(found, expected, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`);
}

/** What a promise that must fail fails with. */
async function failure(promise, what) {
  const answer = await promise.then((answer) => ({ answer }), (error) => ({ error }));
  if (!answer.error) throw new Error(`${what} was answered`);
  return answer.error;
}

async function records(kinesis) {
  const StreamName = "pages";
  await kinesis.createStream({ StreamName, ShardCount: 1 });
  const clicks = Array.from({ length: 20 }, (_, number) => `click ${number}`);
  for (const click of clicks.slice(0, 10)) {
    await kinesis.putRecord({ StreamName, PartitionKey: "page", Data: new TextEncoder().encode(click) });
  }
  const Records = clicks.slice(10).map((click) => ({ PartitionKey: "page", Data: new TextEncoder().encode(click) }));
  equal((await kinesis.putRecords({ StreamName, Records })).FailedRecordCount, 0, "records that were refused");
  const { Shards: [{ ShardId }] } = await kinesis.listShards({ StreamName });
  const { ShardIterator } = await kinesis.getShardIterator({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" });
  const told = await kinesis.getRecords({ ShardIterator });
  equal(told.Records.map((record) => text(record.Data)), clicks, "what was read");
  return { StreamName, ShardId, clicks };
}

async function pushed(kinesis, { StreamName, ShardId, clicks }) {
  const { StreamDescriptionSummary: { StreamARN } } = await kinesis.describeStreamSummary({ StreamName });
  const { Consumer: { ConsumerARN } } = await kinesis.registerStreamConsumer({ StreamARN, ConsumerName: "page" });
  const { EventStream } = await kinesis.subscribeToShard({
    ConsumerARN, ShardId, StartingPosition: { Type: "TRIM_HORIZON" },
  });
  const found = [];
  for await (const { SubscribeToShardEvent: { Records } } of EventStream) {
    found.push(...Records.map((record) => text(record.Data)));
    if (found.length >= clicks.length) break;
  }
  equal(found, clicks, "what was pushed");
}

async function refused(kinesis) {
  const error = await failure(kinesis.describeStream({ StreamName: "other" }), "a stream that is not there");
  const told = [error.name, error.message, error.$metadata.httpStatusCode];
  equal(told, ["ResourceNotFoundException", "Stream other under account 000000000000 not found.", 400], "the refusal");
  equal(/^[0-9a-f-]{36}$/.test(error.$metadata.requestId), true, "the request id of a refusal is there for the page");
}

/** Without the SDK: headers that need a preflight, and what a page may see of the answer. */
async function plain(endpoint) {
  const ask = (more) =>
    fetch(endpoint, {
      method: "POST", body: "{}", ...more,
      headers: {
        "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.ListStreams",
        "x-amz-date": "20260101T000000Z", authorization: SIGNED,
      },
    });
  const answer = await ask({});
  equal((await answer.json()).StreamNames.includes("pages"), true, "its stream is listed");
  equal(answer.type, "cors", "the answer is of another origin");
  for (const name of ["x-amzn-requestid", "x-amz-id-2", "date"]) {
    if (!answer.headers.get(name)) throw new Error(`the header ${name} is hidden from the page`);
  }
  equal(answer.headers.get("access-control-allow-origin"), null, "a header that is not exposed");
  const simple = await fetch(endpoint);
  equal([simple.status, (await simple.text()).includes("Missing Authentication Token")], [403, true], "a plain GET");
  // A star allows no cookies: that this fails shows that the browser keeps the rules.
  equal((await failure(ask({ credentials: "include" }), "a request with cookies")).name, "TypeError", "with cookies");
}

async function main(endpoint) {
  if (new URL(endpoint).origin === location.origin) throw new Error("the page is of the same origin");
  const kinesis = new Kinesis({
    region: "us-east-1", endpoint, maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const put = await records(kinesis);
  await pushed(kinesis, put);
  await refused(kinesis);
  await plain(endpoint);
  return `${navigator.userAgent.split(" ").find((word) => word.includes("Chrome"))}: ${put.clicks.length} records put, polled and pushed`;
}

const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`not within ${PATIENCE} ms`)), PATIENCE));
Promise.race([main(new URLSearchParams(location.search).get("endpoint")), late])
  .then((told) => ({ told }), (error) => ({ error: `${error.stack ?? error}` }))
  .then((outcome) => fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) }));
