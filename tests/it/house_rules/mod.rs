//! The house's style, kept by a test: sizes, walls between layers, names. Each rule is also fed a
//! sample that breaks it, so that a rule that sees nothing is found out.

mod source;

use source::{Source, all_sources, named};
use std::{collections::BTreeMap, path::Path};

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;
/// Banned as any word of a name; `common` only as the whole name, for it can be said of a type.
const BANNED: [&str; 6] = ["util", "utils", "helper", "helpers", "manager", "misc"];
/// Upper layers first: a layer imports only layers that follow it.
const LAYERS: [&str; 10] = [
    "cli",
    "load",
    "query",
    "topology",
    "simulation",
    "supervisor",
    "wire",
    "pipeline",
    "storage",
    "telemetry",
];
/// External crates that only some places may name.
const CONFINED: [(&str, &[&str]); 6] = [
    ("actix", &["supervisor/"]),
    ("actix_http", &["pipeline/http_server/"]),
    ("actix_service", &["pipeline/http_server/"]),
    ("actix_web", &["supervisor/", "pipeline/http_server/", "pipeline/ingress/", "wire/endpoint/"]),
    ("flume", &["pipeline/link.rs", "storage/"]),
    ("prometheus", &["telemetry/"]),
];

type Rule = fn(&Source) -> Vec<String>;

const RULES: [(&str, Rule); 7] = [
    ("a file is one idea of at most 400 lines", file_size),
    ("a function has at most 60 lines", function_length),
    ("imports go one way", layers),
    ("actix, flume and prometheus stay where they belong", confined),
    ("names say what is meant", banned_words),
    ("nothing is left for later", leftovers),
    ("records never enter a mailbox", mailboxes),
];

fn file_size(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE { vec![format!("{lines} lines")] } else { Vec::new() }
}

fn function_length(source: &Source) -> Vec<String> {
    let long = source.functions().into_iter().filter(|function| function.lines > LONGEST_FUNCTION);
    long.map(|function| format!("fn {} has {} lines", function.name, function.lines)).collect()
}

fn layers(source: &Source) -> Vec<String> {
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own) = source.layer().and_then(rank) else { return Vec::new() };
    let mut faults = Vec::new();
    for target in source.crate_imports() {
        if rank(&target).is_some_and(|other| other < own) {
            faults.push(format!("{} imports crate::{target}", LAYERS[own]));
        }
    }
    faults
}

fn confined(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, places) in CONFINED {
        let allowed = places.iter().any(|place| source.path.starts_with(place));
        // A module beside the file hides the crate of its name.
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&source.path);
        let is_hidden = beside.with_file_name(format!("{name}.rs")).exists();
        if !allowed && !is_hidden && source.names_crate(name) {
            faults.push(format!("names {name}, which belongs to {}", places.join(" and ")));
        }
    }
    faults
}

fn banned_words(source: &Source) -> Vec<String> {
    let is_banned = |name: &str| {
        name == "common" || name.split('_').any(|word| BANNED.contains(&word.to_lowercase().as_str()))
    };
    let path = source.path.trim_end_matches(".rs");
    let mut names: Vec<String> = path.split('/').map(str::to_owned).collect();
    names.extend(source.functions().into_iter().map(|function| function.name));
    names.extend(source.declared("mod "));
    names.into_iter().filter(|name| is_banned(name)).map(|name| format!("the name {name}")).collect()
}

fn leftovers(source: &Source) -> Vec<String> {
    let in_text = ["TODO", "FIXME", "XXX:"];
    let in_code = ["todo!", "unimplemented!", "#[ignore", "dbg!("];
    let mut faults = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        faults.extend(in_text.iter().filter(|word| line.contains(**word)).map(|word| (at, *word)));
    }
    for (at, line) in source.code.lines().enumerate() {
        faults.extend(in_code.iter().filter(|word| line.contains(**word)).map(|word| (at, *word)));
    }
    faults.into_iter().map(|(at, word)| format!("line {}: {word}", at + 1)).collect()
}

fn mailboxes(source: &Source) -> Vec<String> {
    let found = source.code.contains("do_send(");
    if found { vec!["do_send ignores the mailbox's bound".to_owned()] } else { Vec::new() }
}

/// Traits with fewer than two implementations.
fn lonely_traits(sources: &[Source]) -> Vec<String> {
    let mut implementations: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources {
        for name in source.declared("trait ") {
            implementations.entry(name).or_default();
        }
    }
    for source in sources {
        for name in source.implemented_traits() {
            if let Some(count) = implementations.get_mut(&name) {
                *count += 1;
            }
        }
    }
    let lonely = implementations.into_iter().filter(|(_, count)| *count < 2);
    lonely.map(|(name, count)| format!("trait {name} has {count} implementation(s)")).collect()
}

