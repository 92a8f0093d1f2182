//! Clean restarts, kills, and power cuts.

use super::*;
use crate::storage::{cut_power, naive_model::Model};

/// Bytes of a frame that a torn write may leave; its head is longer.
const TORN: i64 = 40;

impl History {
    /// Receives that the disk is not to hear of: a standard queue answers before the flush. The queues as they were.
    async fn receive_unflushed(&mut self) -> BTreeMap<String, Model> {
        let plain = self.reference.lines.iter().filter(|(_, line)| !line.fifo());
        let before: BTreeMap<String, Model> =
            plain.map(|(name, line)| (name.clone(), line.model.clone())).collect();
        let names: Vec<String> = before.keys().cloned().collect();
        for _ in 0..self.upto(4) {
            if !names.is_empty() {
                let name = self.one_of(&names);
                self.receive_from(&name).await;
            }
        }
        before
    }

    /// A clean restart; a kill, after which all is there that was written; or a power cut, after which that is there
    /// which was flushed: every answer but those to receivers of standard queues.
    pub(super) async fn restart(mut self) -> Self {
        let (is_clean, is_cut) = (self.chance(0.4), self.chance(0.5));
        let kept = self.barrier().await;
        let mut lost = None;
        if is_clean {
            self.store().close().unwrap();
        } else if is_cut {
            lost = Some((self.receive_unflushed().await, self.upto(TORN).unsigned_abs()));
            self.barrier().await;
        }
        let Self { random, lab, clock, _stopped, folder, mut reference, handles, sent, mut done } = self;
        drop(lab);
        let lost = lost.filter(|(_, torn)| cut_power(folder.path(), kept, *torn));
        done.0.push(format!("a restart, clean: {is_clean}, by a power cut: {}", lost.is_some()));
        for (name, model) in lost.into_iter().flat_map(|(before, _)| before) {
            reference.lines.get_mut(&name).unwrap().model = model;
        }
        let lab = open(folder.path()).await;
        reference.restart();
        Self { random, lab, clock, _stopped, folder, reference, handles, sent, done }
    }
}
