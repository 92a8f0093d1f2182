//! A chart as lines of text: dots of Braille letters, which are 2 wide and 4 high, on shaded ground.

use super::{Axis, Chart, Series, Shape, buckets};

const DOTS_ACROSS: usize = 2;
const DOTS_UP: usize = 4;
/// Bits of a Braille letter by column, from the lowest dot up.
const BITS: [[u32; DOTS_UP]; DOTS_ACROSS] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
/// Charts one below the other keep their left edges in line, as long as values have no more letters than this.
const LEAST_GUTTER: usize = 5;
const GROUND: char = '░';
const LEVEL: char = '┄';

/// What one place of the picture holds.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    dots: u32,
    on_ground: bool,
    on_level: bool,
}

impl Place {
    fn letter(self) -> char {
        match self {
            Self { dots, .. } if dots > 0 => char::from_u32(0x2800 + dots).unwrap_or(' '),
            Self { on_level: true, .. } => LEVEL,
            Self { on_ground: true, .. } => GROUND,
            _ => ' ',
        }
    }
}

struct Picture {
    across: usize,
    up: usize,
    /// Row by row, the lowest first.
    places: Vec<Place>,
}

impl Picture {
    fn at(&mut self, column: usize, row: usize) -> Option<&mut Place> {
        if column >= self.across {
            return None;
        }
        self.places.get_mut(row * self.across + column)
    }

    fn dot_row(&self, axis: &Axis, value: f64) -> usize {
        let highest = (self.up * DOTS_UP).saturating_sub(1);
        (axis.share(value) * highest as f64).round() as usize
    }

    fn level(&mut self, axis: &Axis, value: f64) {
        let row = self.dot_row(axis, value) / DOTS_UP;
        for column in 0..self.across {
            if let Some(place) = self.at(column, row) {
                place.on_level = true;
            }
        }
    }

    fn area(&mut self, axis: &Axis, series: &Series, seconds: f64) {
        for (column, bucket) in buckets(&series.points, seconds, self.across).iter().enumerate() {
            let Some(bucket) = bucket else { continue };
            let height = (axis.share(bucket.most) * self.up as f64).round() as usize;
            for row in 0..height {
                if let Some(place) = self.at(column, row) {
                    place.on_ground = true;
                }
            }
        }
    }

    fn line(&mut self, axis: &Axis, series: &Series, seconds: f64) {
        let mut before = None;
        for (dot, bucket) in buckets(&series.points, seconds, self.across * DOTS_ACROSS).iter().enumerate() {
            let Some(bucket) = bucket else { continue };
            let from = before.unwrap_or(bucket.last);
            let (low, high) = (bucket.least.min(from), bucket.most.max(from));
            before = Some(bucket.last);
            for row in self.dot_row(axis, low)..=self.dot_row(axis, high) {
                let bit = BITS.get(dot % DOTS_ACROSS).and_then(|bits| bits.get(row % DOTS_UP));
                let bit = bit.copied().unwrap_or_default();
                if let Some(place) = self.at(dot / DOTS_ACROSS, row / DOTS_UP) {
                    place.dots |= bit;
                }
            }
        }
    }

    fn row(&self, row: usize) -> String {
        let places = self.places.iter().skip(row * self.across).take(self.across);
        let text: String = places.map(|place| place.letter()).collect();
        text.trim_end().to_owned()
    }
}

fn drawn(chart: &Chart, axis: &Axis, across: usize, up: usize) -> Picture {
    let mut picture = Picture { across, up, places: vec![Place::default(); across * up] };
    for series in &chart.series {
        match series.shape {
            Shape::Area => picture.area(axis, series, chart.seconds),
            Shape::Line | Shape::Steps => picture.line(axis, series, chart.seconds),
        }
    }
    for level in &chart.levels {
        picture.level(axis, level.value);
    }
    picture
}

/// What a chart may take of a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Columns, all in all.
    pub width: usize,
    /// Rows of the picture itself.
    pub up: usize,
    /// Whether it is said how each series is drawn.
    pub has_legend: bool,
}

/// A chart with its heading and both axes.
pub fn text(chart: &Chart, room: Room) -> Vec<String> {
    let Room { width, up, has_legend } = room;
    let axis = chart.axis((up / 2).max(1));
    let longest = axis.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
    let gutter = longest.max(LEAST_GUTTER);
    let across = width.saturating_sub(gutter + 2).max(8);
    let picture = drawn(chart, &axis, across, up);
    let mut lines = vec![heading(chart, width, has_legend)];
    for row in (0..up).rev() {
        let tick = axis.ticks.iter().skip(1).find(|(at, _)| picture.dot_row(&axis, *at) / DOTS_UP == row);
        let (label, edge) = tick.map_or(("", '│'), |(_, label)| (label.as_str(), '┤'));
        lines.push(format!("{label:>gutter$} {edge}{}", picture.row(row)));
    }
    let first = axis.ticks.first().map_or("0", |(_, label)| label.as_str());
    lines.extend(foot(&Axis::of_time(chart.seconds, across / 11), first, (gutter, across)));
    lines
}

