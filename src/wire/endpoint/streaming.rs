//! Events to bytes on the wire.

use crate::wire::protocol::{Event, Protocol, event_stream};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, future, stream, stream::BoxStream};
use tokio::sync::watch;

/// Frames of a stream: `initial-response`, the events, and an exception as the last if there is one.
/// A daemon that drains ends it, as AWS ends one after five minutes.
pub(super) fn frames(
    protocol: Protocol,
    events: BoxStream<'static, Event>,
    mut draining: watch::Receiver<bool>,
) -> impl Stream<Item = Bytes> {
    let first = stream::once(future::ready(event_stream::initial_response(protocol)));
    let drained = async move {
        // A sender that has gone is a daemon that has ended.
        let _ = draining.wait_for(|is| *is).await;
    };
    let rest = stream::unfold(Some(events), move |events| async move {
        let mut events = events?;
        match events.next().await? {
            Event::Of(kind, payload) => Some((event_stream::event(protocol, kind, &payload), Some(events))),
            Event::Exception(error) => Some((event_stream::exception(protocol, &error), None)),
        }
    });
    first.chain(rest).take_until(Box::pin(drained))
}
