"use strict";
// The SDK for JavaScript over `fetch`, as a page of another origin uses it: whatever a browser would refuse
// by the rules of CORS is refused here too.

const { Kinesis } = require("@aws-sdk/client-kinesis");
const { FetchHttpHandler, streamCollector } = require("@smithy/fetch-http-handler");
const { assert, Calls, run, within } = require("./checks");

const ORIGIN = "https://lab.example";
/** Not told of by a page (Fetch, 2.2.2). */
const FORBIDDEN = new Set(["host", "content-length", "origin", "connection", "expect", "user-agent"]);
const SAFE = new Set(["accept", "accept-language", "content-language"]);
/** What a page sees of an answer without being allowed to. */
const PLAIN = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];
const underneath = globalThis.fetch;
const told = { preflights: 0, requests: 0 };
/** What was allowed, until when, by endpoint. */
const allowed = new Map();

const words = (text) => (text ?? "").split(",").map((word) => word.trim().toLowerCase()).filter(Boolean);

function mayBeRead(response) {
  const origin = response.headers.get("access-control-allow-origin");
  assert.ok(origin === "*" || origin === ORIGIN, `a page of ${ORIGIN} may not read an answer for ${origin}`);
}

/** Asks first; gives the names of headers that may be sent. */
async function preflight(request, names) {
  const known = allowed.get(request.url);
  if (known && known.until > Date.now() && names.every((name) => known.names.has(name))) return;
  told.preflights += 1;
  const response = await underneath(request.url, {
    method: "OPTIONS",
    headers: {
      origin: ORIGIN,
      "access-control-request-method": request.method,
      "access-control-request-headers": names.join(","),
    },
  });
  assert.ok(response.ok, `the preflight was answered ${response.status}`);
  mayBeRead(response);
  const methods = words(response.headers.get("access-control-allow-methods"));
  assert.ok(methods.includes(request.method.toLowerCase()) || request.method === "POST", `${methods}`);
  const allow = new Set(words(response.headers.get("access-control-allow-headers")));
  // A star would not stand for `authorization`.
  for (const name of names) assert.ok(allow.has(name), `the header ${name} is not allowed`);
  const age = Number(response.headers.get("access-control-max-age"));
  assert.ok(age > 0, "the answer may be remembered");
  allowed.set(request.url, { names: allow, until: Date.now() + age * 1000 });
}

/** `fetch` of a page: what it may not send is asked for, what it may not see is hidden. */
async function fetchAsBrowser(given, options) {
  const request = new Request(given, options);
  const headers = [...request.headers].filter(([name]) => !FORBIDDEN.has(name));
  const asked = headers.map(([name]) => name).filter((name) => !SAFE.has(name)).sort();
  if (asked.length) await preflight(request, asked);
  told.requests += 1;
  const body = ["GET", "HEAD"].includes(request.method) ? undefined : await request.arrayBuffer();
  const response = await underneath(request.url, {
    method: request.method, body, headers: [...headers, ["origin", ORIGIN]], signal: request.signal,
  });
  mayBeRead(response);
  const exposed = new Set([...words(response.headers.get("access-control-expose-headers")), ...PLAIN]);
  const seen = [...response.headers].filter(([name]) => exposed.has(name));
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers: seen });
}

async function pushed(kinesis, calls, arn) {
  const { Consumer: { ConsumerARN } } = await calls.call("registerStreamConsumer", { StreamARN: arn, ConsumerName: "page" });
  const { EventStream } = await calls.call("subscribeToShard", {
    ConsumerARN, ShardId: "shardId-000000000000", StartingPosition: { Type: "TRIM_HORIZON" },
  });
  const events = EventStream[Symbol.asyncIterator]();
  const found = [];
  while (found.length < 20) {
    const { value, done } = await within(events.next(), "an event");
    assert.ok(!done, "the subscription ended early");
    found.push(...value.SubscribeToShardEvent.Records.map((record) => Buffer.from(record.Data).toString()));
  }
  // The promise of a stream that is left may stay open: nobody waits for it.
  events.return?.();
  return found;
}

async function main(endpoint) {
  globalThis.fetch = fetchAsBrowser;
  const kinesis = new Kinesis({
    region: "us-east-1", endpoint, maxAttempts: 1, requestHandler: new FetchHttpHandler(), streamCollector,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const calls = new Calls(
    (name, request) => kinesis[name](request),
    (error) => [error.name, error.$metadata?.httpStatusCode, error.$metadata?.requestId],
  );
  await calls.call("createStream", { StreamName: "pages", ShardCount: 1 });
  const data = Array.from({ length: 20 }, (_, number) => `click ${number}`);
  for (const text of data) await calls.call("putRecord", { StreamName: "pages", PartitionKey: "page", Data: Buffer.from(text) });
  const [found] = await calls.readShard("pages", "shardId-000000000000");
  assert.deepEqual(found.map((record) => Buffer.from(record.Data).toString()), data);
  // Its name, its message and its request id are there for the page.
  await calls.refused(
    "ResourceNotFoundException", "Stream other under account 000000000000 not found.", "describeStream", { StreamName: "other" },
  );
  const { StreamDescriptionSummary: { StreamARN } } = await calls.call("describeStreamSummary", { StreamName: "pages" });
  assert.deepEqual(await pushed(kinesis, calls, StreamARN), data);
  assert.ok(told.preflights >= 1 && told.preflights < told.requests, "what was allowed is remembered");
  const plain = await fetchAsBrowser(endpoint);
  assert.deepEqual([plain.status, /Missing Authentication Token/.test(await plain.text())], [403, true]);
  return `${told.requests} requests of a page, ${told.preflights} preflights`;
}

run(main);
