//! The operations of the API of 2012-11-05 and what their requests hold, as the service model declares
//! them: of no member more than its type. What a value may be is the operation's own, with its own words.

use crate::wire::{
    Operation,
    protocol::{Length, List, Map, Member, Range, Shape, Structure, Text},
};

/// All operations that are answered, by name.
pub static OPERATIONS: [Operation; 23] = [
    operation("AddPermission", &ADD_PERMISSION),
    operation("CancelMessageMoveTask", &CANCEL_MOVE),
    operation("ChangeMessageVisibility", &CHANGE_VISIBILITY),
    operation("ChangeMessageVisibilityBatch", &CHANGE_VISIBILITY_BATCH),
    operation("CreateQueue", &CREATE),
    operation("DeleteMessage", &DELETE_MESSAGE),
    operation("DeleteMessageBatch", &DELETE_BATCH),
    operation("DeleteQueue", &QUEUE_ONLY),
    operation("GetQueueAttributes", &GET_ATTRIBUTES),
    operation("GetQueueUrl", &GET_URL),
    operation("ListDeadLetterSourceQueues", &LIST_SOURCES),
    operation("ListMessageMoveTasks", &LIST_MOVES),
    operation("ListQueueTags", &QUEUE_ONLY),
    operation("ListQueues", &LIST),
    operation("PurgeQueue", &QUEUE_ONLY),
    operation("ReceiveMessage", &RECEIVE),
    operation("RemovePermission", &REMOVE_PERMISSION),
    operation("SendMessage", &SEND),
    operation("SendMessageBatch", &SEND_BATCH),
    operation("SetQueueAttributes", &SET_ATTRIBUTES),
    operation("StartMessageMoveTask", &START_MOVE),
    operation("TagQueue", &TAG),
    operation("UntagQueue", &UNTAG),
];

const fn operation(name: &'static str, input: &'static Structure) -> Operation {
    Operation { name, input }
}

const INTEGER: Shape = Shape::Integer(Range::ANY);
const QUEUE_URL: Member = Member::required("QueueUrl", Shape::TEXT);

static TEXTS: List = List { length: Length::ANY, member: Shape::TEXT };
static BLOBS: List = List { length: Length::ANY, member: Shape::Blob(Length::ANY) };
static TEXT_MAP: Map = Map { length: Length::ANY, key: Text::ANY, value: Shape::TEXT };
const NAMES: Shape = Shape::List(&TEXTS);
const TEXT_BY_NAME: Shape = Shape::Map(&TEXT_MAP);

static VALUE: Structure = Structure::new(
    "MessageAttributeValue",
    &[
        Member::optional("StringValue", Shape::TEXT),
        Member::optional("BinaryValue", Shape::Blob(Length::ANY)),
        Member::optional("StringListValues", NAMES).in_query("StringListValue", ""),
        Member::optional("BinaryListValues", Shape::List(&BLOBS)).in_query("BinaryListValue", ""),
        Member::optional("DataType", Shape::TEXT),
    ],
);
static VALUES: Map = Map { length: Length::ANY, key: Text::ANY, value: Shape::Structure(&VALUE) };
const MESSAGE_ATTRIBUTES: Member =
    Member::optional("MessageAttributes", Shape::Map(&VALUES)).in_query("MessageAttribute", "Name");
const SYSTEM_ATTRIBUTES: Member = Member::optional("MessageSystemAttributes", Shape::Map(&VALUES))
    .in_query("MessageSystemAttribute", "Name");
const ATTRIBUTES: Shape = TEXT_BY_NAME;

static QUEUE_ONLY: Structure = Structure::new("QueueRequest", &[QUEUE_URL]);

static CREATE: Structure = Structure::new(
    "CreateQueueRequest",
    &[
        Member::required("QueueName", Shape::TEXT),
        Member::optional("Attributes", ATTRIBUTES).in_query("Attribute", "Name"),
        Member::optional("tags", TEXT_BY_NAME).in_query("Tag", "Key"),
    ],
);

static GET_URL: Structure = Structure::new(
    "GetQueueUrlRequest",
    &[Member::required("QueueName", Shape::TEXT), Member::optional("QueueOwnerAWSAccountId", Shape::TEXT)],
);

static LIST: Structure = Structure::new(
    "ListQueuesRequest",
    &[
        Member::optional("QueueNamePrefix", Shape::TEXT),
        Member::optional("NextToken", Shape::TEXT),
        Member::optional("MaxResults", INTEGER),
    ],
);

static LIST_SOURCES: Structure = Structure::new(
    "ListDeadLetterSourceQueuesRequest",
    &[QUEUE_URL, Member::optional("NextToken", Shape::TEXT), Member::optional("MaxResults", INTEGER)],
);

static GET_ATTRIBUTES: Structure = Structure::new(
    "GetQueueAttributesRequest",
    &[QUEUE_URL, Member::optional("AttributeNames", NAMES).in_query("AttributeName", "")],
);

static SET_ATTRIBUTES: Structure = Structure::new(
    "SetQueueAttributesRequest",
    &[QUEUE_URL, Member::required("Attributes", ATTRIBUTES).in_query("Attribute", "Name")],
);

static TAG: Structure = Structure::new(
    "TagQueueRequest",
    &[QUEUE_URL, Member::required("Tags", TEXT_BY_NAME).in_query("Tag", "Key")],
);

