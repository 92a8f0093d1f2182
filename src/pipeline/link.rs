//! Bounded links between tasks; the only file of the pipeline that names flume.

use std::time::Duration;

/// The receiving side has gone; here is the item back.
#[derive(Debug, thiserror::Error)]
#[error("the link is closed")]
pub struct Closed<T>(pub T);

/// What a receive brought.
#[derive(Debug)]
pub enum Received<T> {
    Item(T),
    /// Nothing came within the wait.
    Empty,
    /// All senders have gone and the link is empty.
    Closed,
}

/// The sending end.
#[derive(Debug)]
pub struct Outlet<T>(flume::Sender<T>);

/// The receiving end.
#[derive(Debug)]
pub struct Inlet<T>(flume::Receiver<T>);

/// A link that holds at most `capacity` items.
pub fn link<T>(capacity: usize) -> (Outlet<T>, Inlet<T>) {
    let (sender, receiver) = flume::bounded(capacity);
    (Outlet(sender), Inlet(receiver))
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Outlet<T> {
    /// Sends, waiting while the link is full.
    ///
    /// # Errors
    /// [`Closed`] with the item when no receiver is left.
    pub async fn send(&self, item: T) -> Result<(), Closed<T>> {
        self.0.send_async(item).await.map_err(|refused| Closed(refused.0))
    }

    /// Sends if there is room now; gives the item back if the link is full or closed.
    ///
    /// # Errors
    /// [`Closed`] with the item when it was not taken.
    pub fn offer(&self, item: T) -> Result<(), Closed<T>> {
        self.0.try_send(item).map_err(|refused| Closed(refused.into_inner()))
    }

    pub fn waiting(&self) -> usize {
        self.0.len()
    }
}

impl<T> Inlet<T> {
    /// Receives one item, waiting at most `wait`.
    pub async fn receive(&self, wait: Duration) -> Received<T> {
        if let Some(item) = self.take() {
            return Received::Item(item);
        }
        match tokio::time::timeout(wait, self.0.recv_async()).await {
            Ok(Ok(item)) => Received::Item(item),
            Ok(Err(_)) => Received::Closed,
            Err(_) => Received::Empty,
        }
    }

    /// Takes an item that is already there.
    pub fn take(&self) -> Option<T> {
        self.0.try_recv().ok()
    }

    pub fn waiting(&self) -> usize {
        self.0.len()
    }
}
