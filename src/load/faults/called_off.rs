//! Faults that a run which ends early does not wait for.

use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// Whether the faults of a run are called off: what has not begun does not begin, and what lasts is over.
#[derive(Debug, Clone)]
pub struct CalledOff(watch::Receiver<bool>);

impl CalledOff {
    /// Who sends `true` calls them off.
    pub fn told_by() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Faults that go to their end.
    pub fn never() -> Self {
        Self::told_by().1
    }

    /// Waits so long, or until they are called off; whether they are.
    pub(super) async fn within(&self, time: Duration) -> bool {
        let mut told = self.0.clone();
        let told = async {
            if told.wait_for(|is_called_off| *is_called_off).await.is_err() {
                // Nobody is left who could.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = told => true,
            () = sleep(time) => false,
        }
    }
}
