"use strict";
// What both scripts stand on: refusals by name and message, shards read to their ends, time limits.

const assert = require("node:assert/strict");

const PATIENCE = 30_000;

/** What `promise` gives, or an error that says what did not come in time. */
async function within(promise, what, milliseconds = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A client by its calls: remembers which were made. */
class Calls {
  /** `send(name, request)` calls an operation; `told(error)` gives an error's [name, status, request id]. */
  constructor(send, told) {
    this.send = send;
    this.told = told;
    this.made = new Set();
  }

  call(name, request = {}) {
    this.made.add(name);
    return within(this.send(name, request), name);
  }

  /** The error of a call that must be refused. `message`: text or pattern. */
  async refused(code, message, name, request, expected = 400) {
    let answer;
    try {
      answer = await this.call(name, request);
    } catch (error) {
      const [refusal, status, id] = this.told(error);
      assert.equal(refusal, code, `${name}: ${error.message}`);
      assert.equal(status, expected, name);
      assert.match(id, /^[0-9a-f-]{36}$/, "its request id");
      (message instanceof RegExp ? assert.match : assert.equal)(error.message, message, name);
      return error;
    }
    assert.fail(`${name} was answered ${JSON.stringify(answer)}, not refused with ${code}`);
  }

  /** All records of a shard from a place on, and the last answer. */
  async readShard(stream, shard, place = { ShardIteratorType: "TRIM_HORIZON" }) {
    const told = await this.call("getShardIterator", { StreamName: stream, ShardId: shard, ...place });
    const records = [];
    for (let iterator = told.ShardIterator; ; ) {
      const answer = await this.call("getRecords", { ShardIterator: iterator, Limit: 400 });
      records.push(...answer.Records);
      iterator = answer.NextShardIterator;
      if (!iterator || answer.MillisBehindLatest === 0) return [records, answer];
    }
  }
}

/** Operations of the API that the daemon leaves for later. */
const isLater = (name) => /Channel|Queue/.test(name);

/** Runs a script's main with the endpoint that the command line names. */
function run(main) {
  main(process.argv[2]).then(
    (told) => {
      console.log(told);
      process.exit(0);
    },
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { assert, Calls, isLater, run, within };
