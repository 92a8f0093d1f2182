"""Kinesis over CBOR, `application/x-amz-cbor-1.1`, as Amazon's Java SDK speaks it: botocore's client with
another encoding of bodies and events, and requests of any shape signed by hand. botocore itself speaks
only JSON to Kinesis. Needs the Python packages botocore and cbor2.
"""

import datetime
import http.client
import json
import urllib.parse

import cbor2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import EventStreamJSONParser, JSONParser
from botocore.serialize import JSONSerializer

KINDS = {"json": "application/x-amz-json-1.1", "cbor": "application/x-amz-cbor-1.1"}
TARGET = "Kinesis_20131202"
# The tag of a time; Amazon puts whole milliseconds behind it where the standard has seconds.
TIME = 1


class Milliseconds(int):
    """A time in an answer, since 1970."""


def written(value):
    """CBOR of lists, maps, bytes, texts, numbers and times."""
    return cbor2.dumps(value)


def time_of(moment):
    return cbor2.CBORTag(TIME, round(moment.timestamp() * 1000))


def read(body):
    """What CBOR says; times are milliseconds since 1970."""
    if not body:
        return {}
    # cbor2 would take them for seconds.
    return cbor2.loads(body, semantic_decoders={TIME: lambda value, _immutable: Milliseconds(value)})


class Serializer(JSONSerializer):
    """botocore's request with a body in CBOR."""

    def serialize_to_request(self, parameters, operation_model):
        body = self.MAP_TYPE()
        if operation_model.input_shape is not None:
            self._serialize(body, parameters, operation_model.input_shape)
        # All but the body and its type is as in JSON.
        request = super().serialize_to_request({}, operation_model)
        request["headers"]["Content-Type"] = KINDS["cbor"]
        request["body"] = written(dict(body))
        return request

    def _serialize_type_blob(self, serialized, value, shape, key):
        serialized[key] = value.encode() if isinstance(value, str) else bytes(value)

    def _serialize_type_timestamp(self, serialized, value, shape, key):
        serialized[key] = time_of(value)


def blob(value):
    if not isinstance(value, bytes):
        raise TypeError(f"a blob came as {value!r}")
    return value


def moment(value):
    if not isinstance(value, Milliseconds):
        raise TypeError(f"a time came as {value!r}")
    return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)


class EventParser(EventStreamJSONParser):
    def _initial_body_parse(self, body_contents):
        return read(body_contents)


class Parser(JSONParser):
    """botocore's answers from bodies in CBOR."""

    EVENT_STREAM_PARSER_CLS = EventParser

    def __init__(self):
        super().__init__(timestamp_parser=moment, blob_parser=blob)

    def _parse_body_as_json(self, body_contents):
        return read(body_contents)


class Parsers:
    def create_parser(self, _protocol):
        return Parser()


def speak_cbor(client):
    """Makes a client of botocore speak CBOR; its operations, checks, signatures and errors stay."""
    client._serializer = Serializer()
    client._endpoint._response_parser_factory = Parsers()
    return client


class Hand:
    """Requests that no SDK would send, signed as all are: the status, the headers and the read body."""

    def __init__(self, endpoint, protocol, region="us-east-1"):
        self.endpoint, self.protocol, self.region = endpoint, protocol, region
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)

    def post(self, operation, body, kind=None):
        """`body` is bytes as they are, or what is to be written."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() if self.protocol == "json" else written(body)
        headers = {"Content-Type": kind or KINDS[self.protocol], "X-Amz-Target": f"{TARGET}.{operation}"}
        request = AWSRequest("POST", self.endpoint + "/", data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "kinesis", self.region).add_auth(request)
        self.connection.request("POST", "/", body, dict(request.headers))
        answer = self.connection.getresponse()
        return answer.status, answer.headers, self.read(answer.read())

    def read(self, text):
        if self.protocol == "cbor":
            return read(text)
        return json.loads(text) if text else {}
