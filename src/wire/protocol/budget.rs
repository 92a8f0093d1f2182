//! What one request may hold, however it is written: so that few bytes never become much memory.

use super::scalar::Mismatch;
use std::cell::Cell;

/// Values of one request, empty members of structures counted. The largest that AWS takes (500
/// records) has some 2,000.
const MOST_VALUES: usize = 100_000;
/// How deep lists and structures may lie in each other. The deepest that AWS has is 6.
const DEEPEST: usize = 48;

/// What is left of both.
#[derive(Debug)]
pub(super) struct Budget {
    values: Cell<usize>,
}

/// How deep a value lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self { values: Cell::new(MOST_VALUES) }
    }

    /// # Errors
    /// When the request has more values than allowed.
    pub(super) fn take(&self, values: usize) -> Result<(), Mismatch> {
        match self.values.get().checked_sub(values) {
            Some(left) => {
                self.values.set(left);
                Ok(())
            }
            None => Err(format!("The request has more than {MOST_VALUES} values")),
        }
    }
}

impl Depth {
    /// # Errors
    /// When it would be too deep.
    pub(super) fn deeper(self) -> Result<Self, Mismatch> {
        if self.0 == DEEPEST {
            return Err(format!("The request is nested more than {DEEPEST} deep"));
        }
        Ok(Self(self.0 + 1))
    }
}
