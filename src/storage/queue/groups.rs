//! Message groups: which messages belong together, and which group a receive takes from.

use super::{fairness::Fairness, keys::Fingerprint, members::Members, message::Received};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// One group with messages in the queue.
#[derive(Debug, Clone, Default)]
struct Group {
    name: Fingerprint,
    /// All its messages.
    messages: u32,
    /// Messages received and not visible: in flight, given back with a delay, or spent.
    held: u32,
    in_flight: u32,
    /// Its lowest visible message while a receive may take from it.
    open_at: Option<u64>,
    last_sent_at_ms: i64,
    /// Visible messages that became so in order of sequence.
    line: VecDeque<u64>,
}

impl Group {
    fn is_active(&self) -> bool {
        self.in_flight > 0 || self.open_at.is_some()
    }
}

/// The groups of one queue and their visible messages. Groups without messages are forgotten.
///
/// On a FIFO queue a group with a held message is closed: nothing is taken from it. Every operation
/// takes time logarithmic in what is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    fifo: bool,
    numbers: HashMap<Fingerprint, u32>,
    groups: Vec<Group>,
    unused: Vec<u32>,
    /// The groups of messages never received.
    fresh: Members,
    /// Visible messages, by group, that became so after a higher one: most were given back.
    returned: BTreeSet<(u32, u64)>,
    visible: u64,
    /// Groups that a receive may take from: their lowest visible message and number.
    open: BTreeSet<(u64, u32)>,
    active: u64,
    pub fairness: Fairness,
}

/// The message that a fair receive takes from a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub sequence: u64,
    /// Every group with something to give is noisy.
    pub noisy: bool,
}

impl Groups {
    pub fn new(fifo: bool) -> Self {
        Self { fifo, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Visible messages.
    pub fn visible(&self) -> u64 {
        self.visible
    }

    /// Groups that are in flight or could be received now.
    pub fn active(&self) -> u64 {
        self.active
    }

    fn group(&self, number: u32) -> Option<&Group> {
        usize::try_from(number).ok().and_then(|number| self.groups.get(number))
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut Group)) {
        let place = usize::try_from(number).ok().and_then(|number| self.groups.get_mut(number));
        let Some(group) = place else { return };
        let (was_active, was_in_flight) = (group.is_active(), group.in_flight);
        change(group);
        self.active = self.active + u64::from(group.is_active()) - u64::from(was_active);
        if was_in_flight != group.in_flight {
            self.fairness.in_flight(number, was_in_flight, group.in_flight);
        }
    }

    /// The number of a group, which has one message more now.
    pub fn join(&mut self, name: Fingerprint, sent_at_ms: i64) -> u32 {
        let number = self.numbers.get(&name).copied().unwrap_or_else(|| self.found(name));
        self.change(number, |group| {
            group.messages += 1;
            group.last_sent_at_ms = group.last_sent_at_ms.max(sent_at_ms);
        });
        number
    }

    fn found(&mut self, name: Fingerprint) -> u32 {
        let number = self.unused.pop().unwrap_or_else(|| {
            self.groups.push(Group::default());
            u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
        });
        self.change(number, |group| *group = Group { name, last_sent_at_ms: i64::MIN, ..Group::default() });
        self.numbers.insert(name, number);
        number
    }

    /// A message of the group is gone, after it was taken out of everything else.
    pub fn leave(&mut self, number: u32) {
        self.change(number, |group| group.messages = group.messages.saturating_sub(1));
        let Some(name) = self.group(number).filter(|group| group.messages == 0).map(|group| group.name)
        else {
            return;
        };
        if self.numbers.remove(&name).is_some() {
            self.change(number, |group| *group = Group::default());
            self.unused.push(number);
            self.fairness.forget(number);
        }
    }

    /// Remembers the group of a message never received.
    pub fn insert_fresh(&mut self, sequence: u64, number: u32) {
        self.fresh.insert(sequence, number);
    }

    /// Takes out a message never received, visible or not; gives its group if it has one.
    pub fn take_fresh(&mut self, sequence: u64) -> Option<u32> {
        let number = self.fresh.remove(sequence)?;
        self.hide(number, sequence);
        Some(number)
    }

    pub fn first_fresh(&self) -> Option<u64> {
        self.fresh.first()
    }

    pub fn is_fresh(&self, sequence: u64) -> bool {
        self.fresh.get(sequence).is_some()
    }

    /// Messages never received that have a group, from `first` to before `end`, and their groups.
    pub fn fresh_between(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.fresh.between(first, end)
    }

    pub fn fresh_count(&self) -> usize {
        self.fresh.count()
    }

    /// A message of the group is visible now.
    pub fn show(&mut self, number: u32, sequence: u64) {
        let Some(group) = self.group(number) else { return };
        let is_first = !self.is_closed(group) && group.open_at.is_none_or(|open_at| sequence < open_at);
        if group.line.back().is_none_or(|last| *last < sequence) {
            self.change(number, |group| group.line.push_back(sequence));
        } else {
            self.returned.insert((number, sequence));
        }
        self.visible += 1;
        if is_first {
            self.open_at(number, Some(sequence));
        }
    }

    fn hide(&mut self, number: u32, sequence: u64) {
        let place = usize::try_from(number).ok().and_then(|number| self.groups.get_mut(number));
        let Some(group) = place else { return };
        if group.line.front() == Some(&sequence) {
            group.line.pop_front();
            if group.line.capacity() > 64 && group.line.len() < group.line.capacity() / 4 {
                group.line.shrink_to(group.line.len() * 2);
            }
        } else if !self.returned.remove(&(number, sequence)) {
            let Ok(place) = group.line.binary_search(&sequence) else { return };
            group.line.remove(place);
        }
        self.visible -= 1;
        if group.open_at == Some(sequence) {
            self.open_at(number, self.lowest(number));
        }
    }

    fn lowest(&self, number: u32) -> Option<u64> {
        let first = self.group(number).and_then(|group| group.line.front()).copied();
        first.into_iter().chain(self.returned_of(number).next()).min()
    }

    fn returned_of(&self, number: u32) -> impl Iterator<Item = u64> + '_ {
        self.returned.range((number, 0)..=(number, u64::MAX)).map(|(_, sequence)| *sequence)
    }

