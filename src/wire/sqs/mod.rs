//! Amazon Simple Queue Service: queues of the directory behind the API of 2012-11-05, in JSON 1.0 and Query.

mod address;
mod batches;
mod call_limits;
mod characters;
mod errors;
mod listing;
mod message_attributes;
mod message_id;
mod model;
mod moves;
mod order;
mod permissions;
mod queue_attributes;
mod queues;
mod receipt_handle;
mod receiving;
mod redrive_policy;
mod sending;
mod settings;
mod settling;
mod tags;
#[cfg(test)]
mod tests;

pub use model::OPERATIONS;
pub use settings::SqsSettings;

use call_limits::CallLimits;

use super::{
    Answer, Caller, Input, Reply, Service, ServiceError,
    protocol::{Query, QueryName},
    seal::Seal,
    secret::kept_seal,
};
use crate::{
    pipeline::queue::{
        directory::{QueueDirectory, QueueResource},
        moves::MessageMoves,
    },
    storage::CommitError,
};
use std::sync::Arc;
use tokio::sync::watch;

/// Where the secret of receipt handles and tokens is kept.
const SECRET: &str = "sqs-secret";

/// What is done with messages, many thousand times a second.
static BRIEF: [&str; 7] = [
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
];

static QUERY: Query =
    Query { namespace: "http://queue.amazonaws.com/doc/2012-11-05/", element, told: errors::told };

/// The service's state: everything but its secret and its tasks is in the directory.
#[derive(Debug)]
pub struct Sqs {
    directory: Arc<QueueDirectory>,
    moves: Arc<MessageMoves>,
    seal: Seal,
    settings: SqsSettings,
    calls: CallLimits,
}

impl Sqs {
    /// Opens the service; its secret is made once and kept, and tasks go on until `draining` is true.
    ///
    /// # Errors
    /// When a new secret cannot be stored.
    pub async fn open(
        directory: Arc<QueueDirectory>,
        settings: SqsSettings,
        draining: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, CommitError> {
        let seal = kept_seal(directory.store(), SECRET).await?;
        let moves = MessageMoves::open(Arc::clone(&directory), draining).await?;
        Ok(Arc::new(Self { directory, moves, seal, settings, calls: CallLimits::default() }))
    }

    /// The service as the endpoint knows it.
    pub fn service(self: &Arc<Self>) -> Service {
        let sqs = Arc::clone(self);
        let answer: Answer = Box::new(move |caller, operation, input| {
            let sqs = Arc::clone(&sqs);
            Box::pin(async move { sqs.answer(caller, operation, input).await })
        });
        Service {
            target: "AmazonSQS",
            signing_name: "sqs",
            operations: &model::OPERATIONS,
            query: Some(&QUERY),
            brief: &BRIEF,
            answer,
        }
    }

    async fn answer(
        &self,
        mut caller: Caller,
        operation: &'static str,
        input: Input,
    ) -> Result<Reply, ServiceError> {
        // A host name that tells a region is asked for what lies there.
        if let Some(region) = address::region_of(&caller.authority) {
            caller.region = region.to_owned();
        }
        let (caller, input) = (&caller, &input);
        match operation {
            "SendMessage" => sending::send(self, caller, input).await,
            "SendMessageBatch" => sending::send_batch(self, caller, input).await,
            "ReceiveMessage" => receiving::receive(self, caller, input).await,
            "DeleteMessage" => settling::delete(self, caller, input).await,
            "DeleteMessageBatch" => settling::delete_batch(self, caller, input).await,
            "ChangeMessageVisibility" => settling::change_visibility(self, caller, input).await,
            "ChangeMessageVisibilityBatch" => settling::change_visibility_batch(self, caller, input).await,
            "CreateQueue" => queues::create(self, caller, input).await,
            "DeleteQueue" => queues::delete(self, caller, input).await,
            "GetQueueUrl" => queues::get_url(self, caller, input),
            "GetQueueAttributes" => queues::get_attributes(self, caller, input),
            "SetQueueAttributes" => queues::set_attributes(self, caller, input).await,
            "ListQueues" => listing::list(self, caller, input),
            "ListDeadLetterSourceQueues" => listing::list_sources(self, caller, input),
            "PurgeQueue" => queues::purge(self, caller, input).await,
            "TagQueue" => tags::tag(self, caller, input).await,
            "UntagQueue" => tags::untag(self, caller, input).await,
            "ListQueueTags" => tags::list(self, caller, input),
            "AddPermission" => permissions::add(self, caller, input).await,
            "RemovePermission" => permissions::remove(self, caller, input).await,
            "StartMessageMoveTask" => moves::start(self, caller, input).await,
            "ListMessageMoveTasks" => moves::list(self, caller, input),
            "CancelMessageMoveTask" => moves::cancel(self, caller, input).await,
            _ => Err(ServiceError::bad_request("UnknownOperationException", "")),
        }
    }

    /// The queue that a request means.
    ///
    /// # Errors
    /// `InvalidAddress`, `QueueDoesNotExist`.
    fn meant(&self, caller: &Caller, input: &Input) -> Result<Arc<QueueResource>, ServiceError> {
        let identity = address::queue_of(input.text("QueueUrl").unwrap_or_default(), caller)?;
        self.directory.get(&identity).ok_or_else(errors::no_queue)
    }
}

/// What lists and maps of answers are called in Query.
fn element(operation: &str, member: &'static str) -> QueryName {
    let (name, key) = match (operation, member) {
        (_, "QueueUrls" | "queueUrls") => ("QueueUrl", ""),
        (_, "Messages") => ("Message", ""),
        (_, "Attributes") => ("Attribute", "Name"),
        (_, "MessageAttributes") => ("MessageAttribute", "Name"),
        (_, "Tags") => ("Tag", "Key"),
        ("ListMessageMoveTasks", "Results") => ("ListMessageMoveTasksResultEntry", ""),
        (_, "Failed") => ("BatchResultErrorEntry", ""),
        ("SendMessageBatch", "Successful") => ("SendMessageBatchResultEntry", ""),
        ("DeleteMessageBatch", "Successful") => ("DeleteMessageBatchResultEntry", ""),
        ("ChangeMessageVisibilityBatch", "Successful") => ("ChangeMessageVisibilityBatchResultEntry", ""),
        (_, other) => (other, "Name"),
    };
    QueryName { name, key }
}
