//! A chart as SVG, whose colours and strokes are classes of the page's style.

mod marks;
mod pen;

use super::{Axis, Chart, PLAIN, Series, Shape, buckets, escaped, number, thin::Bucket, time};
use pen::Pen;
use std::fmt::Write;

const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// How far above the plane a line goes whose values are beyond it, and how much of that is seen.
const BEYOND: f64 = 12.0;
const EDGE: f64 = 4.0;
/// Sums of fractions that are a hair above the axis are on it.
const NEARLY: f64 = 1.000_01;
/// Intervals that a line is thinned to.
const INTERVALS: usize = 600;
/// With more remarks on a series, only the first within each interval is shown.
const MOST_REMARKS: usize = 400;
/// Colours of the page's style; further series begin anew.
const COLOURS: usize = 9;

/// Where a chart is drawn, in user units; `id` is unlike that of any other chart of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: String,
    pub width: f64,
    pub height: f64,
}

/// The plane that values are drawn on.
struct Plane<'a> {
    frame: &'a Frame,
    across: Axis,
    up: Axis,
}

impl Plane<'_> {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + self.across.share(seconds) * (self.frame.width - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        if value > self.up.high * NEARLY {
            return TOP - BEYOND;
        }
        TOP + (1.0 - self.up.share(value)) * (self.frame.height - TOP - BOTTOM)
    }

    fn bottom(&self) -> f64 {
        self.frame.height - BOTTOM
    }

    fn right(&self) -> f64 {
        self.frame.width - RIGHT
    }
}

/// The chart with axes, grid, series, levels and remarks, a title and a description.
pub fn svg(chart: &Chart, frame: &Frame) -> String {
    let up = chart.axis(((frame.height / 45.0) as usize).max(2));
    let plane = Plane { frame, across: Axis::of_time(chart.seconds, 10), up };
    let (id, width, height) = (escaped(&frame.id), frame.width, frame.height);
    let mut out = format!(
        "<svg class=\"chart\" id=\"{id}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-about\" data-left=\"{LEFT}\" data-right=\"{}\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-about\">{}</desc>\n\
         <clipPath id=\"{id}-clip\"><rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath>\n",
        plane.right(),
        escaped(&chart.heading()),
        escaped(&description(chart)),
        TOP - EDGE,
        plane.right() - LEFT,
        plane.bottom() - TOP + 2.0 * EDGE,
    );
    marks::ground(&mut out, &plane, &chart.marks);
    axes(&mut out, &plane);
    let _ = writeln!(out, "<g clip-path=\"url(#{id}-clip)\">");
    let is_ground = |series: &&Series| series.shape == Shape::Area;
    let behind = chart.series.iter().filter(is_ground);
    // The series with the most weight is drawn last, on top.
    let before = chart.series.iter().filter(|series| !is_ground(series)).rev();
    for series in behind.chain(before) {
        line(&mut out, &plane, series, chart.seconds);
    }
    out.push_str("</g>\n");
    levels(&mut out, &plane, chart);
    marks::names(&mut out, &plane, &chart.marks);
    let _ = writeln!(
        out,
        "<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{TOP}\" y2=\"{:.1}\" visibility=\"hidden\"/>\n</svg>",
        plane.bottom()
    );
    out
}

fn axes(out: &mut String, plane: &Plane) {
    let (bottom, right) = (plane.bottom(), plane.right());
    for (value, label) in &plane.up.ticks {
        let (y, label) = (plane.y(*value), escaped(label));
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            LEFT - 7.0,
            y + 4.0
        );
    }
    let last = plane.across.ticks.len().saturating_sub(1);
    for (place, (seconds, label)) in plane.across.ticks.iter().enumerate() {
        let (x, label) = (plane.x(*seconds), escaped(label));
        let ends_there = place == last && x > right - 24.0;
        let class = if ends_there { "tick end" } else { "tick middle" };
        let _ = writeln!(
            out,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>\
             <text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            bottom + 4.0,
            if ends_there { right } else { x },
            bottom + 18.0
        );
    }
}

fn levels(out: &mut String, plane: &Plane, chart: &Chart) {
    for level in &chart.levels {
        let (y, right) = (plane.y(level.value), plane.right());
        let _ = writeln!(
            out,
            "<line class=\"level\" x1=\"{LEFT}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"level end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            right - 4.0,
            y - 4.0,
            escaped(&level.name)
        );
    }
}

