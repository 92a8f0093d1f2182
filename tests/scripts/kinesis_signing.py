#!/usr/bin/env python3
"""Signature Version 4 by Amazon's own signers, on a daemon that has keys: who signs well is served, and who does
not is told what AWS tells, over JSON and CBOR. Needs the Python packages boto3, awscli and cbor2, and a C compiler
for clocks that differ.
"""

import hashlib
import http.client
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import boto3
import kinesis_cbor
import rig
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from kinesis_conformance import clock_ahead
from rig import equal

KEY, SECRET = "KEYOFTHELAB", "the secret of the lab".replace(" ", "/")
# A key of twelve digits is an account of its own.
ACCOUNT, OTHER_SECRET = "123456789012", "another+secret="
WRONG = (
    "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.",
)
UNKNOWN = "UnrecognizedClientException", "The security token included in the request is invalid."
TIME = r"\d{8}T\d{6}Z"
LATE = rf"Signature expired: {TIME} is now earlier than {TIME} \({TIME} - 5 min.\)"
EARLY = rf"Signature not yet current: {TIME} is still later than {TIME} \({TIME} \+ 5 min.\)"


def client(endpoint, protocol, key=KEY, secret=SECRET, token=None, **options):
    config = Config(retries={"max_attempts": 1}, **options)
    made = boto3.client(
        "kinesis", endpoint_url=endpoint, region_name="us-east-1", config=config,
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
    )
    return kinesis_cbor.speak_cbor(made) if protocol == "cbor" else made


def refusal(call, **request):
    try:
        call(**request)
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 400, "the status of a refusal")
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "nothing", "is refused"


def keys(endpoint, protocol):
    """Right, wrong and no keys; accounts."""
    own = client(endpoint, protocol)
    own.create_stream(StreamName=f"signed-{protocol}", ShardCount=1)
    own.put_record(StreamName=f"signed-{protocol}", PartitionKey="k" * 256, Data=bytes(range(256)))
    equal(f"signed-{protocol}" in client(endpoint, protocol, token="of a role").list_streams()["StreamNames"], True, "streams")
    equal(refusal(client(endpoint, protocol, secret="some other secret".replace(" ", "-")).list_streams), WRONG, "a wrong secret")
    equal(refusal(client(endpoint, protocol, key="SOMEBODY").list_streams), UNKNOWN, "an unknown key")
    unsigned = refusal(client(endpoint, protocol, signature_version=UNSIGNED).list_streams)
    equal(unsigned, ("MissingAuthenticationTokenException", "Missing Authentication Token"), "no signature")
    other = client(endpoint, protocol, ACCOUNT, OTHER_SECRET)
    equal(other.list_streams()["StreamNames"], [], "streams of another account")
    other.create_stream(StreamName="theirs", ShardCount=1)
    arn = other.describe_stream_summary(StreamName="theirs")["StreamDescriptionSummary"]["StreamARN"]
    equal(arn, f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/theirs", "its name")
    other.delete_stream(StreamName="theirs")


class Presigner(SigV4QueryAuth):
    """Signs in the query for a body that is sent later; botocore itself would put the body into the query."""

    def __init__(self, credentials, body):
        super().__init__(credentials, "kinesis", "us-east-1", expires=60)
        self.digest = hashlib.sha256(body).hexdigest()

    def payload(self, request):
        return self.digest


def signed(endpoint, protocol, signer, payload, **change):
    """Sends what a signer made of a request; `change` is done afterwards."""
    headers = {"Content-Type": kinesis_cbor.KINDS[protocol], "X-Amz-Target": f"{kinesis_cbor.TARGET}.ListStreams"}
    data = None if isinstance(signer, Presigner) else payload
    request = AWSRequest("POST", endpoint + "/", data=data, headers=headers)
    signer.add_auth(request)
    place = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(place.netloc, timeout=rig.PATIENCE)
    try:
        path = f"{place.path}?{place.query}" if place.query else place.path
        connection.request("POST", path, change.get("body", payload), {**dict(request.headers), **change.get("headers", {})})
        answer = connection.getresponse()
        text = answer.read()
        told = kinesis_cbor.Hand(endpoint, protocol).read(text)
        return answer.status, told.get("__type"), told.get("message")
    finally:
        connection.close()


def changes(endpoint, protocol):
    """Requests signed in a header or in the query, and what is changed after that."""
    credentials = Credentials(KEY, SECRET)
    body, other = (b'{"Limit":10}', b'{"Limit":11}') if protocol == "json" else (b"\xa1eLimit\x0a", b"\xa1eLimit\x0b")
    wrong = (400, *WRONG)
    header = SigV4Auth(credentials, "kinesis", "us-east-1")
    for name, signer in (("header", header), ("query", Presigner(credentials, body))):
        equal(signed(endpoint, protocol, signer, body), (200, None, None), f"signed in the {name}")
        equal(signed(endpoint, protocol, signer, body, body=other), wrong, f"another body, signed in the {name}")
        target = {"X-Amz-Target": f"{kinesis_cbor.TARGET}.DescribeLimits"}
        equal(signed(endpoint, protocol, signer, body, headers=target), wrong, f"another operation, signed in the {name}")
        status, code, message = signed(endpoint, protocol, signer, body, headers={"X-Amz-Other": "1"})
        equal((status, code), (400, "InvalidSignatureException"), f"a header that was not signed: {message}")
    service = SigV4Auth(credentials, "dynamodb", "us-east-1")
    told = 400, "InvalidSignatureException", "Credential should be scoped to correct service: 'kinesis'. "
    equal(signed(endpoint, protocol, service, body), told, "signed for another service")


def clocks(binary, work, protocol, environment):
    """A clock may differ by five minutes."""
    for seconds, message in ((270, None), (-270, None), (330, LATE), (-330, EARLY)):
        daemon = rig.Daemon(
            binary, work, work / "data", rig.AWS_TOPOLOGY, {**environment, **clock_ahead(work, seconds)},
        )
        code, told = refusal(client(rig.aws_endpoint(daemon), protocol).list_streams)
        if message is None:
            equal(code, "nothing", f"a clock that is {seconds} s ahead: {told}")
        elif code != "InvalidSignatureException" or not re.fullmatch(message, told):
            raise rig.Lost(f"a clock that is {seconds} s ahead: {code} {told}")
        daemon.kill()


def command(endpoint, secret):
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    program = [Path(sys.executable).parent / "aws", "kinesis", "list-streams", "--output", "text"]
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=rig.PATIENCE)


def main():
    options = rig.arguments(__doc__).parse_args()
    rig.need_tools("cc")
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "signing")
    environment = {"CAUDAL__AWS__CREDENTIALS": f"{KEY}:{SECRET},{ACCOUNT}:{OTHER_SECRET}"}
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY, environment)
    endpoint = rig.aws_endpoint(daemon)
    for protocol in kinesis_cbor.KINDS:
        keys(endpoint, protocol)
        changes(endpoint, protocol)
    good, bad = command(endpoint, SECRET), command(endpoint, "not-the-secret")
    equal((good.returncode, "signed-json" in good.stdout), (0, True), f"the command line: {good.stderr}")
    equal((bad.returncode != 0, WRONG[1] in bad.stderr), (True, True), f"the command line with a wrong secret: {bad.stderr}")
    if SECRET in daemon.log.read_text() or SECRET in str(daemon.get("/health")):
        raise rig.Lost("a secret is shown")
    daemon.kill()
    clocks(binary, work, "json", environment)
    print("signatures in headers and queries, by the SDK and the command line; clocks 5 minutes apart", flush=True)


if __name__ == "__main__":
    rig.run(main)
