//! The plan drawn: as text for a person, as Mermaid for a page.

use super::{Plan, PlannedNode, Section};
use crate::{
    pipeline::{Scale, raw::Format, workers::Run},
    units::counted,
};
use std::fmt::Write as _;

/// A drawing in flow order: what a node feeds stands below it.
pub fn text(plan: &Plan) -> String {
    let mut drawing = Drawing { plan, drawn: Vec::new(), lines: Vec::new() };
    for node in &plan.nodes {
        // Upstream first: whatever is not yet drawn is fed by nothing.
        if !drawing.drawn.contains(&node.name.as_str()) {
            drawing.draw(node, "", "", String::new());
        }
    }
    let width = drawing.lines.iter().map(|line| line.label.chars().count()).max().unwrap_or_default();
    let mut text = format!("{}\n\n", plan.name);
    for line in drawing.lines {
        let padding = width - line.label.chars().count();
        let _ = writeln!(text, "{}", format!("{}{:padding$}  {}", line.label, "", line.detail).trim_end());
    }
    text
}

struct Drawing<'a> {
    plan: &'a Plan,
    drawn: Vec<&'a str>,
    lines: Vec<Line>,
}

struct Line {
    label: String,
    detail: String,
}

/// What an edge says besides where it leads.
struct Fed<'a> {
    node: &'a PlannedNode,
    note: String,
}

impl<'a> Drawing<'a> {
    fn draw(&mut self, node: &'a PlannedNode, indent: &str, branch: &str, note: String) {
        let label = format!("{indent}{branch}{} {}", node.kind.name(), node.name);
        if self.drawn.contains(&node.name.as_str()) {
            self.lines.push(Line { label, detail: joined([note, "(drawn above)".to_owned()]) });
            return;
        }
        self.drawn.push(&node.name);
        self.lines.push(Line { label, detail: joined([note, detail(self.plan, node)]) });
        let below = match branch {
            "" => indent.to_owned(),
            "└─ " => format!("{indent}   "),
            _ => format!("{indent}│  "),
        };
        let fed = fed_by(self.plan, node);
        let last = fed.len().saturating_sub(1);
        for (index, next) in fed.into_iter().enumerate() {
            let branch = if index == last { "└─ " } else { "├─ " };
            self.draw(next.node, &below, branch, next.note);
        }
    }
}

fn fed_by<'a>(plan: &'a Plan, upstream: &PlannedNode) -> Vec<Fed<'a>> {
    let fed = plan.nodes.iter().filter_map(|node| {
        let reads = node.from.as_ref().filter(|from| from.node == upstream.name);
        if let Some(from) = reads {
            let note = from.condition.as_ref().map(|condition| format!("where {condition}"));
            return Some(Fed { node, note: note.unwrap_or_default() });
        }
        if upstream.to.contains(&node.name) {
            return Some(Fed { node, note: String::new() });
        }
        let letter = upstream.dead_letter().filter(|letter| letter.queue == node.name)?;
        Some(Fed { node, note: format!("dead letters, after {} receives", letter.max_receives) })
    });
    fed.collect()
}

fn detail(plan: &Plan, node: &PlannedNode) -> String {
    let implicit = if node.implicit { "implicit" } else { "" };
    let facts = match &node.section {
        Section::Ingress(ingress) => {
            format!("{}, {}", ingress.listen, pool(&ingress.scale, "collector"))
        }
        Section::Stream(stream) => {
            format!("{}, kept {}", counted(stream.shards.into(), "shard"), stream.retention)
        }
        Section::Queue(queue) => {
            format!("hidden for {}, kept {}", queue.visibility_timeout, queue.retention)
        }
        Section::Workers(workers) => {
            let work = match &workers.run {
                Run { pulls: true, .. } => "program that pulls",
                Run { command: Some(_), .. } => "program",
                Run { http: Some(_), .. } => "http",
                Run { .. } => "rules",
            };
            format!("{work}, {}", pool(&workers.scale, "worker"))
        }
        Section::Raw(raw) => {
            let scale = raw.scale.pool_scale(plan.shards_read(node));
            format!("{} in {}, {}", format_name(raw.format), raw.path, pool(&scale, "writer"))
        }
        Section::Loader(loader) => {
            let scale = loader.scale.pool_scale(plan.shards_read(node));
            format!("table {}, {}", loader.table, pool(&scale, "writer"))
        }
    };
    joined([implicit.to_owned(), facts])
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::JsonLines => "jsonl",
        Format::JsonLinesGzip => "jsonl.gz",
        Format::JsonLinesZstd => "jsonl.zst",
        Format::Parquet => "parquet",
    }
}

fn pool(scale: &Scale, what: &str) -> String {
    match scale.min == scale.max {
        true => counted(scale.max.into(), what),
        false => format!("{} to {}", scale.min, counted(scale.max.into(), what)),
    }
}

fn joined<const N: usize>(parts: [String; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let place = |name: &str| plan.nodes.iter().position(|node| node.name == name).unwrap_or_default();
    let mut text = "flowchart LR\n".to_owned();
    for (index, node) in plan.nodes.iter().enumerate() {
        let label = escaped(&format!("{} {}", node.kind.name(), node.name));
        let (open, close) = match node.section {
            Section::Ingress(_) => ("([", "])"),
            Section::Stream(_) => ("[[", "]]"),
            Section::Queue(_) => ("[/", "/]"),
            Section::Workers(_) => ("(", ")"),
            Section::Raw(_) | Section::Loader(_) => ("[(", ")]"),
        };
        let _ = writeln!(text, "  n{index}{open}\"{label}\"{close}");
    }
    for (index, node) in plan.nodes.iter().enumerate() {
        for fed in fed_by(plan, node) {
            let to = place(&fed.node.name);
            let letters = node.dead_letter().is_some_and(|letter| letter.queue == fed.node.name);
            let arrow = if letters { "-.->" } else { "-->" };
            let note = match fed.note.is_empty() {
                true => String::new(),
                false => format!("|\"{}\"|", escaped(&fed.note)),
            };
            let _ = writeln!(text, "  n{index} {arrow}{note} n{to}");
        }
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