static UNTAG: Structure = Structure::new(
    "UntagQueueRequest",
    &[QUEUE_URL, Member::required("TagKeys", NAMES).in_query("TagKey", "")],
);

static ADD_PERMISSION: Structure = Structure::new(
    "AddPermissionRequest",
    &[
        QUEUE_URL,
        Member::required("Label", Shape::TEXT),
        Member::required("AWSAccountIds", NAMES).in_query("AWSAccountId", ""),
        Member::required("Actions", NAMES).in_query("ActionName", ""),
    ],
);

static REMOVE_PERMISSION: Structure =
    Structure::new("RemovePermissionRequest", &[QUEUE_URL, Member::required("Label", Shape::TEXT)]);

static SEND: Structure = Structure::new(
    "SendMessageRequest",
    &[
        QUEUE_URL,
        Member::required("MessageBody", Shape::TEXT),
        Member::optional("DelaySeconds", INTEGER),
        MESSAGE_ATTRIBUTES,
        SYSTEM_ATTRIBUTES,
        Member::optional("MessageDeduplicationId", Shape::TEXT),
        Member::optional("MessageGroupId", Shape::TEXT),
    ],
);

static SEND_ENTRY: Structure = Structure::new(
    "SendMessageBatchRequestEntry",
    &[
        Member::required("Id", Shape::TEXT),
        Member::required("MessageBody", Shape::TEXT),
        Member::optional("DelaySeconds", INTEGER),
        MESSAGE_ATTRIBUTES,
        SYSTEM_ATTRIBUTES,
        Member::optional("MessageDeduplicationId", Shape::TEXT),
        Member::optional("MessageGroupId", Shape::TEXT),
    ],
);
static SEND_ENTRIES: List = List { length: Length::ANY, member: Shape::Structure(&SEND_ENTRY) };
static SEND_BATCH: Structure = Structure::new(
    "SendMessageBatchRequest",
    &[
        QUEUE_URL,
        Member::optional("Entries", Shape::List(&SEND_ENTRIES)).in_query("SendMessageBatchRequestEntry", ""),
    ],
);

static RECEIVE: Structure = Structure::new(
    "ReceiveMessageRequest",
    &[
        QUEUE_URL,
        Member::optional("AttributeNames", NAMES).in_query("AttributeName", ""),
        Member::optional("MessageSystemAttributeNames", NAMES).in_query("MessageSystemAttributeName", ""),
        Member::optional("MessageAttributeNames", NAMES).in_query("MessageAttributeName", ""),
        Member::optional("MaxNumberOfMessages", INTEGER),
        Member::optional("VisibilityTimeout", INTEGER),
        Member::optional("WaitTimeSeconds", INTEGER),
        Member::optional("ReceiveRequestAttemptId", Shape::TEXT),
    ],
);

static DELETE_MESSAGE: Structure =
    Structure::new("DeleteMessageRequest", &[QUEUE_URL, Member::required("ReceiptHandle", Shape::TEXT)]);

static DELETE_ENTRY: Structure = Structure::new(
    "DeleteMessageBatchRequestEntry",
    &[Member::required("Id", Shape::TEXT), Member::required("ReceiptHandle", Shape::TEXT)],
);
static DELETE_ENTRIES: List = List { length: Length::ANY, member: Shape::Structure(&DELETE_ENTRY) };
static DELETE_BATCH: Structure = Structure::new(
    "DeleteMessageBatchRequest",
    &[
        QUEUE_URL,
        Member::optional("Entries", Shape::List(&DELETE_ENTRIES))
            .in_query("DeleteMessageBatchRequestEntry", ""),
    ],
);

static CHANGE_VISIBILITY: Structure = Structure::new(
    "ChangeMessageVisibilityRequest",
    &[
        QUEUE_URL,
        Member::required("ReceiptHandle", Shape::TEXT),
        Member::required("VisibilityTimeout", INTEGER),
    ],
);

static CHANGE_ENTRY: Structure = Structure::new(
    "ChangeMessageVisibilityBatchRequestEntry",
    &[
        Member::required("Id", Shape::TEXT),
        Member::required("ReceiptHandle", Shape::TEXT),
        Member::optional("VisibilityTimeout", INTEGER),
    ],
);
static CHANGE_ENTRIES: List = List { length: Length::ANY, member: Shape::Structure(&CHANGE_ENTRY) };
static CHANGE_VISIBILITY_BATCH: Structure = Structure::new(
    "ChangeMessageVisibilityBatchRequest",
    &[
        QUEUE_URL,
        Member::optional("Entries", Shape::List(&CHANGE_ENTRIES))
            .in_query("ChangeMessageVisibilityBatchRequestEntry", ""),
    ],
);

static START_MOVE: Structure = Structure::new(
    "StartMessageMoveTaskRequest",
    &[
        Member::required("SourceArn", Shape::TEXT),
        Member::optional("DestinationArn", Shape::TEXT),
        Member::optional("MaxNumberOfMessagesPerSecond", INTEGER),
    ],
);

static LIST_MOVES: Structure = Structure::new(
    "ListMessageMoveTasksRequest",
    &[Member::required("SourceArn", Shape::TEXT), Member::optional("MaxResults", INTEGER)],
);

static CANCEL_MOVE: Structure =
    Structure::new("CancelMessageMoveTaskRequest", &[Member::required("TaskHandle", Shape::TEXT)]);
