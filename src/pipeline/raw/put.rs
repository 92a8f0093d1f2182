//! Writing one object, and trying again what may pass.

use crate::{pipeline::object_stores::OpenedStore, telemetry::NodeMetrics};
use bytes::Bytes;
use object_store::{Error, ObjectStoreExt, PutPayload, path::Path};
use rand::Rng;
use std::time::Duration;

/// How often a put is tried, and how long it waits in between.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    pub most: u32,
    pub base: Duration,
    pub longest: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self { most: 6, base: Duration::from_millis(200), longest: Duration::from_secs(10) }
    }
}

impl Tries {
    /// The wait after a failed try: doubled each time up to a bound, between half and all of it.
    fn wait(&self, failures: u32, jitter: f64) -> Duration {
        let doubled = self.base.saturating_mul(1 << failures.min(16)).min(self.longest);
        doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// Faults of a setting or a right, which another try does not mend.
fn lasts(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidPath { .. }
            | Error::NotImplemented { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::UnknownConfigurationKey { .. }
    )
}

/// Where an object lies in its store.
pub fn location(store: &OpenedStore, path: &str) -> Result<Path, Error> {
    let prefix = store.prefix.as_ref();
    let whole = if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
    Ok(Path::parse(whole)?)
}

/// Puts the whole object in one step, replacing what an earlier try may have left under its name.
///
/// # Errors
/// The last try's, or the first that another try would not mend.
pub async fn put(
    store: &OpenedStore,
    path: &str,
    bytes: Bytes,
    tries: Tries,
    metrics: &NodeMetrics,
) -> Result<(), Error> {
    let at = location(store, path)?;
    let mut failures = 0;
    loop {
        let Err(error) = store.store.put(&at, PutPayload::from(bytes.clone())).await else { return Ok(()) };
        failures += 1;
        if failures >= tries.most || lasts(&error) {
            return Err(error);
        }
        let wait = tries.wait(failures, rand::rng().random());
        metrics.retried(1);
        tracing::warn!(object = path, failures, wait = ?wait, %error, "writing an object again");
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let tries = Tries::default();
        assert_eq!(tries.wait(1, 1.0), Duration::from_millis(400));
        assert_eq!(tries.wait(1, 0.0), Duration::from_millis(200));
        assert_eq!(tries.wait(40, 1.0), tries.longest);
    }
}
