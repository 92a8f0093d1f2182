"use strict";
// The digests that SQS tells, by Amazon's description: nothing of them comes from an SDK.

const { createHash } = require("node:crypto");

const of = (bytes) => createHash("md5").update(bytes).digest("hex");

function sized(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Names in order; each with its type and, after a byte that says which, its text or bytes. */
function ofAttributes(attributes) {
  const parts = Object.keys(attributes).sort().flatMap((name) => {
    const { DataType, StringValue, BinaryValue } = attributes[name];
    const isText = StringValue !== undefined;
    const value = Buffer.from(isText ? StringValue : BinaryValue);
    return [sized(Buffer.from(name)), sized(Buffer.from(DataType)), Buffer.from([isText ? 1 : 2]), sized(value)];
  });
  return of(Buffer.concat(parts));
}

module.exports = { of, ofAttributes };
