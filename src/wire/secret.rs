//! Secrets of services: made once and kept with the data, so that what they sealed outlives a restart.

use super::seal::Seal;
use crate::storage::{Batch, CommitError, Store};

/// The seal with the secret that is kept under a key of the registry.
///
/// # Errors
/// When a new secret cannot be stored.
pub(super) async fn kept_seal(store: &Store, key: &str) -> Result<Seal, CommitError> {
    if let Some(secret) = store.get(key) {
        return Ok(Seal::new(&secret));
    }
    let secret: [u8; 32] = rand::random();
    let mut batch = Batch::new();
    batch.put(key, secret.to_vec(), None);
    store.commit(batch).await?;
    Ok(Seal::new(&secret))
}
