use super::*;
use crate::topology::{Fault, Language, load_text};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{collections::BTreeSet, path::Path};

const BASE: &str = r#"
[topology]
name = "base"

[ingress.door]
to = ["trips", "bare"]
require = ["/a"]
scale = { min = 1, max = 2 }

[stream.trips]
shards = 2
retention = "1h"

[raw.bronze]
from = "trips"
store = "file://raw"

[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "facts"
sql = "select * from input"

[[loader.facts.test]]
given = [{ a = 1 }]
expect = { count = 1 }

[queue.odd]
from = { node = "trips", where = "a > 1" }
visibility_timeout = "30s"
dead_letter = { queue = "letters", max_receives = 5 }

[workers.mend]
from = "odd"
to = "mended"
scale = { min = 1, max = 4 }
run = { rules = { sql = "select * from input" } }

[loader.mended]
warehouse = "file://warehouse"
table = "mended"

[raw.bare]
store = "file://bare"
"#;

fn plan(text: &str) -> Plan {
    let plan = load_text(Path::new("t.toml"), text, Language::Toml, &|_| None);
    plan.unwrap_or_else(|faults| {
        panic!("{:?}\n{text}", faults.iter().map(Fault::to_string).collect::<Vec<_>>())
    })
}

/// `BASE` with one text for another.
fn with(old: &str, new: &str) -> Plan {
    assert!(BASE.contains(old), "{old}");
    plan(&BASE.replacen(old, new, 1))
}

fn changed(wanted: &Plan) -> Changes {
    Changes::between(&plan(BASE), wanted, &[])
}

/// What does not just run on: `FATE KIND NAME: FIELDS`.
fn told(changes: &Changes) -> Vec<String> {
    let differs = changes.nodes.iter().filter(|node| node.fate != Fate::Kept);
    let tell = |node: &NodeChange| {
        let fields = node.fields.join(", ");
        format!("{:?} {} {}: {fields}", node.fate, node.kind.name(), node.node)
    };
    differs.map(tell).map(|line| line.trim_end_matches(": ").to_owned()).collect()
}

#[test]
fn a_plan_equal_to_the_running_one_changes_nothing() {
    let changes = changed(&plan(BASE));
    assert!(changes.is_empty(), "{:?}", told(&changes));
    assert_eq!(changes.of(Fate::Kept).count(), plan(BASE).nodes.len());
    let reordered = BASE.replace("[topology]\nname = \"base\"\n", "") + "[topology]\nname = \"base\"\n";
    assert!(changed(&plan(&reordered)).is_empty(), "the order of sections is no change");
}

#[test]
fn a_changed_field_touches_its_node_alone() {
    let cases = [
        ("require = [\"/a\"]", "require = [\"/b\"]", "Replaced ingress door: require"),
        (
            "to = [\"trips\", \"bare\"]\n",
            "to = [\"trips\", \"bare\"]\nlisten = \"127.0.0.1:1\"\n",
            "Replaced ingress door: listen",
        ),
        ("min = 1, max = 2", "min = 2, max = 3", "Rescaled ingress door: scale.max, scale.min"),
        ("min = 1, max = 4", "min = 1, max = 9", "Rescaled workers mend: scale.max"),
        (
            "min = 1, max = 4 }",
            "min = 1, max = 4 }\nrestart = { rest = \"20ms\" }",
            "Rescaled workers mend: restart.rest",
        ),
        ("retention = \"1h\"", "retention = \"2h\"", "Redefined stream trips: retention"),
        (
            "retention = \"1h\"",
            "retention = \"1h\"\nlimits = { records_per_second = 9 }",
            "Redefined stream trips: limits",
        ),
        (
            "visibility_timeout = \"30s\"",
            "visibility_timeout = \"31s\"",
            "Redefined queue odd: visibility_timeout",
        ),
        ("max_receives = 5", "max_receives = 6", "Redefined queue odd: dead_letter.max_receives"),
        ("where = \"a > 1\"", "where = \"a > 2\"", "Replaced queue odd: from.where"),
        (
            "store = \"file://raw\"",
            "store = \"file://raw\"\nformat = \"jsonl\"",
            "Replaced raw bronze: format",
        ),
        ("sql = \"select * from input\"\n", "sql = \"select a from input\"\n", "Replaced loader facts: sql"),
        (
            "sql = \"select * from input\" }",
            "sql = \"select a from input\" }",
            "Replaced workers mend: run.rules.sql",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(told(&changed(&with(old, new))), [expected], "{new}");
    }
}

#[test]
fn tests_of_rules_and_what_is_written_out_are_no_change() {
    assert!(changed(&with("expect = { count = 1 }", "expect = { rejected = 1 }")).is_empty());
    let written_out = BASE.to_owned() + "[queue.letters]\nretention = \"14d\"\n";
    assert!(changed(&plan(&written_out)).is_empty(), "a queue that was only named before");
}

#[test]
fn nodes_are_added_and_removed_with_what_is_implicit() {
    let added = plan(&(BASE.to_owned() + "[raw.gold]\nfrom = \"trips\"\nstore = \"file://gold\"\n"));
    assert_eq!(told(&changed(&added)), ["Added raw gold"]);
    let base = plan(BASE);
    assert_eq!(told(&Changes::between(&added, &base, &[])), ["Removed raw gold"]);
    let without = BASE.replace("to = [\"trips\", \"bare\"]", "to = \"trips\"");
    let without = without.replace("[raw.bare]\nstore = \"file://bare\"\n", "");
    assert_eq!(
        told(&changed(&plan(&without))),
        ["Replaced ingress door: to", "Removed stream bare.inbox", "Removed raw bare"]
    );
}

#[test]
fn what_a_stage_takes_from_its_neighbours_replaces_it_too() {
    let keyed = with("retention = \"1h\"", "retention = \"1h\"\npartition_key = \"/a\"");
    assert_eq!(
        told(&changed(&keyed)),
        ["Replaced ingress door: partition_key of trips", "Redefined stream trips: partition_key"]
    );
    let letters = with("queue = \"letters\"", "queue = \"others\"");
    assert_eq!(
        told(&changed(&letters)),
        [
            "Replaced queue odd: dead_letter.queue",
            "Replaced workers mend: dead_letter of odd",
            "Added queue others",
            "Removed queue letters"
        ]
    );
    let redefined: Vec<_> = changed(&letters).redefined().map(|node| node.node.clone()).collect();
    assert_eq!(redefined, ["odd"]);
}

#[test]
fn everything_that_cannot_change_while_it_runs_is_refused_at_once() {
    let text = BASE.replace("shards = 2", "shards = 3").replace("[raw.bronze]\nfrom = \"trips\"\nstore = \"file://raw\"\n", "[queue.bronze]\nfrom = \"trips\"\n[workers.end]\nfrom = \"bronze\"\nrun = { rules = { sql = \"select * from input\" } }\n");
    let changes = changed(&plan(&text));
    let refused: Vec<_> = changes.refusals.iter().map(|refusal| refusal.key.to_string()).collect();
    assert_eq!(refused, ["stream.trips.shards", "queue.bronze"]);
    assert!(changes.refusals[0].message.contains("restore shards = 2"), "{:?}", changes.refusals);
    assert!(changes.refusals[1].message.contains("kind raw"), "{:?}", changes.refusals);
}

#[test]
fn whether_a_queue_keeps_order_stays_as_it_is_for_it_and_its_dead_letters() {
    let changes = changed(&with("[queue.odd]\n", "[queue.odd]\nfifo = true\n"));
    let refused: Vec<_> = changes.refusals.iter().map(|refusal| refusal.key.to_string()).collect();
    assert_eq!(refused, ["queue.odd.fifo", "queue.letters.fifo"]);
    assert!(changes.refusals[0].message.contains("restore fifo = false"), "{:?}", changes.refusals);
}

#[test]
fn an_address_that_cannot_be_bound_beside_the_running_one_is_refused() {
    let at = |listen: &str| {
        let line = format!("to = [\"trips\", \"bare\"]\nlisten = \"{listen}\"\n");
        with("to = [\"trips\", \"bare\"]\n", &line)
    };
    let refused =
        |before: &str, after: &str| !Changes::between(&at(before), &at(after), &[]).refusals.is_empty();
    assert!(refused("127.0.0.1:8080", "0.0.0.0:8080"));
    assert!(refused("0.0.0.0:8080", "127.0.0.1:8080"));
    assert!(!refused("127.0.0.1:8080", "0.0.0.0:8081"));
    assert!(!refused("127.0.0.1:8080", "127.0.0.2:8080"));
    assert!(!refused("127.0.0.1:0", "0.0.0.0:0"));
}

#[test]
fn the_topology_itself_may_change() {
    let changes = changed(&with("name = \"base\"", "name = \"other\"\ndrain_deadline = \"5s\""));
    assert!(!changes.is_empty() && told(&changes).is_empty());
    assert_eq!(changes.topology, ["name", "drain_deadline"]);
}

#[test]
fn a_node_of_which_it_is_not_known_what_runs_is_replaced() {
    let changes = Changes::between(&plan(BASE), &plan(BASE), &["mend".to_owned()]);
    assert_eq!(told(&changes), ["Replaced workers mend"]);
}

/// A topology made of the parts of `BASE` and others, some left out and some changed.
fn random(random: &mut SmallRng) -> Plan {
    let mut text = String::from("[ingress.door]\nto = \"trips\"\n[stream.trips]\nshards = 2\n");
    text += &format!("retention = \"{}h\"\n", random.random_range(1..3));
    for name in ["one", "two", "three"] {
        let (choice, value) = (random.random_range(0..4), random.random_range(1..3));
        text += &match choice {
            0 => format!("[raw.{name}]\nfrom = \"trips\"\nstore = \"file://{name}{value}\"\n"),
            1 => format!(
                "[raw.{name}-raw]\nfrom = {{ node = \"trips\", where = \"a > {value}\" }}\nstore = \"file://x{name}\"\n"
            ),
            2 => format!(
                "[queue.{name}-queue]\nfrom = \"trips\"\nretention = \"{value}d\"\n[workers.{name}-pool]\nfrom = \"{name}-queue\"\nscale = {{ max = {value} }}\nrun = {{ rules = {{ sql = \"select * from input\" }} }}\n"
            ),
            _ => String::new(),
        };
    }
    plan(&text)
}

#[test]
fn every_change_accounts_for_every_node_and_none_is_left_over() {
    let mut source = SmallRng::seed_from_u64(20_190_601);
    for _ in 0..300 {
        let (before, after) = (random(&mut source), random(&mut source));
        assert!(Changes::between(&before, &before, &[]).is_empty());
        let changes = Changes::between(&before, &after, &[]);
        let named = |fates: &[Fate]| -> BTreeSet<String> {
            fates.iter().flat_map(|fate| changes.of(*fate)).map(|node| node.node.clone()).collect()
        };
        let names =
            |plan: &Plan| -> BTreeSet<String> { plan.nodes.iter().map(|node| node.name.clone()).collect() };
        let stay = named(&[Fate::Kept, Fate::Rescaled, Fate::Redefined, Fate::Replaced]);
        let (added, removed) = (named(&[Fate::Added]), named(&[Fate::Removed]));
        assert_eq!(names(&after), &stay | &added);
        assert_eq!(names(&before), &stay | &removed);
        let back = Changes::between(&after, &before, &[]);
        assert_eq!(back.of(Fate::Added).map(|node| node.node.clone()).collect::<BTreeSet<_>>(), removed);
        for kept in changes.of(Fate::Kept) {
            assert_eq!(before.node(&kept.node), after.node(&kept.node));
        }
    }
}
