//! Pages of charts that need nothing else: style and script are inside, and a cursor reads all charts at once.

mod readings;

pub use readings::{Readings, Told};

use super::chart::{Chart, Frame, Series, Shape, escaped, legend, number, svg};
use std::fmt::Write;

const STYLE: &str = include_str!("document.css");
const SCRIPT: &str = include_str!("document.js");
const WIDTH: f64 = 1_000.0;

/// The whole page; `header` and `main` are markup.
pub fn document(title: &str, header: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>{header}</header>\n<main>\n{main}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(title)
    )
}

/// Charts below each other, over the same time.
#[derive(Debug)]
pub struct Charts<'a> {
    /// Begins the ids of its elements: unlike that of any others on the page.
    pub id: String,
    /// What they are charts of.
    pub of: &'a str,
    /// Each with its height.
    pub charts: Vec<(Chart, f64)>,
    /// Whether each chart has a legend of its own.
    pub has_legends: bool,
    pub readings: Readings,
}

impl Charts<'_> {
    pub fn html(&self) -> String {
        let mut out = format!(
            "<div class=\"charts\" tabindex=\"0\" role=\"group\" aria-label=\"Charts of {}; the arrow keys move \
             a cursor through time\">\n\
             <output class=\"reading\" aria-live=\"polite\">Point at a chart, or press an arrow key, to read \
             values.</output>\n",
            escaped(self.of)
        );
        for (at, (chart, height)) in self.charts.iter().enumerate() {
            let frame = Frame { id: format!("{}-{at}", self.id), width: WIDTH, height: *height };
            figure(&mut out, chart, &frame, self.has_legends);
        }
        let readings = self.readings.json();
        let _ =
            writeln!(out, "<script type=\"application/json\" class=\"readings\">{readings}</script>\n</div>");
        out
    }
}

fn figure(out: &mut String, chart: &Chart, frame: &Frame, has_legend: bool) {
    let _ = writeln!(out, "<figure>\n<figcaption>{}</figcaption>", escaped(&chart.heading()));
    let drawn: Vec<&Series> = chart.series.iter().filter(|series| series.shape != Shape::Area).collect();
    if has_legend && drawn.len() > 1 {
        let names = drawn.iter().map(|series| (series.name.clone(), series.colour));
        out.push_str(&legend(&names.collect::<Vec<_>>()));
    }
    out.push_str(&svg(chart, frame));
    let peaks: Vec<String> = chart
        .beyond()
        .iter()
        .map(|(name, peak)| format!("{name} up to {} {}", number(*peak), chart.unit).trim_end().to_owned())
        .collect();
    if !peaks.is_empty() {
        let _ = writeln!(out, "<p class=\"beyond\">Beyond the chart: {}</p>", escaped(&peaks.join(", ")));
    }
    out.push_str("</figure>\n");
}