fn line(out: &mut String, plane: &Plane, series: &Series, seconds: f64) {
    let class = match series.shape {
        Shape::Area => "area".to_owned(),
        Shape::Line | Shape::Steps => format!("line {}", colour(series.colour)),
    };
    let path = path(plane, series, seconds);
    let _ = writeln!(
        out,
        "<g class=\"series\" data-name=\"{}\"><path class=\"{class}\" d=\"{path}\"/>",
        escaped(&series.name)
    );
    let is_dense = series.remarks.len() > MOST_REMARKS;
    let mut shown_in = None;
    for remark in &series.remarks {
        let interval = Some((remark.at / seconds * INTERVALS as f64) as u64);
        if is_dense && shown_in == interval {
            continue;
        }
        shown_in = interval;
        let _ = writeln!(
            out,
            "<circle class=\"remark {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}</title></circle>",
            colour(series.colour),
            plane.x(remark.at),
            plane.y(remark.value),
            escaped(&remark.says)
        );
    }
    out.push_str("</g>\n");
}

fn colour(of: usize) -> String {
    if of == PLAIN { "plain".to_owned() } else { format!("s{}", of % COLOURS) }
}

/// As many as there are points at the usual distance between two: with more of them a line would become steps.
fn line_intervals(series: &Series, seconds: f64) -> usize {
    let times = series.points.iter().map(|(at, _)| *at);
    let gaps = times.clone().skip(1).zip(times).map(|(at, before)| at - before);
    let mut gaps: Vec<f64> = gaps.filter(|gap| *gap > 0.0).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let points = gaps.get(gaps.len() / 2).map_or(0.0, |usual| seconds / usual);
    if points >= 1.0 { (points.round() as usize).min(INTERVALS) } else { INTERVALS }
}

/// Steps and areas go level and then up or down; a line goes straight to the next value.
fn path(plane: &Plane, series: &Series, seconds: f64) -> String {
    let mut pen = Pen::default();
    let intervals = if series.shape == Shape::Line { line_intervals(series, seconds) } else { INTERVALS };
    let width = seconds / intervals as f64;
    let all = buckets(&series.points, seconds, intervals);
    for (place, bucket) in all.iter().enumerate() {
        let Some(Bucket { least, most, last }) = bucket else { continue };
        let x = plane.x((place as f64 + 1.0) * width);
        let from = plane.x(place as f64 * width);
        let values = if series.shape == Shape::Area { [*most, *most, *most] } else { [*most, *least, *last] };
        pen.to(from, x, values.map(|value| plane.y(value)), series.shape != Shape::Line);
    }
    pen.rest();
    if series.shape == Shape::Area && !pen.path.is_empty() {
        let _ = write!(pen.path, "V{:.1}H{:.1}Z", plane.bottom(), pen.first);
    }
    pen.path
}

/// What a reader who does not see the chart is told.
fn description(chart: &Chart) -> String {
    let mut said = format!("Over {}.", time(chart.seconds));
    for series in &chart.series {
        let values = || series.points.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
        let Some(last) = values().next_back() else { continue };
        let (least, most) = (values().fold(last, f64::min), values().fold(last, f64::max));
        let _ = write!(
            said,
            " {}: from {} to {}, {} at the end.",
            series.name,
            number(least),
            number(most),
            number(last)
        );
    }
    for level in &chart.levels {
        let _ = write!(said, " {}: {}.", level.name, number(level.value));
    }
    said
}

