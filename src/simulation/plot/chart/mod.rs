//! Charts over time, apart from what they show: one description, drawn as text or as SVG.

mod axis;
mod escape;
mod svg;
mod text;
mod thin;

pub use axis::{Axis, number, time};
pub use escape::escaped;
pub use svg::{Frame, legend, svg};
pub use text::{Room, beside, text};
pub use thin::buckets;

/// Room above a level, so that it is seen what stays below it.
const ABOVE_LEVEL: f64 = 1.15;
/// The colour of a series that stands alone.
pub const PLAIN: usize = usize::MAX;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// From point to point.
    Line,
    /// Each value holds until the next.
    Steps,
    /// Steps, with the ground below them filled; drawn behind all others.
    Area,
}

/// A remark on one point of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    pub at: f64,
    pub value: f64,
    pub says: String,
}

/// Values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub shape: Shape,
    /// Which of the palette's colours it has, or [`PLAIN`]; 0 is drawn with more weight.
    pub colour: usize,
    /// Seconds and value, in the order of time.
    pub points: Vec<(f64, f64)>,
    pub remarks: Vec<Remark>,
}

/// A value that is the same at all times, such as a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub name: String,
    pub value: f64,
}

/// One chart: values of one unit from 0 upwards, over seconds from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub title: String,
    /// Said after the title; empty for plain counts.
    pub unit: String,
    /// Length of the time axis, seconds.
    pub seconds: f64,
    /// Values above this are cut off. Absent: the axis reaches to the largest.
    pub cut: Option<f64>,
    pub series: Vec<Series>,
    pub levels: Vec<Level>,
}

impl Chart {
    /// Largest value that the axis must show.
    pub fn most(&self) -> f64 {
        let points = self.series.iter().flat_map(|series| &series.points).map(|(_, value)| *value);
        let levels = self.levels.iter().map(|level| level.value * ABOVE_LEVEL);
        let most = points.chain(levels).filter(|value| value.is_finite()).fold(0.0, f64::max);
        self.cut.map_or(most, |cut| most.min(cut))
    }

    /// Title and unit: `age (s)`.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() { self.title.clone() } else { format!("{} ({})", self.title, self.unit) }
    }
}
