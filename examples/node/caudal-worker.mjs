/**
 * Workers of Caudal in Node.js: one function for each message, the rest is here.
 *
 *     import { Filtered, Hopeless, Retry, run } from "./caudal-worker.mjs";
 *
 *     run(async (message) => ({ trip: message.data.trip, long: message.data.seconds > 3600 }));
 *
 * What the function returns (or resolves to) is sent on: a value is one result, an array is as many
 * results as it has items, undefined and null are none. `throw new Filtered()` leaves the message out,
 * `throw new Retry("busy", 2.5)` has it tried again, `throw new Hopeless("no such user")` sends it to the
 * dead-letter queue; any other error is a failed attempt with the error as its reason. Messages may
 * come more than once.
 *
 * Print and log as you like: stdout becomes stderr, which Caudal logs. Needs Node.js 18 and nothing
 * else; copy the file beside your program. The protocol is in PROTOCOL.md.
 */

import { Console } from "node:console";

/** The message is left out on purpose. */
export class Filtered extends Error {}

/** The message can never be processed. */
export class Hopeless extends Error {}

/** Another attempt may help, after so many seconds if given. */
export class Retry extends Error {
  constructor(reason, after) {
    super(reason);
    this.after = after;
  }
}

const HEARTBEAT = '{"heartbeat":true}\n';

/** Takes stdout for the protocol; whatever else prints to it prints to stderr from now on. */
function takeStdout() {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  globalThis.console = new Console(process.stderr, process.stderr);
  return write;
}

/** The lines of stdin. Only a line feed ends one: JSON may hold any other separator of lines. */
async function* lines(input) {
  input.setEncoding("utf8");
  let rest = [];
  for await (const chunk of input) {
    const parts = chunk.split("\n");
    for (const part of parts.slice(0, -1)) {
      yield rest.join("") + part;
      rest = [];
    }
    rest.push(parts[parts.length - 1]);
  }
}

function answerTo(error, message) {
  // Half of a surrogate pair is no text for others.
  const reason = Buffer.from(String(error?.message ?? error)).toString();
  if (error instanceof Filtered) return { id: message.id, status: "filtered" };
  if (error instanceof Hopeless) return { id: message.id, status: "hopeless", reason };
  if (error instanceof Retry) {
    const after = error.after === undefined ? {} : { retry_after: error.after };
    return { id: message.id, status: "failed", reason, ...after };
  }
  console.error(`message ${message.id}, attempt ${message.attempt}:`, error);
  return { id: message.id, status: "failed", reason: `${error?.name ?? "Error"}: ${reason}` };
}

async function judge(handle, message) {
  try {
    const made = await handle(message);
    const results = made === undefined || made === null ? [] : Array.isArray(made) ? made : [made];
    if (results.some((result) => JSON.stringify(result) === undefined)) {
      throw new TypeError("a result is not JSON");
    }
    return JSON.stringify({ id: message.id, status: "done", results });
  } catch (error) {
    return JSON.stringify(answerTo(error, message));
  }
}

/**
 * Works until Caudal asks for an end.
 *
 * `concurrency` messages of a batch are worked on at once. `longest` is the most seconds that one message
 * may take: up to then heartbeats keep the program alive (and the message its own) while the function
 * waits for something; one that computes must call `message.beat()` itself. Without it the function
 * must not take longer than the topology's `run.time`.
 */
export async function run(handle, { concurrency = 1, longest } = {}) {
  const write = takeStdout();
  const working = new Set();
  let stopping = false;
  process.on("SIGTERM", () => {
    stopping = true;
    if (working.size === 0) process.exit(0);
  });
  if (longest) {
    const every = (Number(process.env.CAUDAL_TIME ?? 30) * 1000) / 3;
    const inTime = (begun) => performance.now() - begun.at < longest * 1000;
    // One that takes too long must not hide behind the others.
    setInterval(() => working.size > 0 && [...working].every(inTime) && write(HEARTBEAT), every).unref();
  }

  let gathered = "";
  const flush = () => {
    if (gathered) write(gathered);
    gathered = "";
  };
  const work = async (fields) => {
    const begun = { at: performance.now() };
    working.add(begun);
    gathered += `${await judge(handle, { ...fields, beat: () => write(HEARTBEAT) })}\n`;
    working.delete(begun);
    // Quick answers go together, slow ones at once.
    if (performance.now() - begun.at > 1) flush();
  };

  write('{"ready":true,"protocol":1}\n');
  for await (const line of lines(process.stdin)) {
    const waiting = JSON.parse(line).messages[Symbol.iterator]();
    const workOn = async () => {
      for (const fields of waiting) {
        if (stopping) return;
        await work(fields);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, workOn));
    flush();
    if (stopping) process.exit(0);
  }
}
