"""What the model of the Kinesis API documents of errors: which operation may answer which, what was seen of
that, and why the rest is never answered here. Needs the Python package boto3.
"""

import re

import rig
from botocore.exceptions import ClientError
from rig import equal

UNDER = "under account 000000000000"
GONE = f"Stream nowhere {UNDER} not found."
RECORD = {"PartitionKey": "a", "Data": b"x"}
SHARD = "shardId-000000000000"
POLICY = '{"Statement": []}'
KMS = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
METRICS = {"ShardLevelMetrics": ["ALL"]}
PROVISIONED, ON_DEMAND = {"StreamMode": "PROVISIONED"}, {"StreamMode": "ON_DEMAND"}
COMMITMENT = {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}}

MISSING, INVALID, IN_USE = "ResourceNotFoundException", "InvalidArgumentException", "ResourceInUseException"
LIMIT, FORM, DRY = "LimitExceededException", "ValidationException", "DryRunOperationException"

# Documented errors that nothing here provokes, by why that is so.
NO_POLICY, NO_KEYS, NO_FAULT = "nobody is refused by a policy", "there are no keys", "only a fault of ours is one"
NO_RATE = "AWS tells no rate of calls, or one that is beyond this test, and nothing else is limited"
ANY_STATE = "can be done whatever the stream's state"
NO_SENSE = "its model refuses before what makes no sense"
NOT_LIMITED = {
    "DeleteResourcePolicy",
    "DescribeAccountSettings",
    "GetResourcePolicy",
    "ListShards",
    "ListTagsForResource",
    "PutResourcePolicy",
    "StartStreamEncryption",
    "StopStreamEncryption",
    "SubscribeToShard",
    "TagResource",
    "UntagResource",
    "UpdateAccountSettings",
    "UpdateMaxRecordSize",
    "UpdateStreamRecordDistributionStrategy",
}
IN_ANY_STATE = {
    "AddTagsToStream",
    "DeleteResourcePolicy",
    "GetResourcePolicy",
    "ListStreamConsumers",
    "ListTagsForResource",
    "PutResourcePolicy",
    "RemoveTagsFromStream",
    "TagResource",
    "UntagResource",
}
PLAIN = {"DeleteResourcePolicy", "GetResourcePolicy", "ListTagsForResource", "UntagResource", "UpdateAccountSettings"}


class Table:
    """Calls that are to be refused; remembers which error of which operation was seen."""

    def __init__(self, service):
        self.service, self.seen = service, set()
        self.methods = {operation: name for name, operation in service.client.meta.method_to_api_mapping.items()}

    def call(self, operation, request):
        return getattr(self.service, self.methods[operation])(**request)

    def refused(self, operation, code, message, **request):
        """`message` is the whole text, or a compiled pattern of it."""
        try:
            answer = self.call(operation, request)
        except ClientError as error:
            return self.compare(operation, code, message, request, error.response["Error"])
        raise rig.Lost(f"{operation} {request} was answered {answer}, not refused with {code}")

    def compare(self, operation, code, message, request, told):
        equal(told["Code"], code, f"{operation} {request}: {told['Message']}")
        is_told = re.fullmatch(message, told["Message"]) if hasattr(message, "pattern") else told["Message"] == message
        if not is_told:
            raise rig.Lost(f"{operation} {request}: {told['Message']!r}, not {message!r}")
        self.seen.add((operation, code))

    def until_refused(self, operation, code, message, **request):
        """Calls until the limit of a second is used up, however slow this machine is."""
        for _ in range(200):
            try:
                self.call(operation, request)
            except ClientError as error:
                return self.compare(operation, code, message, request, error.response["Error"])
        raise rig.Lost(f"{operation} is never refused with {code}")


def why_not(operation, code):
    """Why an operation's documented error cannot be provoked, if so."""
    if code.startswith("KMS"):
        return NO_KEYS
    by_code = {"AccessDeniedException": NO_POLICY, "InternalFailureException": NO_FAULT}
    if code == LIMIT and operation in NOT_LIMITED:
        return NO_RATE
    if code == IN_USE and operation in IN_ANY_STATE:
        return ANY_STATE
    if code == INVALID and operation in PLAIN:
        return NO_SENSE
    if (operation, code) == ("GetShardIterator", "ProvisionedThroughputExceededException"):
        return "iterators cost nothing"
    return by_code.get(code)


def left(table):
    """Documented errors that were neither provoked nor explained."""
    model = table.service.client.meta.service_model
    names = [name for name in model.operation_names if "Queue" not in name and "Channel" not in name]
    documented = {(name, error.name) for name in names for error in model.operation_model(name).error_shapes}
    return (
        sorted(pair for pair in documented - table.seen if not why_not(*pair)),
        len(documented),
        len(documented & table.seen),
    )