/// Metric names that do not follow `caudal_<noun>_<unit>`.
fn odd_metrics(source: &Source) -> Vec<String> {
    let makers = ["Opts::new(", "counters(", "gauges(", "IntCounter::new(", "Gauge::new("];
    let mut faults = Vec::new();
    for maker in makers {
        for (at, _) in source.code.match_indices(maker) {
            let rest = source.text[at + maker.len()..].trim_start();
            let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
            let plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            let counts = maker.starts_with("counters") || maker.starts_with("IntCounter");
            if !name.starts_with("caudal_") || !plain || counts != name.ends_with("_total") {
                faults.push(format!("metric {name}"));
            }
        }
    }
    faults
}

fn report(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let sources = all_sources("src");
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    let mut faults = Vec::new();
    for source in &sources {
        for (name, rule) in RULES {
            faults.extend(rule(source).into_iter().map(|what| format!("{}: {what} ({name})", source.path)));
        }
    }
    report(faults, "house rules are broken");
}

#[test]
fn tests_and_benches_are_short_too() {
    let mut faults = Vec::new();
    for source in all_sources("tests").iter().chain(&all_sources("benches")) {
        let broken = file_size(source).into_iter().chain(function_length(source));
        faults.extend(broken.map(|what| format!("{}: {what}", source.path)));
    }
    report(faults, "tests and benches have the same sizes");
}

#[test]
fn a_trait_has_at_least_two_implementations() {
    report(lonely_traits(&all_sources("src")), "a trait needs two implementations");
}

#[test]
fn metrics_are_named_caudal_noun_unit() {
    let sources = all_sources("src");
    let found: usize = sources.iter().map(|source| source.text.matches("\"caudal_").count()).sum();
    assert!(found > 10, "only {found} metric names were found");
    report(sources.iter().flat_map(odd_metrics).collect(), "metric names");
}

#[test]
fn each_rule_sees_what_breaks_it() {
    let long_file = "// a line\n".repeat(LONGEST_FILE + 1);
    let long_function = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(LONGEST_FUNCTION));
    let samples: [(Rule, &str, &str); 15] = [
        (file_size, "units.rs", &long_file),
        (function_length, "units.rs", &long_function),
        (layers, "storage/store.rs", "use crate::pipeline::Stage;"),
        (layers, "storage/store.rs", "use crate::{\n    units::Span,\n    supervisor::{Node, Tick},\n};"),
        (layers, "pipeline/raw/stage.rs", "fn f() { crate::topology::load() }"),
        (confined, "pipeline/stage.rs", "use actix::prelude::*;"),
        (confined, "storage/store.rs", "use actix_web::web;"),
        (confined, "pipeline/queue/stage.rs", "fn f() { let (a, b) = flume::bounded(1); }"),
        (banned_words, "pipeline/utils.rs", ""),
        (banned_words, "pipeline/common/mod.rs", ""),
        (banned_words, "pipeline/stage.rs", "fn merge_helpers() {}"),
        (banned_words, "pipeline/mod.rs", "mod queue_manager;"),
        (leftovers, "units.rs", "// TODO: later"),
        (leftovers, "units.rs", "fn f() { todo!() }"),
        (mailboxes, "supervisor/node.rs", "fn f(a: Addr<Node>) { a.do_send(Tick) }"),
    ];
    for (rule, path, text) in samples {
        assert!(!rule(&named(path, text)).is_empty(), "nothing was found in {path}:\n{text}");
    }
    let trait_of_one = named("units.rs", "trait Lonely {}\nimpl Lonely for u8 {}");
    assert_eq!(lonely_traits(&[trait_of_one]).len(), 1);
    assert_eq!(odd_metrics(&named("telemetry/m.rs", r#"Opts::new("records", "help")"#)).len(), 1);
    assert_eq!(odd_metrics(&named("telemetry/m.rs", r#"counters("caudal_records", "help")"#)).len(), 1);
}

#[test]
fn rules_do_not_see_what_is_allowed() {
    let text = r##"
//! Uses flume and actix, says the text; the fault is about a TO DO.
use crate::{storage::Store, telemetry::NodeMetrics, units::Span};
use actix_web_lab_of_nobody as lab;
const SQL: &str = r#"use crate::cli; todo!() { { {"#;
fn letters<'a>(text: &'a str) -> char { if text.is_empty() { '{' } else { '"' } }
pub trait Two { fn short(&self); }
impl Two for u8 { fn short(&self) {} }
impl<T: Clone> Two for Vec<T> { fn short(&self) {} }
"##;
    let source = named("pipeline/raw/stage.rs", text);
    for (name, rule) in RULES {
        assert_eq!(rule(&source), Vec::<String>::new(), "{name}");
    }
    assert_eq!(source.functions().len(), 3, "a declaration without a body is no function");
    assert!(lonely_traits(&[source]).is_empty());
}
