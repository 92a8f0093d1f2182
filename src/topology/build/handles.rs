//! What the nodes of a topology share, and what those of the next one go on with.

use crate::pipeline::{
    ingress::{Door, IngressStage},
    queue::Queue,
    stream::Stream,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Weak},
};

/// The streams and queues of a topology by name, and the doors of its ingresses.
#[derive(Debug, Clone, Default)]
pub struct Handles {
    pub streams: BTreeMap<String, Arc<Stream>>,
    pub queues: BTreeMap<String, Arc<Queue>>,
    doors: Vec<Doorway>,
}

/// The door of one ingress. Its stages hold it: it closes when the last one has gone.
#[derive(Debug, Clone)]
struct Doorway {
    node: String,
    /// The address as the topology has it; the bound one may differ.
    listen: String,
    door: Weak<Door>,
}

impl Handles {
    /// The door that an ingress goes on with: its own, or one that listens where it is to listen and
    /// is not among those `given` already. `stays` tells the ingresses that the next topology has,
    /// too: where the port is any that is free, they do not give theirs away.
    pub(super) fn door(
        &self,
        node: &str,
        listen: &str,
        given: &Self,
        stays: impl Fn(&str) -> bool,
    ) -> Option<Arc<Door>> {
        let is_given = |door: &Weak<Door>| given.doors.iter().any(|doorway| doorway.door.ptr_eq(door));
        let alike = || self.doors.iter().filter(|doorway| doorway.listen == listen);
        let open = |doorway: &Doorway| doorway.door.upgrade().filter(|_| !is_given(&doorway.door));
        let own = alike().find(|doorway| doorway.node == node).and_then(open);
        own.or_else(|| {
            let free = |doorway: &&Doorway| !is_any_port(listen) || !stays(&doorway.node);
            alike().filter(free).find_map(open)
        })
    }

    pub(super) fn keep_door(&mut self, node: &str, listen: &str, stage: &IngressStage) {
        let door = Arc::downgrade(stage.door());
        self.doors.push(Doorway { node: node.to_owned(), listen: listen.to_owned(), door });
    }

    /// Takes over the door of an ingress that runs on.
    pub(super) fn keep_door_of(&mut self, node: &str, running: &Self) {
        self.doors.extend(running.doors.iter().filter(|doorway| doorway.node == node).cloned());
    }

    /// Where each ingress listens, by node.
    pub fn listening(&self) -> Vec<(String, SocketAddr)> {
        let address = |doorway: &Doorway| Some((doorway.node.clone(), doorway.door.upgrade()?.address()));
        self.doors.iter().filter_map(address).collect()
    }
}

fn is_any_port(listen: &str) -> bool {
    listen.ends_with(":0")
}
