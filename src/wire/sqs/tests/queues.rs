//! Making, finding, listing and deleting queues.

use super::*;

#[tokio::test]
async fn a_queue_is_made_once_and_compared_as_it_is_now() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "5"})).await;
        assert_eq!(url, "http://localhost:4566/000000000000/jobs");
        assert_eq!(lab.make("jobs", json!({"VisibilityTimeout": "5"})).await, url);
        assert_eq!(lab.make("jobs", json!({})).await, url, "what is not asked for is not compared");
        let other = json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "6"}});
        let (code, message) = lab.refused("CreateQueue", other.clone()).await;
        assert_eq!(code, "QueueAlreadyExists");
        assert_eq!(
            message,
            "A queue already exists with the same name and a different value for attribute VisibilityTimeout"
        );
        let set = json!({"QueueUrl": url, "Attributes": {"VisibilityTimeout": "6"}});
        lab.done("SetQueueAttributes", set).await;
        lab.done("CreateQueue", other).await;
        lab.refused("CreateQueue", json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "5"}}))
            .await;
        let found = lab.done("GetQueueUrl", json!({"QueueName": "jobs"})).await;
        assert_eq!(found["QueueUrl"], url);
    }
}

#[tokio::test]
async fn lists_have_pages_only_when_a_size_is_asked_for() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        assert_eq!(lab.done("ListQueues", json!({})).await, json!({}));
        for name in ["a1", "a2", "a3", "b1"] {
            lab.make(name, json!({})).await;
        }
        let all = lab.done("ListQueues", json!({})).await;
        assert_eq!((all["QueueUrls"].as_array().unwrap().len(), &all["NextToken"]), (4, &Value::Null));
        let page = lab.done("ListQueues", json!({"QueueNamePrefix": "a", "MaxResults": 2})).await;
        assert_eq!(page["QueueUrls"][1], "http://localhost:4566/000000000000/a2");
        let rest = json!({"QueueNamePrefix": "a", "MaxResults": 2, "NextToken": page["NextToken"]});
        let rest = lab.done("ListQueues", rest).await;
        assert_eq!(rest, json!({"QueueUrls": ["http://localhost:4566/000000000000/a3"]}));
        for wrong in [json!({"MaxResults": 0}), json!({"MaxResults": 1001}), json!({"NextToken": "x"})] {
            assert_eq!(lab.refused("ListQueues", wrong).await.0, "InvalidParameterValue");
        }
    }
}

#[tokio::test]
async fn a_queue_that_was_deleted_comes_back_empty() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        for round in 0..3 {
            let url = lab.make("jobs", json!({})).await;
            assert_eq!(lab.receive(&url, 10).await, Vec::<Value>::new(), "round {round}");
            lab.send(&url, "one").await;
            lab.send(&url, "two").await;
            assert_eq!(lab.receive(&url, 1).await.len(), 1);
            lab.done("DeleteQueue", json!({"QueueUrl": url})).await;
            let (code, message) = lab.refused("DeleteQueue", json!({"QueueUrl": url})).await;
            assert_eq!(code, "AWS.SimpleQueueService.NonExistentQueue");
            assert_eq!(message, "The specified queue does not exist.");
        }
    }
}

#[tokio::test]
async fn accounts_and_regions_have_queues_of_their_own() {
    for protocol in BOTH {
        let mut lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        lab.send(&url, "home").await;
        lab.caller.account = "123456789012".to_owned();
        assert_eq!(
            lab.refused("GetQueueUrl", json!({"QueueName": "jobs"})).await.0,
            "AWS.SimpleQueueService.NonExistentQueue"
        );
        let theirs = lab.make("jobs", json!({})).await;
        assert_eq!(theirs, "http://localhost:4566/123456789012/jobs");
        assert_eq!(lab.receive(&theirs, 1).await.len(), 0);
        let of_owner = json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "000000000000"});
        assert_eq!(lab.done("GetQueueUrl", of_owner).await["QueueUrl"], url);
        assert_eq!(bodies(&lab.receive(&url, 1).await), ["home"], "a URL tells its account");
        lab.caller.authority = "sqs.eu-west-1.localhost.localstack.cloud:4566".to_owned();
        assert_eq!(lab.done("ListQueues", json!({})).await, json!({}), "the host tells the region");
        let there = lab.make("jobs", json!({})).await;
        assert_eq!(there, "http://sqs.eu-west-1.localhost.localstack.cloud:4566/123456789012/jobs");
        assert_eq!(lab.attribute(&there, "QueueArn").await, "arn:aws:sqs:eu-west-1:123456789012:jobs");
        lab.caller.authority = "localhost:4566".to_owned();
        lab.send(&there, "west").await;
        let by_path = "http://localhost:4566/queue/eu-west-1/123456789012/jobs";
        assert_eq!(bodies(&lab.receive(by_path, 1).await), ["west"]);
    }
}

#[tokio::test]
async fn queues_messages_tags_and_attributes_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let handle = {
        let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
        let url = lab.make("jobs", json!({"DelaySeconds": "0", "VisibilityTimeout": "0"})).await;
        lab.done("TagQueue", json!({"QueueUrl": url, "Tags": {"team": "lab"}})).await;
        lab.make("gone", json!({})).await;
        lab.done("DeleteQueue", json!({"QueueUrl": "http://h/000000000000/gone"})).await;
        lab.send(&url, "kept").await;
        let handle = text(&lab.receive(&url, 1).await[0]["ReceiptHandle"]);
        lab.sqs.directory.store().close().unwrap();
        handle
    };
    let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
    let url = "http://localhost:4566/000000000000/jobs";
    assert_eq!(lab.done("ListQueues", json!({})).await, json!({"QueueUrls": [url]}));
    assert_eq!(lab.attribute(url, "VisibilityTimeout").await, "0");
    assert_eq!(lab.done("ListQueueTags", json!({"QueueUrl": url})).await, json!({"Tags": {"team": "lab"}}));
    lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
    assert_eq!(lab.receive(url, 1).await.len(), 0, "a handle outlives a restart");
}
