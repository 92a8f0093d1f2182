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

impl Series {
    /// Its largest value, at least 0.
    pub fn most(&self) -> f64 {
        self.points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }
}

/// A value that is the same at all times, such as a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub name: String,
    pub value: f64,
}

/// What the run was in the midst of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// A stretch of the plan: a line where it begins.
    Stage,
    /// Something that went wrong: the ground of its time is shaded.
    Fault,
}

/// A stretch of time that all series share.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub kind: MarkKind,
    pub from: f64,
    pub until: f64,
    /// Written at its begin, where there is room; may be empty.
    pub name: String,
    pub says: String,
}

/// How values are spread over the height of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// From 0 to the largest.
    #[default]
    Linear,
    /// Each factor of ten is as high as any other; only values above 0 are seen.
    Logarithmic,
}

/// One chart: values of one unit, over seconds from 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    pub title: String,
    /// Said after the title; empty for plain counts.
    pub unit: String,
    /// Length of the time axis, seconds.
    pub seconds: f64,
    pub scale: Scale,
    /// Values above this are cut off. Absent: the axis reaches to the largest.
    pub cut: Option<f64>,
    pub series: Vec<Series>,
    pub levels: Vec<Level>,
    pub marks: Vec<Mark>,
}

impl Chart {
    /// The axis of its values, with about so many intervals between ticks.
    pub fn axis(&self, intervals: usize) -> Axis {
        match self.scale {
            Scale::Linear => Axis::of_values(self.most(), intervals),
            Scale::Logarithmic => Axis::of_powers(self.least(), self.most(), intervals),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.map(|(_, value)| *value).filter(|value| value.is_finite())
    }

    /// Smallest value above 0; infinite when there is none.
    fn least(&self) -> f64 {
        let levels = self.levels.iter().map(|level| level.value);
        self.values().chain(levels).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// Largest value that the axis must show.
    pub fn most(&self) -> f64 {
        let points = self.values();
        let levels = self.levels.iter().map(|level| level.value * ABOVE_LEVEL);
        let most = points.chain(levels).filter(|value| value.is_finite()).fold(0.0, f64::max);
        self.cut.map_or(most, |cut| most.min(cut))
    }

    /// The points of one of its series, or none.
    pub fn points(&self, series: usize) -> &[(f64, f64)] {
        self.series.get(series).map(|series| series.points.as_slice()).unwrap_or_default()
    }

    /// Series that leave the chart at the top, with their largest value.
    pub fn beyond(&self) -> Vec<(&str, f64)> {
        let Some(cut) = self.cut else { return Vec::new() };
        let peaks = self.series.iter().map(|series| (series.name.as_str(), series.most()));
        peaks.filter(|(_, peak)| *peak > cut).collect()
    }

    /// Title and unit: `age (s)`.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() { self.title.clone() } else { format!("{} ({})", self.title, self.unit) }
    }
}
