/** Reviews long rides, as topologies/process.toml does in Python: command = ["node", "examples/node/review.mjs"]. */

import { Filtered, Hopeless, run } from "./caudal-worker.mjs";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

run(({ data: trip }) => {
  if (typeof trip?.travel_time !== "number") throw new Hopeless("the trip has no travel_time");
  const seconds = trip.travel_time;
  if (seconds <= HOUR) throw new Filtered();
  if (seconds > DAY) console.warn("bicycle of trip %s may be lost", trip._id.$oid);
  const verdict = seconds > DAY ? "lost" : seconds > 4 * HOUR ? "call the user" : "long";
  return { trip_id: trip._id.$oid, minutes: Math.floor(seconds / MINUTE), verdict };
});
