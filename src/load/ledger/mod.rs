//! What was sent, and what became of it as far as its sender knows.

/// What became of a record as its sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Sent, not answered yet.
    Sent,
    Accepted,
    /// It was answered that it is not stored.
    Refused,
    /// No answer came: it may be stored or not.
    Unknown,
    /// No connection was made for it: it is stored nowhere.
    Unsent,
}

/// The records of one producer, by number from 0.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    keys: Vec<u32>,
    standings: Vec<Standing>,
}

impl Ledger {
    /// Notes a record before it is sent; gives its number.
    pub fn send(&mut self, key: u32) -> u64 {
        self.keys.push(key);
        self.standings.push(Standing::Sent);
        self.keys.len() as u64 - 1
    }

    /// Notes what was answered.
    pub fn settle(&mut self, number: u64, standing: Standing) {
        if let Some(noted) = usize::try_from(number).ok().and_then(|at| self.standings.get_mut(at)) {
            *noted = standing;
        }
    }

    /// Key and standing of each record, by number.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (u32, Standing)> {
        self.keys.iter().copied().zip(self.standings.iter().copied())
    }
}