/// Title and unit to the left, what is drawn how to the right.
fn heading(chart: &Chart, width: usize, has_legend: bool) -> String {
    let series = chart.series.iter().map(|series| {
        let sign = if series.shape == Shape::Area { '░' } else { '⠒' };
        format!("{sign} {}", series.name)
    });
    let levels = chart.levels.iter().map(|level| format!("{LEVEL} {}", level.name));
    let legend = series.chain(levels).collect::<Vec<String>>().join("  ");
    let title = chart.heading();
    if !has_legend || chart.series.len() + chart.levels.len() < 2 {
        return title.chars().take(width).collect();
    }
    let room = width.saturating_sub(legend.chars().count());
    if title.chars().count() + 2 > room {
        return title.chars().take(width).collect();
    }
    format!("{title:<room$}{legend}")
}

/// The time axis with the value that it stands at, and what is written at its ticks.
fn foot(axis: &Axis, stands_at: &str, (gutter, across): (usize, usize)) -> [String; 2] {
    let mut line: Vec<char> = vec!['─'; across];
    let mut labels: Vec<char> = vec![' '; gutter + 2 + across];
    let mut free_from = 0;
    for (at, label) in &axis.ticks {
        let column = (axis.share(*at) * across.saturating_sub(1) as f64).round() as usize;
        let length = label.chars().count();
        let start = (gutter + 2 + column).saturating_sub(length / 2).min(labels.len().saturating_sub(length));
        if start < free_from {
            continue;
        }
        free_from = start + length + 1;
        if let Some(place) = line.get_mut(column) {
            *place = '┬';
        }
        for (place, letter) in labels.iter_mut().skip(start).zip(label.chars()) {
            *place = letter;
        }
    }
    let line: String = line.into_iter().collect();
    let labels: String = labels.into_iter().collect();
    [format!("{stands_at:>gutter$} └{line}"), labels.trim_end().to_owned()]
}

/// Two charts side by side, the right one from `column` on.
pub fn beside(left: &[String], right: &[String], column: usize) -> Vec<String> {
    let rows = left.len().max(right.len());
    let line = |side: &[String], row: usize| side.get(row).cloned().unwrap_or_default();
    (0..rows)
        .map(|row| format!("{:<column$}{}", line(left, row), line(right, row)).trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::plot::chart::Level;

    fn chart(points: Vec<(f64, f64)>, shape: Shape) -> Chart {
        let series = Series { name: "ordered".to_owned(), shape, colour: 0, points, remarks: Vec::new() };
        Chart { title: "workers".to_owned(), seconds: 60.0, series: vec![series], ..Chart::default() }
    }

    fn steps() -> Vec<(f64, f64)> {
        (0..60).map(|second| (f64::from(second), if second < 30 { 1.0 } else { 4.0 })).collect()
    }

    #[test]
    fn a_step_is_drawn_between_its_axes() {
        let mut chart = chart(steps(), Shape::Steps);
        chart.levels.push(Level { name: "goal 3".to_owned(), value: 3.0 });
        let lines = text(&chart, Room { width: 30, up: 5, has_legend: true });
        let expected = [
            "workers    ⠒ ordered  ┄ goal 3",
            "    4 ┤           ⢸⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉",
            "      │┄┄┄┄┄┄┄┄┄┄┄⢸┄┄┄┄┄┄┄┄┄┄┄",
            "    2 ┤           ⢸",
            "      │⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠼",
            "      │",
            "    0 └┬──────────┬──────────┬",
            "       0        30 s     1 min",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn no_line_is_wider_than_asked_whatever_is_drawn() {
        for width in [40, 57, 80, 100, 133] {
            for most in [0.0, 0.3, 7.0, 12_345.0] {
                let points = (0..60).map(|second| (f64::from(second), most * f64::from(second % 7) / 6.0));
                let mut chart = chart(points.collect(), Shape::Area);
                chart.levels.push(Level { name: "goal".to_owned(), value: most / 2.0 });
                for line in text(&chart, Room { width, up: 5, has_legend: true }) {
                    assert!(line.chars().count() <= width, "{width}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_chart_without_points_has_only_its_axes() {
        let lines = text(&chart(Vec::new(), Shape::Line), Room { width: 40, up: 3, has_legend: false });
        assert!(lines[1..4].iter().all(|line| line.ends_with(['│', '┤'])), "{lines:?}");
    }

    #[test]
    fn charts_stand_side_by_side_in_columns() {
        let left = ["ab".to_owned(), "c".to_owned()];
        let right = ["d".to_owned()];
        assert_eq!(beside(&left, &right, 4), ["ab  d", "c"]);
    }
}
