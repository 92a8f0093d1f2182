//! The connections of a server, and which of them rest for too long.
//!
//! The library has clocks for the head of the first request, for the rest between two, and for a client of
//! HTTP/2 that answers no ping. It has none for a connection that has said nothing yet (it looks at the first
//! bytes to tell the version), for a head that breaks off after the first request, nor for HTTP/2 without
//! requests. So all are looked at here, by one rule: whoever has no request under way is let go in time.

use super::sockets::{Socket, end, listed};
use actix_web::{dev::Extensions, rt::net::TcpStream};
use std::{
    any::Any,
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// How often connections are looked at: a few times within a deadline, within these bounds.
const LOOKS: u32 = 4;
const SOONEST: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_secs(5);

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until its first byte.
    pub silent: Duration,
    /// Without a request under way.
    pub idle: Duration,
}

/// All connections of a server that have said something.
#[derive(Debug)]
pub(super) struct Connections {
    began: Instant,
    open: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
}

/// One of them.
#[derive(Debug)]
struct Connection {
    /// Requests that are being answered.
    underway: AtomicU32,
    /// When the last of them began or ended, in milliseconds of its server's life.
    touched_ms: AtomicU64,
}

/// A connection's place among the others, which goes with it; requests find it in its data.
#[derive(Debug)]
pub struct Held {
    peer: SocketAddr,
    connection: Arc<Connection>,
    all: Arc<Connections>,
}

/// A request that is being answered: its connection does not rest.
#[derive(Debug)]
pub struct Underway {
    connection: Arc<Connection>,
    all: Arc<Connections>,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes a connection whose first bytes have come.
    pub(super) fn opened(self: &Arc<Self>, io: &dyn Any, data: &mut Extensions) {
        let peer = io.downcast_ref::<TcpStream>().and_then(|socket| socket.peer_addr().ok());
        // One that is gone already needs no watching.
        let Some(peer) = peer else { return };
        let touched_ms = AtomicU64::new(self.ms(Instant::now()));
        let connection = Arc::new(Connection { underway: AtomicU32::new(0), touched_ms });
        self.open().insert(peer, Arc::clone(&connection));
        data.insert(Held { peer, connection, all: Arc::clone(self) });
    }

    /// Ends connections to the port that do nothing for too long, as long as the server lives.
    pub(super) async fn watch(self: Arc<Self>, port: u16, patience: Patience) {
        let mut silent = HashMap::new();
        let mut is_refused = false;
        let pause = (patience.silent.min(patience.idle) / LOOKS).clamp(SOONEST, LATEST);
        while !is_refused {
            tokio::time::sleep(pause).await;
            let over = self.over(listed(port), &mut silent, patience, Instant::now());
            if let Err(error) = end(&over, port) {
                is_refused = true;
                tracing::warn!(%error, port, "this system lets nobody end connections that do nothing");
            }
        }
    }

    /// Those sockets whose patience is over. `silent` remembers since when nothing came from which peer.
    fn over(
        &self,
        sockets: Vec<Socket>,
        silent: &mut HashMap<SocketAddr, Instant>,
        patience: Patience,
        now: Instant,
    ) -> Vec<Socket> {
        let open = self.open();
        let before = std::mem::take(silent);
        let is_over = |socket: &Socket| match open.get(&socket.peer) {
            Some(connection) => self.rested(connection, now) >= patience.idle,
            None => {
                let since = before.get(&socket.peer).copied().unwrap_or(now);
                silent.insert(socket.peer, since);
                now.saturating_duration_since(since) >= patience.silent
            }
        };
        sockets.into_iter().filter(is_over).collect()
    }

    /// How long no request has been under way.
    fn rested(&self, connection: &Connection, now: Instant) -> Duration {
        match connection.underway.load(SeqCst) {
            0 => Duration::from_millis(self.ms(now).saturating_sub(connection.touched_ms.load(SeqCst))),
            _ => Duration::ZERO,
        }
    }
}

impl Held {
    /// A request of this connection that begins now.
    pub fn enter(&self) -> Underway {
        self.connection.underway.fetch_add(1, SeqCst);
        Underway { connection: Arc::clone(&self.connection), all: Arc::clone(&self.all) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.all.open();
        // The port may be in use by the next connection already.
        if open.get(&self.peer).is_some_and(|known| Arc::ptr_eq(known, &self.connection)) {
            open.remove(&self.peer);
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.connection.touched_ms.store(self.all.ms(Instant::now()), SeqCst);
        self.connection.underway.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { silent: Duration::from_secs(10), idle: Duration::from_secs(75) };

    fn socket(port: u16) -> Socket {
        Socket { peer: SocketAddr::from(([127, 0, 0, 1], port)), inode: u64::from(port) }
    }

    fn held(all: &Arc<Connections>, port: u16) -> Held {
        let connection = Arc::new(Connection { underway: AtomicU32::new(0), touched_ms: AtomicU64::new(0) });
        all.open().insert(socket(port).peer, Arc::clone(&connection));
        Held { peer: socket(port).peer, connection, all: Arc::clone(all) }
    }

    #[test]
    fn who_says_nothing_has_its_deadline_and_who_spoke_may_rest_longer() {
        let all = Arc::new(Connections::new());
        let spoke = held(&all, 1);
        let (mut silent, began) = (HashMap::new(), all.began);
        let mut over = |at: u64| {
            let now = began + Duration::from_secs(at);
            all.over(vec![socket(1), socket(2)], &mut silent, PATIENCE, now)
        };
        assert_eq!((over(0), over(9)), (vec![], vec![]));
        assert_eq!(over(10), [socket(2)]);
        assert_eq!(over(74), [socket(2)]);
        assert_eq!(over(75), [socket(1), socket(2)]);
        let underway = spoke.enter();
        assert_eq!(over(500), [socket(2)], "a request is under way");
        drop(underway);
        assert_eq!(over(74), [socket(2)], "it rests from the end of the request on");
        drop(spoke);
        assert!(all.open().is_empty());
    }

    #[test]
    fn a_port_that_comes_again_is_silent_from_then_on() {
        let all = Arc::new(Connections::new());
        let (mut silent, began) = (HashMap::new(), all.began);
        let mut over = |sockets: Vec<Socket>, at: u64| {
            all.over(sockets, &mut silent, PATIENCE, began + Duration::from_secs(at)).len()
        };
        assert_eq!((over(vec![socket(1)], 0), over(vec![], 5), over(vec![socket(1)], 6)), (0, 0, 0));
        assert_eq!((over(vec![socket(1)], 15), over(vec![socket(1)], 16)), (0, 1));
    }
}
