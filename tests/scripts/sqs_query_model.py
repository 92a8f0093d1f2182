"""boto3 as it was before queues spoke JSON: its model of the service with the names that Query gives to lists and
maps, which later versions leave out. What it sends and reads is botocore's own work."""

import copy

import boto3
import botocore.session

LISTS = {
    "BinaryList": "BinaryListValue",
    "StringList": "StringListValue",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
}
MEMBERS = {
    "Attributes": "Attribute",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Tags": "Tag",
    "tags": "Tag",
}


def in_query(model):
    model = copy.deepcopy(model)
    about = model["metadata"]
    about.update(protocol="query", protocols=["query"], xmlNamespace="http://queue.amazonaws.com/doc/2012-11-05/")
    for of_json in ("awsQueryCompatible", "jsonVersion", "targetPrefix"):
        about.pop(of_json, None)
    for name, shape in model["shapes"].items():
        if shape["type"] == "list":
            shape["member"]["locationName"] = LISTS.get(name, name.removesuffix("List"))
        elif shape["type"] == "map":
            shape["key"]["locationName"] = "Key" if name == "TagMap" else "Name"
            shape["value"]["locationName"] = "Value"
        elif shape["type"] == "structure":
            for member, called in MEMBERS.items():
                if member in shape["members"]:
                    shape["members"][member]["locationName"] = called
    for name, operation in model["operations"].items():
        if "output" in operation:
            operation["output"]["resultWrapper"] = f"{name}Result"
    return model


def session():
    """A session of boto3 whose clients of queues speak Query."""
    made = botocore.session.get_session()
    loader = made.get_component("data_loader")
    load = loader.load_service_model

    def loaded(service, kind, api_version=None):
        model = load(service, kind, api_version)
        return in_query(model) if (service, kind) == ("sqs", "service-2") else model

    loader.load_service_model = loaded
    return boto3.Session(botocore_session=made)
