//! Query and JSON 1.0, by a service that speaks both.

use super::*;
use crate::wire::protocol::{Query, QueryName, query::Told};

static ASK: Structure = Structure::new("AskInput", &[Member::required("QueueUrl", Shape::TEXT)]);
static ASKED: [Operation; 2] =
    [Operation { name: "Ask", input: &ASK }, Operation { name: "Refuse", input: &NOTHING }];
static QUERY: Query = Query {
    namespace: "urn:queues",
    element: |_, member| QueryName { name: member, key: "Name" },
    told: |code| Told { json_type: format!("queues#{code}"), code: format!("Queues.{code}") },
};

fn queues() -> Front {
    let answer = Box::new(|caller: Caller, operation: &'static str, input: Input| {
        async move {
            match operation {
                "Ask" => Ok(Reply::Whole(
                    Output::new()
                        .with("Url", input.text("QueueUrl").unwrap_or_default())
                        .with("Host", caller.authority.as_str()),
                )),
                _ => Err(ServiceError::bad_request("Gone", "it is <gone>")),
            }
        }
        .boxed() as BoxFuture<'static, _>
    });
    let service = Service {
        target: "Queues",
        signing_name: "kinesis",
        operations: &ASKED,
        query: Some(&QUERY),
        brief: &["Ask"],
        answer,
    };
    let (section, draining) = (AwsSection::default(), watch::channel(false).1);
    Front::new(&section, vec![service], Handle::current(), EndpointMetrics::unregistered(), draining)
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
const HOST: (&str, &str) = ("host", "queues:1");

#[tokio::test]
async fn a_form_a_url_and_a_queues_own_path_are_read_alike() {
    let front = queues();
    let mut asked = Vec::new();
    let body = post(&front, &[FORM, AUTHORIZED, DATE, HOST], b"Action=Ask&QueueUrl=%2F1%2Fjobs").await;
    asked.push(body);
    for (method, path, query, body) in [
        ("GET", "/", "Action=Ask&QueueUrl=%2F1%2Fjobs", ""),
        ("GET", "/1/jobs", "Action=Ask", ""),
        ("POST", "/1/jobs", "", "Action=Ask"),
        ("POST", "/1/jobs", "Action=Ask", "Version=2012-11-05"),
    ] {
        let head = Head {
            path: path.to_owned(),
            query: query.to_owned(),
            ..head(method, &[FORM, AUTHORIZED, DATE, HOST])
        };
        asked.push(front.answer(&head, Bytes::copy_from_slice(body.as_bytes()), Timestamp::now()).await);
    }
    for answer in &asked {
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/xml")),
            "{}",
            text(answer)
        );
        let id = answer.header("x-amzn-requestid").unwrap();
        let expected = format!(
            "<?xml version=\"1.0\"?><AskResponse xmlns=\"urn:queues\"><AskResult><Url>/1/jobs</Url><Host>queues:1</Host>\
             </AskResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></AskResponse>"
        );
        assert_eq!(text(answer), expected);
    }
}

#[tokio::test]
async fn errors_are_told_in_the_form_of_the_request() {
    let front = queues();
    let json = ("content-type", "application/x-amz-json-1.0");
    let target = ("x-amz-target", "Queues.Refuse");
    let refused = post(&front, &[json, target, AUTHORIZED, DATE], b"{}").await;
    assert_eq!((refused.status, refused.header("x-amzn-query-error")), (400, Some("Queues.Gone;Sender")));
    assert_eq!(text(&refused), r#"{"__type":"queues#Gone","message":"it is <gone>"}"#);
    let refused = post(&front, &[FORM, AUTHORIZED, DATE], b"Action=Refuse").await;
    assert!(refused.header("x-amzn-query-error").is_none());
    assert!(text(&refused).contains(
        "<Type>Sender</Type><Code>Queues.Gone</Code><Message>it is &lt;gone&gt;</Message><Detail/>"
    ));
    for (body, code) in [
        ("Action=Ask", "Queues.MissingRequiredParameterException"),
        ("Action=Nonsense", "Queues.InvalidAction"),
    ] {
        let refused = post(&front, &[FORM, AUTHORIZED, DATE], body.as_bytes()).await;
        assert_eq!(refused.status, 400);
        assert!(text(&refused).contains(&format!("<Code>{code}</Code>")), "{}", text(&refused));
    }
    let unsigned = post(&front, &[FORM], b"Action=Ask&QueueUrl=x").await;
    assert!(
        text(&unsigned).contains("<Code>Queues.MissingAuthenticationTokenException</Code>"),
        "{}",
        text(&unsigned)
    );
    let unknown = post(&front, &[json, ("x-amz-target", "Queues.Nonsense"), AUTHORIZED, DATE], b"{}").await;
    assert_eq!(unknown.code, "UnknownOperationException");
}
