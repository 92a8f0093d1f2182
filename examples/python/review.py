"""Reviews long rides, as topologies/process.toml wires it."""

import logging

from caudal_worker import Filtered, Hopeless, run

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def review(message):
    trip = message.data
    if not isinstance(trip, dict) or "travel_time" not in trip:
        raise Hopeless("the trip has no travel_time")
    seconds = trip["travel_time"]
    if seconds <= HOUR:
        raise Filtered()
    if seconds > DAY:
        verdict = "lost"
        logging.warning("bicycle of trip %s may be lost", trip["_id"]["$oid"])
    else:
        verdict = "call the user" if seconds > 4 * HOUR else "long"
    return {"trip_id": trip["_id"]["$oid"], "minutes": seconds // MINUTE, "verdict": verdict}


if __name__ == "__main__":
    run(review)
