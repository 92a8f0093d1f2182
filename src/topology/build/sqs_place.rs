//! What a program that receives by itself is told of the SQS endpoint: the variables by which SDKs find it.

use crate::{
    pipeline::{
        http_server::reachable,
        queue::{Queue, directory::QueueIdentity},
        workers::Environment,
    },
    wire::endpoint::AwsSection,
};
use std::net::SocketAddr;

/// Puts into a program's environment where its queue is, and keys where any will do. What the topology gives
/// it itself stays.
pub(super) fn tell(environment: &mut Environment, aws: &AwsSection, bound: SocketAddr, queue: &Queue) {
    let endpoint = format!("http://{}", reachable(bound));
    let name = QueueIdentity::name_of(queue.name(), queue.is_fifo());
    let account = aws.account.as_str();
    let mut tell = |name: &str, value: &str| {
        environment.0.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    };
    tell("CAUDAL_QUEUE_URL", &format!("{endpoint}/{account}/{name}"));
    for service in ["SQS", "KINESIS"] {
        tell(&format!("AWS_ENDPOINT_URL_{service}"), &endpoint);
    }
    // SDKs read the one or the other.
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        tell(name, &aws.region);
    }
    if aws.is_open() {
        tell("AWS_ACCESS_KEY_ID", account);
        tell("AWS_SECRET_ACCESS_KEY", "any");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pipeline::queue::QueueSection,
        storage::{StorageSettings, Store},
        telemetry::StorageMetrics,
    };
    use std::collections::BTreeMap;

    async fn told(
        aws: &AwsSection,
        bound: &str,
        given: &[(&str, &str)],
        fifo: bool,
    ) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
        let section = QueueSection { fifo, ..QueueSection::default() };
        let queue = Queue::open("rides", &section, store).await.unwrap();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut environment = Environment(given.collect());
        tell(&mut environment, aws, bound.parse().unwrap(), &queue);
        environment.0.into_iter().collect()
    }

    #[tokio::test]
    async fn a_program_finds_its_queue_by_the_variables_that_sdks_read() {
        let told = told(&AwsSection::default(), "127.0.0.1:4566", &[], false).await;
        let expected = [
            ("AWS_ACCESS_KEY_ID", "000000000000"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:4566"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("CAUDAL_QUEUE_URL", "http://127.0.0.1:4566/000000000000/rides"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told, expected.into());
    }

    #[tokio::test]
    async fn it_reaches_every_address_gets_the_name_of_a_fifo_queue_and_keeps_what_it_was_given() {
        let aws: AwsSection =
            serde_json::from_str(r#"{"credentials": "AKIDEXAMPLE:wJalr/XUt+nFEMI"}"#).unwrap();
        let given = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "id")];
        for (bound, host) in [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("[::1]:8", "[::1]:8")]
        {
            let told = told(&aws, bound, &given, true).await;
            assert_eq!(told["CAUDAL_QUEUE_URL"], format!("http://{host}/000000000000/rides.fifo"));
            assert_eq!(
                (told["AWS_REGION"].as_str(), told["AWS_ACCESS_KEY_ID"].as_str()),
                ("eu-west-1", "id")
            );
            assert!(!told.contains_key("AWS_SECRET_ACCESS_KEY"), "keys are the user's to give");
        }
    }
}
