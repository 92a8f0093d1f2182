//! When an operation that waits is to wait no longer: the daemon drains, or the client has hung up.

use tokio::sync::watch;

/// What an operation that waits has to heed; by default nothing ever comes.
#[derive(Debug, Clone, Default)]
pub struct Leave {
    draining: Option<watch::Receiver<bool>>,
    left: Option<watch::Receiver<bool>>,
}

impl Leave {
    /// `draining` turns true when the daemon ends, `left` when the client has hung up; a sender that has gone
    /// says the same.
    pub fn new(draining: watch::Receiver<bool>, left: Option<watch::Receiver<bool>>) -> Self {
        Self { draining: Some(draining), left }
    }

    /// Comes when nobody waits any more, or the daemon drains.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let Self { draining, left } = self.clone();
        async move {
            tokio::select! {
                () = comes(draining) => {}
                () = comes(left) => {}
            }
        }
    }
}

async fn comes(what: Option<watch::Receiver<bool>>) {
    match what {
        Some(mut what) => drop(what.wait_for(|is| *is).await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn it_comes_with_a_drain_and_when_the_client_hangs_up() {
        for by_drain in [true, false] {
            let ((drain, draining), (hang_up, left)) = (watch::channel(false), watch::channel(false));
            let leave = Leave::new(draining, Some(left));
            assert!(timeout(Duration::from_millis(20), leave.asked()).await.is_err());
            if by_drain { &drain } else { &hang_up }.send_replace(true);
            leave.asked().await;
        }
        assert!(timeout(Duration::from_millis(20), Leave::default().asked()).await.is_err());
    }
}
