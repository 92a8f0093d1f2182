use super::*;
use std::path::Path;

fn checked(text: &str) -> Result<Plan, Vec<String>> {
    let plan = load_text(Path::new("t.toml"), text, Language::Toml, &|_| None);
    plan.map_err(|faults| faults.iter().map(Fault::to_string).collect())
}

#[test]
fn nodes_stand_after_all_that_feed_them() {
    let plan = checked(
        r#"
[raw.bronze]
from = "trips"
store = "file://raw"
[queue.odd]
from = { node = "trips", where = "a > 1" }
dead_letter = { queue = "odd-letters" }
[workers.mend]
from = "odd"
to = "trash"
run = { rules = { sql = "select * from input" } }
[raw.trash]
store = "file://trash"
[stream.trips]
[ingress.door]
to = ["trips", "bare"]
[loader.bare]
warehouse = "file://warehouse"
table = "bare"
"#,
    )
    .unwrap();
    let place = |name: &str| plan.nodes.iter().position(|node| node.name == name).unwrap();
    assert_eq!(place("door"), 0);
    for (upstream, downstream) in [
        ("door", "trips"),
        ("door", "bare.inbox"),
        ("bare.inbox", "bare"),
        ("trips", "bronze"),
        ("trips", "odd"),
        ("odd", "odd-letters"),
        ("odd", "mend"),
        ("mend", "trash.inbox"),
        ("trash.inbox", "trash"),
    ] {
        assert!(place(upstream) < place(downstream), "{upstream} before {downstream}");
    }
    assert_eq!(plan.node("mend").unwrap().to, ["trash.inbox"]);
    assert_eq!(plan.node("trash").unwrap().from.as_ref().unwrap().node, "trash.inbox");
    assert!(plan.node("trash.inbox").unwrap().implicit && plan.node("odd-letters").unwrap().implicit);
    assert_eq!(plan.node("odd").unwrap().from.as_ref().unwrap().condition.as_deref(), Some("a > 1"));
    assert_eq!(Plan::public_name("trash.inbox"), "trash");
}

#[test]
fn several_feeders_share_one_inbox() {
    let plan = checked(
        r#"
[ingress.one]
to = "bare"
[ingress.two]
listen = "127.0.0.1:8081"
to = "bare"
[raw.bare]
store = "file://raw"
"#,
    )
    .unwrap();
    let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "bare.inbox", "bare"]);
}

#[test]
fn the_smallest_topology_takes_every_default() {
    let plan = checked("[ingress.door]\nto = \"events\"\n[stream.events]\n").unwrap();
    assert_eq!(plan.name, "caudal");
    assert_eq!(plan.drain_deadline.as_secs(), 30);
    assert_eq!(plan.nodes.len(), 2);
}

#[test]
fn the_drawing_says_how_far_each_pool_scales() {
    let plan = checked(
        r#"
[ingress.door]
to = "trips"
scale = { max = 3 }
[stream.trips]
shards = 4
[raw.bronze]
from = "trips"
store = "file://raw"
[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
scale = { min = 2, max = 2 }
"#,
    )
    .unwrap();
    let drawn = text(&plan);
    for says in ["1 to 3 collectors", ", 1 to 4 writers", "table trips, 2 writers"] {
        assert!(drawn.contains(says), "no {says:?} in\n{drawn}");
    }
}
