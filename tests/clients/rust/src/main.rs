//! What a program in Rust does with queues on AWS: makes them, sends, receives, deletes, reads errors by their types.
//! Every operation.

mod fifo;
mod standard;

use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    error::{ProvideErrorMetadata, SdkError},
    types::QueueAttributeName,
};
use std::{error::Error, fmt::Debug};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A client of one endpoint, over HTTP without TLS.
fn client(endpoint: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// The refusal of a call, which must have this code.
pub fn refused<T: Debug, E, R>(answer: Result<T, SdkError<E, R>>, code: &str) -> Outcome<E>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    let error = match answer {
        Ok(answer) => return Err(format!("{answer:?} is no refusal with {code}").into()),
        Err(SdkError::ServiceError(told)) => told.into_err(),
        Err(other) => return Err(format!("{other:?} instead of {code}").into()),
    };
    if error.code() == Some(code) { Ok(error) } else { Err(format!("{error:?} instead of {code}").into()) }
}

pub fn equal<T: PartialEq + Debug>(found: T, expected: T, what: &str) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}

/// How many messages of a queue wait, are in flight and are delayed.
pub async fn counts(sqs: &Client, url: &str) -> Outcome<Vec<String>> {
    use QueueAttributeName as Name;
    let names = [
        Name::ApproximateNumberOfMessages,
        Name::ApproximateNumberOfMessagesNotVisible,
        Name::ApproximateNumberOfMessagesDelayed,
    ];
    let told = sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
    let told = told.send().await?.attributes.unwrap_or_default();
    Ok(names.iter().filter_map(|name| told.get(name).cloned()).collect())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let endpoint = std::env::args().nth(1).ok_or("the endpoint is missing")?;
    let sqs = client(endpoint);
    standard::tour(&sqs).await?;
    fifo::tour(&sqs).await?;
    println!("aws-sdk-sqs {}: standard and FIFO queues", aws_sdk_sqs::meta::PKG_VERSION);
    Ok(())
}
