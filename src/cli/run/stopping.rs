//! What ends a daemon: signals, or a store that cannot flush.

use crate::{storage::Store, supervisor::StopRequest};
use std::{io, thread, time::Duration};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::sleep,
};

/// Time for clients to be told that their batch's fate is unknown.
const ANSWERS: Duration = Duration::from_millis(200);
/// After a failed flush or a second signal the process is gone within a second, whatever still hangs.
const LAST: Duration = Duration::from_millis(600);
/// Exit codes, as [`crate::error::Failure`] has them.
const FORCED: i32 = 3;
const STORAGE_FAILED: i32 = 4;

/// Listens from now on; the first signal asks for a drain, the second for an end at once. So does the end of
/// standard input where it is `bound_to_input`.
///
/// # Errors
/// When the signals cannot be listened for.
pub(super) fn listen(
    runtime: &Runtime,
    store: &Store,
    bound_to_input: bool,
) -> io::Result<watch::Receiver<StopRequest>> {
    let _on_runtime = runtime.enter();
    let (stop, asked) = watch::channel(StopRequest::None);
    let interrupts = signal(SignalKind::interrupt())?;
    let terminations = signal(SignalKind::terminate())?;
    runtime.spawn(heed_signals(interrupts, terminations, stop.clone()));
    if bound_to_input {
        let stop = stop.clone();
        // A task that reads would keep the runtime from its end.
        thread::Builder::new().name("input".to_owned()).spawn(move || heed_input(&stop))?;
    }
    runtime.spawn(heed_store(store.clone(), stop));
    Ok(asked)
}

async fn heed_signals(mut interrupts: Signal, mut terminations: Signal, stop: watch::Sender<StopRequest>) {
    loop {
        let name = tokio::select! {
            _ = interrupts.recv() => "SIGINT",
            _ = terminations.recv() => "SIGTERM",
        };
        if *stop.borrow() == StopRequest::None {
            tracing::info!(signal = name, "draining; a second signal stops at once");
            stop.send_replace(StopRequest::Drain);
        } else {
            tracing::warn!(signal = name, "stopping at once");
            stop.send_replace(StopRequest::Abort);
            sleep(LAST).await;
            std::process::exit(FORCED);
        }
    }
}

/// Reads on until nothing more can come.
fn heed_input(stop: &watch::Sender<StopRequest>) {
    let ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
    tracing::info!(?ended, "standard input has ended; draining");
    stop.send_if_modified(|asked| {
        let is_first = *asked == StopRequest::None;
        if is_first {
            *asked = StopRequest::Drain;
        }
        is_first
    });
}

async fn heed_store(store: Store, stop: watch::Sender<StopRequest>) {
    let what = store.failed().await;
    tracing::error!(
        what,
        "the log cannot be flushed; the process ends, its next start recovers what is on disk"
    );
    sleep(ANSWERS).await;
    stop.send_replace(StopRequest::Abort);
    sleep(LAST).await;
    std::process::exit(STORAGE_FAILED);
}
