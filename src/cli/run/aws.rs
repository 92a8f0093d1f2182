//! The AWS endpoint of the daemon: bound before the store is opened, served once all is wired.

use super::Daemon;
use crate::{
    error::Failure,
    settings::Settings,
    supervisor::StopRequest,
    wire::{
        Service,
        endpoint::{Endpoint, Front},
        kinesis::Kinesis,
        sqs::Sqs,
    },
};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::sync::watch;

/// Binds its address, if it is not off; who connects already waits in the kernel.
pub(super) fn bind(settings: &Settings) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = settings.aws.listen.0 else { return Ok(None) };
    settings.permit_aws(address)?;
    TcpListener::bind(address).map(Some).map_err(|cause| {
        Failure::fault(
            format!(
                "listening on {address} for AWS protocols (choose another with --aws; port 0 picks a free one, off none)"
            ),
            cause,
        )
    })
}

/// The address that was bound.
pub(super) fn address(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener.and_then(|listener| listener.local_addr().ok())
}

impl Daemon<'_> {
    /// Turns true as soon as a stop is asked for.
    pub(super) fn draining(&self, mut stop: watch::Receiver<StopRequest>) -> watch::Receiver<bool> {
        let (drain, draining) = watch::channel(false);
        self.runtime.spawn(async move {
            // Whoever could ask for a stop has gone with the daemon.
            let _ = stop.wait_for(|asked| *asked != StopRequest::None).await;
            drain.send_replace(true);
        });
        draining
    }

    /// The services behind the endpoint, each with what it works on; what they do by themselves rests once
    /// the daemon drains.
    pub(super) fn services(&self, draining: watch::Receiver<bool>) -> Result<Vec<Service>, Failure> {
        let kinesis = self.runtime.block_on(Kinesis::open(Arc::clone(&self.directory)));
        let kinesis = kinesis.map_err(|cause| Failure::fault("opening the Kinesis API", cause))?;
        let (queues, settings) = (Arc::clone(&self.queues), self.settings.aws.sqs);
        let sqs = self.runtime.block_on(Sqs::open(queues, settings, draining));
        let sqs = sqs.map_err(|cause| Failure::fault("opening the SQS API", cause))?;
        Ok(vec![kinesis.service(), sqs.service()])
    }

    /// Serves the endpoint until what this answers is dropped. Requests are refused as soon as a
    /// stop is asked for.
    pub(super) fn serve_aws(
        &self,
        services: Vec<Service>,
        draining: watch::Receiver<bool>,
    ) -> Result<Option<Endpoint>, Failure> {
        let failed = |cause| Failure::fault("serving AWS protocols", cause);
        let Some(listener) = &self.aws else { return Ok(None) };
        let listener = listener.try_clone().map_err(failed)?;
        let front = Front::new(
            &self.settings.aws,
            services,
            self.runtime.handle().clone(),
            self.metrics.endpoint(),
            draining,
        );
        Endpoint::start(listener, front, self.settings.aws.idle.0).map(Some).map_err(failed)
    }
}
