//! The server of an ingress and the gate behind it: gates change, connections stay.

use super::{
    Reply,
    gate::{Gate, serve},
};
use crate::pipeline::http_server::{Binding, HttpListener};
use actix_web::web::{self, ServiceConfig};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::Ordering::SeqCst},
};

/// A listening server with one gate behind it at a time. Whoever takes an ingress over puts its gate
/// behind the same door: no port is closed, no connection ends, and a request whose body is still
/// being read goes to the new gate. Dropping the last handle stops the server.
#[derive(Debug)]
pub struct Door {
    node: Arc<str>,
    gates: Arc<Gates>,
    listener: Mutex<HttpListener>,
}

/// The gate that takes requests now.
#[derive(Debug)]
pub(super) struct Gates(RwLock<Arc<Gate>>);

/// The server of an ingress: whatever comes is for the gate that is behind the door then.
fn listen(node: &str, address: &str, gates: &Arc<Gates>) -> io::Result<HttpListener> {
    let gates = web::Data::from(Arc::clone(gates));
    let configure = move |app: &mut ServiceConfig| {
        app.app_data(gates.clone()).default_service(web::to(serve));
    };
    HttpListener::bind(format!("ingress-{node}"), Binding::Address(address.to_owned()), configure)
}

impl Door {
    /// Binds the address; requests wait in the kernel until [`Self::open`].
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(super) fn bind(node: &Arc<str>, address: &str, gate: Arc<Gate>) -> io::Result<Arc<Self>> {
        let gates = Arc::new(Gates(RwLock::new(gate)));
        let listener = Mutex::new(listen(node, address, &gates)?);
        Ok(Arc::new(Self { node: Arc::clone(node), gates, listener }))
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.listener().address()
    }

    pub(super) fn is_listening(&self) -> bool {
        self.listener().is_running()
    }

    /// Begins to serve, again if the server has ended. Idempotent.
    pub(super) fn open(&self) {
        let mut listener = self.listener();
        listener.start();
        if listener.is_running() {
            return;
        }
        let (node, address) = (&self.node, listener.address().to_string());
        match listen(node, &address, &self.gates) {
            Ok(again) => {
                tracing::warn!(%node, %address, "the ingress server was started again");
                *listener = again;
                listener.start();
            }
            Err(error) => tracing::error!(%node, %address, %error, "the ingress cannot listen again"),
        }
    }

    pub(super) fn gates(&self) -> &Gates {
        &self.gates
    }

    fn listener(&self) -> MutexGuard<'_, HttpListener> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    pub(super) fn current(&self) -> Arc<Gate> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_current(&self, gate: &Arc<Gate>) -> bool {
        Arc::ptr_eq(&self.current(), gate)
    }

    /// Puts a gate in the place of the one of now, which it answers.
    pub(super) fn pass_to(&self, gate: Arc<Gate>) -> Arc<Gate> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), gate)
    }

    /// Puts `back` in the place of `gate`, unless another has taken that place.
    pub(super) fn give_back(&self, gate: &Arc<Gate>, back: Arc<Gate>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, gate) {
            *current = back;
        }
    }

    /// The gate for a request that comes now.
    ///
    /// # Errors
    /// The answer to give when there is none any more.
    pub(super) fn enter(&self) -> Result<Arc<Gate>, Reply> {
        let mut gate = self.current();
        while gate.draining.load(SeqCst) {
            let next = self.current();
            if Arc::ptr_eq(&next, &gate) {
                return Err(Reply::draining());
            }
            // It drains because it was replaced.
            gate = next;
        }
        Ok(gate)
    }
}
