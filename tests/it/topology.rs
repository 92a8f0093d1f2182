//! Topology files: every fault at its line, in the words people are shown.

use caudal::load::scenario;
use caudal::topology::{Fault, Language, Problem, Section, load, load_text, reference};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const FAULTY: &str = "tests/topologies";
const GOOD: &str = "topologies";

/// The only environment that the files of these tests see.
fn environment(name: &str) -> Option<String> {
    match name {
        "CAUDAL_TEST_FOUR" => Some("4".to_owned()),
        "CAUDAL_TEST_SECRET" => Some("hunter2".to_owned()),
        _ => None,
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| Language::of(file).is_some());
    files.sort();
    files
}

fn check(file: &Path) -> Vec<Fault> {
    let text = fs::read_to_string(file).unwrap();
    let shown = Path::new(file.file_name().unwrap());
    load_text(shown, &text, Language::of(file).unwrap(), &environment).err().unwrap_or_default()
}

fn shown(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// The faults beside a file; `CAUDAL_ACCEPT_FAULTS=1` writes what is found, for review.
fn compare(file: &Path, found: &str) -> Result<(), String> {
    let beside = file.with_added_extension("faults");
    if std::env::var_os("CAUDAL_ACCEPT_FAULTS").is_some() {
        fs::write(&beside, found).unwrap();
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    if expected == found {
        return Ok(());
    }
    Err(format!("{}\nexpected:\n{expected}found:\n{found}", file.display()))
}

#[test]
fn each_fault_is_reported_at_its_line_with_the_remedy() {
    let files = files(FAULTY);
    assert!(files.len() >= 20, "only {} files", files.len());
    let differing: Vec<String> =
        files.iter().filter_map(|file| compare(file, &shown(&check(file))).err()).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_files_break_every_rule() {
    let mut broken: BTreeSet<&str> =
        files(FAULTY).iter().flat_map(|file| check(file)).map(|f| f.rule).collect();
    let missing = load(Path::new("no/such/file.toml")).unwrap_err();
    let language = load(Path::new("topology.json")).unwrap_err();
    broken.extend(missing.iter().chain(&language).map(|fault| fault.rule));
    let unbroken: Vec<&str> = Problem::RULES.into_iter().filter(|rule| !broken.contains(rule)).collect();
    // The schema says all that the types say, so nothing reaches the types malformed.
    assert_eq!(unbroken, ["malformed"]);
}

#[test]
fn no_fault_shows_a_value_of_the_environment() {
    for file in files(FAULTY) {
        let faults = check(&file);
        let told = format!("{faults:?}{}", shown(&faults));
        assert!(!told.contains("hunter2"), "{}", file.display());
    }
}

#[test]
fn a_reference_is_substituted_in_texts_and_may_stand_for_a_number() {
    let text = "[ingress.door]\nto = \"events\"\n[stream.events]\nshards = \"${CAUDAL_TEST_FOUR}\"\n\
                [raw.bronze]\nfrom = \"events\"\nstore = \"file://${CAUDAL_TEST_SECRET}/$${kept}\"\n";
    let plan = load_text(Path::new("t.toml"), text, Language::Toml, &environment).unwrap();
    let Section::Stream(stream) = &plan.node("events").unwrap().section else { panic!("a stream") };
    assert_eq!(stream.shards, 4);
    let Section::Raw(raw) = &plan.node("bronze").unwrap().section else { panic!("a raw store") };
    assert_eq!(raw.store, "file://hunter2/${kept}");
}

#[test]
fn the_examples_have_no_faults() {
    for file in files(GOOD) {
        let plan = load(&file).map_err(|faults| shown(&faults)).unwrap();
        assert!(!plan.nodes.is_empty());
    }
}

#[test]
fn toml_and_yaml_say_the_same() {
    let toml = "[ingress.door]\nto = [\"a\", \"b\"]\nscale = { max = 3 }\n[stream.a]\nshards = 2\n[stream.b]\n\
                limits = { records_per_second = 5 }\n[raw.r]\nfrom = { node = \"a\", where = \"x > 1\" }\n\
                store = \"file://raw\"\n";
    let yaml = "ingress:\n  door:\n    to: [a, b]\n    scale: { max: 3 }\nstream:\n  a: { shards: 2 }\n  b:\n    \
                limits: { records_per_second: 5 }\nraw:\n  r:\n    from: { node: a, where: x > 1 }\n    \
                store: file://raw\n";
    let read = |text, language| load_text(Path::new("t"), text, language, &environment).unwrap();
    assert_eq!(read(toml, Language::Toml), read(yaml, Language::Yaml));
}

#[test]
fn the_references_are_those_the_schemas_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let pages = [("REFERENCE.md", "", reference()), ("SCENARIOS.md", "--scenario ", scenario::reference())];
    for (file, argument, page) in pages {
        let written = fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(
            written == page,
            "write it anew: cargo run --release -- schema {argument}--markdown > topologies/{file}"
        );
    }
}
