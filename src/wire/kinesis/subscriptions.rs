//! Who is subscribed to which shard: one subscription for each consumer and shard. Five seconds after it
//! began, another may take its place; the one before ends with an exception.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How long a subscription cannot be taken over.
const PROTECTED: Duration = Duration::from_secs(5);

/// A consumer's ARN and a shard.
type Place = (String, u32);

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    held: Mutex<HashMap<Place, Held>>,
    last: AtomicU64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    since: Instant,
    /// Dropped or set when another takes its place.
    taken: watch::Sender<bool>,
}

/// A running subscription; it gives its place up when it is dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    place: Place,
    number: u64,
    all: Arc<Subscriptions>,
    taken: watch::Receiver<bool>,
}

impl Subscriptions {
    /// Takes the place of a consumer at a shard. `None` while another holds it that began within five
    /// seconds; an older one is told to end.
    pub(super) fn begin(self: &Arc<Self>, consumer: &str, shard: u32, now: Instant) -> Option<Subscription> {
        let place = (consumer.to_owned(), shard);
        let mut held = self.held();
        if let Some(before) = held.get(&place) {
            if now.saturating_duration_since(before.since) < PROTECTED {
                return None;
            }
            // One that has ended by now needs no telling.
            let _ = before.taken.send(true);
        }
        let number = self.last.fetch_add(1, Relaxed);
        let (taken, told) = watch::channel(false);
        held.insert(place.clone(), Held { number, since: now, taken });
        Some(Subscription { place, number, all: Arc::clone(self), taken: told })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Place, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Resolves when another has taken the place.
    pub(super) async fn taken_over(&mut self) {
        // The sender goes only when another replaces it.
        let _ = self.taken.wait_for(|taken| *taken).await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut held = self.all.held();
        if held.get(&self.place).is_some_and(|held| held.number == self.number) {
            held.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_protected_for_five_seconds_and_then_taken_over() {
        let all = Arc::new(Subscriptions::default());
        let now = Instant::now();
        let mut first = all.begin("lab", 0, now).unwrap();
        assert!(all.begin("lab", 0, now + Duration::from_millis(4_999)).is_none());
        let _elsewhere = all.begin("lab", 1, now).unwrap();
        let _other = all.begin("office", 0, now).unwrap();
        let second = all.begin("lab", 0, now + PROTECTED).unwrap();
        first.taken_over().await;
        drop(first);
        assert!(all.begin("lab", 0, now + PROTECTED).is_none(), "the second holds the place");
        drop(second);
        assert!(all.begin("lab", 0, now + PROTECTED).is_some());
    }

    #[tokio::test]
    async fn who_has_left_leaves_nothing_behind() {
        let all = Arc::new(Subscriptions::default());
        for shard in 0..100 {
            drop(all.begin("lab", shard, Instant::now()));
        }
        assert!(all.held().is_empty());
    }
}
