#!/usr/bin/env python3
"""Conformance of the Kinesis API with boto3, over JSON or over CBOR: every error that the model documents,
and the rules and limits in which servers other than Amazon's differ. Needs the Python packages boto3 and
cbor2, and a C compiler to see what takes five minutes to expire.
"""

import subprocess

import boto3
import kinesis_boto3
import kinesis_cbor
import kinesis_documented
import kinesis_limits
import kinesis_refusals
import kinesis_rules
import kinesis_subscriptions
import rig
from botocore.config import Config

# A clock that is ahead by CAUDAL_CLOCK_AHEAD seconds.
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, now);
    const char *ahead = getenv("CAUDAL_CLOCK_AHEAD");
    if (!failed && ahead && which == CLOCK_REALTIME) now->tv_sec += atol(ahead);
    return failed;
}
"""


def clock_ahead(work, seconds):
    """The environment of a daemon whose clock is ahead."""
    (work / "clock.c").write_text(CLOCK)
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(work / "clock.so"), str(work / "clock.c"), "-ldl"]
    subprocess.run(command, check=True, timeout=rig.PATIENCE)
    return {"LD_PRELOAD": str(work / "clock.so"), "CAUDAL_CLOCK_AHEAD": str(seconds)}


class Unchecked(kinesis_boto3.Service):
    """boto3's client, which sends what its model does not allow, too."""

    def __init__(self, endpoint, protocol):
        super().__init__(endpoint, protocol=protocol)
        config = Config(retries={"max_attempts": 1}, read_timeout=30, parameter_validation=False)
        self.client = boto3.client(
            "kinesis",
            endpoint_url=endpoint,
            region_name="us-east-1",
            config=config,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        # The SDK's rules send what has a StreamId to a host of Amazon's, whatever the endpoint is.
        self.client.meta.events.register("before-sign.kinesis", lambda request, **_: setattr(request, "url", endpoint))
        if protocol == "cbor":
            kinesis_cbor.speak_cbor(self.client)


def start(binary, work, name, environment=None):
    folder = work / name
    folder.mkdir(exist_ok=True)
    daemon = rig.Daemon(binary, folder, folder / "data", rig.AWS_TOPOLOGY, environment)
    return daemon, rig.aws_endpoint(daemon)


def refusals(binary, work, protocol):
    """Every documented error, on daemons: as it comes, slow, with small limits, with limits of calls, late."""
    daemon, endpoint = start(binary, work, "plain")
    table = kinesis_documented.Table(Unchecked(endpoint, protocol))
    tokens = kinesis_refusals.all_on_one(table)
    kinesis_limits.rates(table)
    daemon.kill()
    for name, check, settings in (
        ("slow", kinesis_limits.states, kinesis_limits.SLOW),
        ("narrow", kinesis_limits.limits, kinesis_limits.NARROW),
    ):
        daemon, endpoint = start(binary, work, name, settings)
        table.service = Unchecked(endpoint, protocol)
        check(table)
        daemon.kill()
    daemon, endpoint = start(binary, work, "counted", kinesis_limits.COUNTED)
    kinesis_limits.calls(table, kinesis_cbor.Hand(endpoint, protocol))
    daemon.kill()
    daemon, endpoint = start(binary, work, "plain", clock_ahead(work, 301))
    table.service = Unchecked(endpoint, protocol)
    kinesis_limits.expired(table, tokens)
    daemon.kill()
    return kinesis_documented.left(table)


def rules(binary, work, protocol):
    daemon, endpoint = start(binary, work, "rules")
    service = Unchecked(endpoint, protocol)
    asked = kinesis_rules.every(service, endpoint)
    kinesis_subscriptions.every(service)
    daemon.stop()
    return asked


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--over", choices=kinesis_cbor.KINDS, default="json", help="the protocol")
    options = parser.parse_args()
    rig.need_tools("cc")
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "conformance")
    asked = rules(binary, work, options.over)
    left, documented, provoked = refusals(binary, work, options.over)
    if left:
        raise rig.Lost(f"documented, and neither provoked nor explained: {left}")
    print(
        f"over {options.over}: {provoked} of {documented} documented errors provoked, the others cannot be; "
        f"{asked} values of wrong types refused", flush=True,
    )


if __name__ == "__main__":
    rig.run(main)