/// The names of series with their colours; each can be left out by its box.
pub fn legend(names: &[(String, usize)]) -> String {
    let mut out = String::from("<ul class=\"legend\">\n");
    for (name, colour) in names {
        let name = escaped(name);
        let _ = writeln!(
            out,
            "<li><label><input type=\"checkbox\" checked data-name=\"{name}\">\
             <svg class=\"key\" viewBox=\"0 0 26 8\" aria-hidden=\"true\"><path class=\"line {}\" d=\"M0 4H26\"/></svg>\
             {name}</label></li>",
            self::colour(*colour)
        );
    }
    out.push_str("</ul>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::plot::chart::{Level, Mark, MarkKind, Remark, Scale};

    fn chart(shape: Shape, points: Vec<(f64, f64)>) -> Chart {
        let remark = Remark { at: 30.0, value: 4.0, says: "1 → 4: <b>backlog</b>".to_owned() };
        let series = Series { name: "a & b".to_owned(), shape, colour: 0, points, remarks: vec![remark] };
        Chart {
            title: "workers".to_owned(),
            seconds: 60.0,
            series: vec![series],
            levels: vec![Level { name: "goal".to_owned(), value: 2.0 }],
            ..Chart::default()
        }
    }

    fn frame() -> Frame {
        Frame { id: "c".to_owned(), width: 372.0, height: 132.0 }
    }

    fn steps() -> Vec<(f64, f64)> {
        (0..60).map(|second| (f64::from(second) + 0.05, if second < 30 { 1.0 } else { 4.0 })).collect()
    }

    #[test]
    fn steps_are_one_level_stretch_and_one_rise() {
        let picture = svg(&chart(Shape::Steps, steps()), &frame());
        assert!(picture.contains("d=\"M58.0 83.0H208.0V8.0H358.0\""), "{picture}");
    }

    #[test]
    fn an_area_is_closed_along_the_bottom() {
        let picture = svg(&chart(Shape::Area, steps()), &frame());
        assert!(picture.contains("d=\"M58.0 83.0H208.0V8.0H358.0V108.0H58.0Z\""), "{picture}");
    }

    #[test]
    fn whatever_text_comes_the_picture_stays_well_formed() {
        let picture = svg(&chart(Shape::Line, steps()), &frame());
        assert!(picture.contains("<title>1 → 4: &lt;b&gt;backlog&lt;/b&gt;</title>"), "{picture}");
        assert!(picture.contains("data-name=\"a &amp; b\""));
        assert!(picture.contains("a &amp; b: from 1 to 4, 4 at the end. goal: 2."));
        assert!(!picture.contains("<b>") && !picture.contains("NaN") && !picture.contains("inf"));
        assert!(legend(&[("<i>".to_owned(), 12)]).contains("s3"));
    }

    #[test]
    fn what_is_above_the_cut_leaves_the_picture_at_the_top() {
        let mut chart = chart(Shape::Steps, vec![(0.0, 1.0), (30.05, 1_000.0), (45.05, 1.0)]);
        chart.cut = Some(4.0);
        let picture = svg(&chart, &frame());
        assert!(picture.contains("H208.0V-4.0H283.0V83.0H358.0"), "{picture}");
    }

    #[test]
    fn a_line_of_few_points_goes_straight_from_one_to_the_next() {
        let points = [(5.0, 0.0), (15.0, 4.0), (25.0, 4.0), (45.0, 4.0), (55.0, 0.0)].to_vec();
        let picture = svg(&chart(Shape::Line, points), &frame());
        assert!(picture.contains("d=\"M58.0 108.0H108.0L158.0 8.0H308.0L358.0 108.0H358.0\""), "{picture}");
    }

    #[test]
    fn on_a_scale_of_powers_the_ground_is_not_zero() {
        let mut chart = chart(Shape::Line, vec![(0.0, 1.0), (30.0, 100.0)]);
        (chart.scale, chart.levels) = (Scale::Logarithmic, Vec::new());
        let picture = svg(&chart, &frame());
        assert!(picture.contains(">1</text>") && picture.contains(">100</text>"), "{picture}");
        assert!(!picture.contains(">0</text>\n<line class=\"grid\""), "{picture}");
        assert!(picture.contains("d=\"M58.0 108.0H"), "{picture}");
    }

    #[test]
    fn marks_are_told_where_they_are_and_named_where_there_is_room() {
        let mut chart = chart(Shape::Line, steps());
        let mark = |kind, from, until, name: &str| Mark {
            kind,
            from,
            until,
            name: name.to_owned(),
            says: format!("{name}: <said>"),
        };
        chart.marks = vec![
            mark(MarkKind::Stage, 0.0, 20.0, "warm-up"),
            mark(MarkKind::Stage, 1.0, 20.0, "hidden"),
            mark(MarkKind::Stage, 20.0, 60.0, "spike"),
            mark(MarkKind::Fault, 30.0, 45.0, "kill & restart"),
        ];
        let picture = svg(&chart, &frame());
        let band = "<rect class=\"fault\" x=\"208.0\" y=\"8\" width=\"75.0\" height=\"100.0\">";
        assert!(
            picture.contains(&format!("{band}<title>kill &amp; restart: &lt;said&gt;</title>")),
            "{picture}"
        );
        assert!(picture.contains(">warm-up</text>") && picture.contains(">spike</text>"), "{picture}");
        assert!(!picture.contains(">hidden</text>"), "it would stand on the first");
    }

    #[test]
    fn an_hour_of_noise_is_thinned() {
        let points = (0..3_600).map(|second| (f64::from(second), f64::from(second * 7919 % 101)));
        let mut chart = chart(Shape::Line, points.collect());
        chart.seconds = 3_600.0;
        assert!(svg(&chart, &frame()).len() < 60_000);
    }
}
