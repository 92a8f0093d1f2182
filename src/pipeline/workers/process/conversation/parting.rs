//! How a conversation ends: in good order, or with what was not answered given back.

use super::{Conversation, Fault, received};
use crate::pipeline::{TaskError, workers::runner::Fate};
use std::{sync::atomic::Ordering::Relaxed, time::Instant};

impl Conversation {
    /// Ends the process in good order.
    pub async fn end(&mut self) {
        self.child.end(self.program.stop).await;
    }

    /// Kills the process and tells why, with its last words.
    pub async fn kill(&mut self, fault: &Fault) -> String {
        self.child.bury().await;
        format!("{fault}{}", self.child.last_words())
    }

    /// Kills the process, which is not to blame, and gives back what can be given back.
    pub async fn abandon(&mut self) {
        self.child.bury().await;
        if let Err(error) = self.hand_back(None).await {
            tracing::warn!(%error, "messages come again when their visibility timeout is over");
        }
    }

    /// Settles what was answered, and gives back at once what was not: as one more attempt that went
    /// wrong when there is a reason, else as what nobody has tried.
    pub async fn hand_back(&mut self, reason: Option<&str>) -> Result<(), TaskError> {
        let now = Instant::now();
        self.busy = None;
        let unanswered = self.holding.take_unanswered();
        if reason.is_some() {
            self.pool.suspects.fetch_add(unanswered.len() as u64, Relaxed);
        }
        let interrupted = |reason: &str| Fate::Interrupted { reason: reason.to_owned() };
        for message in unanswered {
            self.settler.add(message, reason.map_or(Fate::Returned, interrupted), now);
        }
        if self.receiving.is_some() {
            // What is on its way is waited for, so that no lease is lost, and no longer.
            self.enough.0.send_replace(true);
            let messages = received(&mut self.receiving).await?;
            self.settler.received(messages.len());
            messages.into_iter().for_each(|message| self.settler.add(message, Fate::Returned, now));
        }
        self.settler.finish().await
    }
}
