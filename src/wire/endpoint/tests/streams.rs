use super::*;
use crate::wire::{
    endpoint::{answer::Body, streaming::frames},
    protocol::{Protocol, event_stream},
};

async fn subscribed(draining: watch::Receiver<bool>) -> Vec<Bytes> {
    let front = front("", draining.clone());
    let answer = post(&front, &[JSON, AUTHORIZED, DATE, target("SubscribeToShard")], b"{}").await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let Body::Events(protocol, events) = answer.body else { panic!("no stream") };
    assert_eq!(protocol, Protocol::Json);
    frames(protocol, events, draining).collect().await
}

#[tokio::test]
async fn a_subscription_begins_with_its_response_and_ends_with_an_exception() {
    // A sender that lives, so that nothing drains.
    let (_drain, draining) = watch::channel(false);
    let frames = subscribed(draining).await;
    assert_eq!(frames.len(), 5);
    assert_eq!(frames[0], event_stream::initial_response(Protocol::Json));
    let first = Output::new().with("At", 0_i64);
    assert_eq!(frames[1], event_stream::event(Protocol::Json, "SubscribeToShardEvent", &first));
    let gone = ServiceError::bad_request("ResourceNotFoundException", "gone");
    assert_eq!(frames[4], event_stream::exception(Protocol::Json, &gone));
}

#[tokio::test]
async fn a_daemon_that_drains_ends_its_subscriptions() {
    let (drain, draining) = watch::channel(false);
    let mut frames = Box::pin(frames(Protocol::Cbor, stream::pending().boxed(), draining));
    assert_eq!(frames.next().await, Some(event_stream::initial_response(Protocol::Cbor)));
    drain.send_replace(true);
    assert_eq!(frames.next().await, None);
}
