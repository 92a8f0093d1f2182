//! The server that `http` workers of a load test post to: it takes everything, at once or slowly, or
//! refuses everything for a while.

mod connection;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::sleep,
};

/// The variable by which topologies name the sink's URL.
pub const SINK_VARIABLE: &str = "CAUDAL_LOAD_SINK";
/// Connections served at once; more wait until one ends.
const MOST_CONNECTIONS: usize = 512;
/// Rest after a connection that could not be accepted, such as for want of files.
const REST: Duration = Duration::from_millis(100);

/// How the sink answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conduct {
    /// Each batch takes this long.
    pub delay: Duration,
    /// Each batch is answered with 503.
    pub is_out: bool,
}

/// A running sink; it ends when dropped.
#[derive(Debug)]
pub struct Sink {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What all connections know.
#[derive(Debug)]
struct Shared {
    conduct: watch::Sender<Conduct>,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Sink {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let conduct = watch::Sender::new(Conduct::default());
        let shared = Arc::new(Shared { conduct, taken: AtomicU64::new(0), refused: AtomicU64::new(0) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { url, shared, accepting })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers so from now on; what is under way is answered so too.
    pub fn conduct(&self, conduct: Conduct) {
        self.shared.conduct.send_replace(conduct);
    }

    /// Batches taken, and batches refused.
    pub fn answered(&self) -> (u64, u64) {
        (self.shared.taken.load(Relaxed), self.shared.refused.load(Relaxed))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Ends with this task, so that nothing is answered after the sink was dropped.
    let mut served = tokio::task::JoinSet::new();
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(REST).await;
            continue;
        };
        while served.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        served.spawn(async move {
            // A client that goes away or speaks no HTTP is none of ours.
            let _ = connection::serve(stream, &shared).await;
            drop(place);
        });
    }
}

impl Shared {
    /// The status of an answer, after as long as it takes. A delay that grows meanwhile is waited out,
    /// and one that ends is over at once.
    async fn judge(&self) -> u16 {
        let mut conduct = self.conduct.subscribe();
        let begun = tokio::time::Instant::now();
        loop {
            let Conduct { delay, is_out } = *conduct.borrow_and_update();
            if is_out {
                self.refused.fetch_add(1, Relaxed);
                return 503;
            }
            if begun.elapsed() >= delay {
                self.taken.fetch_add(1, Relaxed);
                return 200;
            }
            tokio::select! {
                () = tokio::time::sleep_until(begun + delay) => {}
                // The sender lives as long as this.
                _ = conduct.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
