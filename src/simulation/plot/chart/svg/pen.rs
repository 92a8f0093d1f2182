//! Paths of few letters.

use std::fmt::Write;

/// Writes a path and leaves out what goes straight on.
#[derive(Default)]
pub struct Pen {
    pub path: String,
    /// Where it began.
    pub first: f64,
    /// Where the pen is, in tenths of a unit of height so that equal heights compare equal.
    height: Option<i64>,
    /// How far a level stretch goes that is not written yet.
    level_to: Option<f64>,
    /// Whether the pen has moved within the present interval.
    is_within: bool,
}

impl Pen {
    /// Through three heights within the interval that ends at `x` and begins where the last one ended.
    pub fn to(&mut self, from: f64, x: f64, heights: [f64; 3], in_steps: bool) {
        for next in heights.map(|height| (height * 10.0).round() as i64) {
            let height = next as f64 / 10.0;
            match self.height {
                Some(last) if last == next => {}
                Some(_) => {
                    if let Some(level) = self.level_to.take() {
                        let _ = write!(self.path, "H{level:.1}");
                    }
                    let _ = match in_steps || self.is_within {
                        true => write!(self.path, "V{height:.1}"),
                        false => write!(self.path, "L{x:.1} {height:.1}"),
                    };
                    self.is_within = true;
                }
                None => {
                    let _ = write!(self.path, "M{from:.1} {height:.1}");
                    self.first = from;
                }
            }
            self.height = Some(next);
        }
        self.is_within = false;
        self.level_to = Some(x);
    }

    /// Writes what is still to be written.
    pub fn rest(&mut self) {
        if let Some(x) = self.level_to.take() {
            let _ = write!(self.path, "H{x:.1}");
        }
    }
}