    /// The lowest visible messages of a group, at most `max`.
    pub fn first_visible(&self, number: u32, max: usize) -> Vec<u64> {
        let line = self.group(number).into_iter().flat_map(|group| group.line.iter().take(max));
        let mut first: Vec<u64> = line.copied().collect();
        let in_line = first.len();
        first.extend(self.returned_of(number).take(max));
        if first.len() > in_line {
            first.sort_unstable();
            first.truncate(max);
        }
        first
    }

    fn is_closed(&self, group: &Group) -> bool {
        self.fifo && group.held > 0
    }

    fn open_at(&mut self, number: u32, head: Option<u64>) {
        let known = self.group(number).and_then(|group| group.open_at);
        if known == head {
            return;
        }
        if let Some(known) = known {
            self.open.remove(&(known, number));
        }
        self.open.extend(head.map(|head| (head, number)));
        self.change(number, |group| group.open_at = head);
    }

    /// A received message of the group stands anew. `None`: it was not received before, or is gone.
    pub fn moved(&mut self, number: u32, sequence: u64, from: Option<&Received>, to: Option<&Received>) {
        let visible = |message: Option<&Received>| message.is_some_and(Received::is_visible);
        let held =
            |message: Option<&Received>| u32::from(message.is_some_and(|message| !message.is_visible()));
        let in_flight = |message: Option<&Received>| u32::from(message.is_some_and(Received::is_in_flight));
        let is_closed = |groups: &Self| groups.group(number).is_some_and(|group| groups.is_closed(group));
        let was_closed = is_closed(self);
        self.change(number, |group| {
            group.held = group.held + held(to) - held(from).min(group.held);
            group.in_flight = group.in_flight + in_flight(to) - in_flight(from).min(group.in_flight);
        });
        let is_closed = is_closed(self);
        if is_closed && !was_closed {
            self.open_at(number, None);
        }
        if visible(from) && !visible(to) {
            self.hide(number, sequence);
        } else if visible(to) && !visible(from) {
            self.show(number, sequence);
        }
        if was_closed && !is_closed {
            self.open_at(number, self.lowest(number));
        }
    }

    /// The open group whose lowest visible message is the lowest of all.
    pub fn first_open(&self) -> Option<u32> {
        self.open.first().map(|(_, number)| *number)
    }

    /// The lowest visible message of all open groups.
    pub fn lowest_open(&self) -> Option<u64> {
        self.open.first().map(|(sequence, _)| *sequence)
    }

    /// The message that a fair receive takes: the lowest of the groups that are not noisy; when all
    /// are, the lowest of the noisy one with the fewest messages in flight.
    pub fn fairest(&self, in_flight: u64, now_ms: i64) -> Option<Candidate> {
        let last_sent_at_ms = |number| self.group(number).map_or(0, |group| group.last_sent_at_ms);
        let noisy = self.fairness.noisy(in_flight, now_ms, last_sent_at_ms);
        if let Some((sequence, _)) = self.open.iter().find(|(_, number)| !noisy.contains(number)) {
            return Some(Candidate { sequence: *sequence, noisy: false });
        }
        let open = noisy.iter().filter_map(|number| self.group(*number));
        let open = open.filter_map(|group| Some((group.in_flight, group.open_at?)));
        open.min().map(|(_, sequence)| Candidate { sequence, noisy: true })
    }

    /// A group's name and when something was last sent to it.
    pub fn facts(&self, number: u32) -> (Fingerprint, i64) {
        self.group(number).map_or_else(Default::default, |group| (group.name, group.last_sent_at_ms))
    }

    /// The numbers of all groups, in order.
    pub fn numbers(&self) -> BTreeSet<u32> {
        self.numbers.values().copied().collect()
    }
}
