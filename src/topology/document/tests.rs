use super::*;
use std::path::Path;

fn read(text: &str, language: Language) -> Result<Document, Vec<String>> {
    let environment = |name: &str| (name == "HOST").then(|| "db.example".to_owned());
    let shown = |faults: Vec<crate::topology::Fault>| faults.iter().map(ToString::to_string).collect();
    let (document, faults) = Document::read(Path::new("t"), text, language, &environment).map_err(shown)?;
    if faults.is_empty() { Ok(document) } else { Err(shown(faults)) }
}

fn path(fields: &[&str]) -> KeyPath {
    KeyPath::of(fields.iter().copied())
}

#[test]
fn values_stand_where_they_were_written_and_tables_where_their_names_are() {
    let document = read("[a.b]\nc = 1\nd = { e = \"x\", f = [1,\n  2] }\n", Language::Toml).unwrap();
    let place = |path: &KeyPath| {
        let position = document.locate(path);
        (position.line, position.column)
    };
    assert_eq!(place(&path(&["a", "b"])), (1, 4));
    assert_eq!(place(&path(&["a", "b", "c"])), (2, 5));
    assert_eq!(place(&path(&["a", "b", "d", "e"])), (3, 11));
    assert_eq!(place(&path(&["a", "b", "d", "f"]).item(1)), (4, 3));
    // What is missing stands where the nearest thing that holds it stands.
    assert_eq!(place(&path(&["a", "b", "d", "g", "h"])), (3, 1));
}

#[test]
fn both_languages_give_the_same_tree_in_the_order_of_the_file() {
    let toml = read("z = \"1\"\na = { x = true, b = 1.5 }\nl = [1, \"two\"]\n", Language::Toml).unwrap();
    let yaml = read("z: '1'\na: { x: true, b: 1.5 }\nl: [1, two]\n", Language::Yaml).unwrap();
    let plain = |document: &Document| {
        let value: serde_json::Value = serde::Deserialize::deserialize(&document.root).unwrap();
        (value, document.root.as_table().unwrap().keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(plain(&toml), plain(&yaml));
    assert_eq!(plain(&toml).1, ["z", "a", "l"]);
}

#[test]
fn references_are_substituted_and_escapes_are_not() {
    let document = read("s = \"pg://${HOST}/x\"\np = \"$${HOST} $ {\"\n", Language::Toml).unwrap();
    let text = |name: &str| document.root.text_at(&path(&[name])).unwrap().clone();
    assert_eq!(text("s").value, "pg://db.example/x");
    assert_eq!(text("s").written, "pg://${HOST}/x");
    assert_eq!(text("p").value, "${HOST} $ {");
    assert_eq!(document.secrets.hide("no route to db.example"), "no route to ${HOST}");
}

#[test]
fn a_missing_or_malformed_reference_is_a_fault_at_its_line() {
    let faults =
        read("a = 1\nb = \"${NOWHERE}\"\nc = \"${HOST\"\nd = \"${}\"\n", Language::Toml).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("t:2: b: ") && faults[0].contains("NOWHERE"), "{faults:?}");
    assert!(faults[1].starts_with("t:3: c: ") && faults[2].starts_with("t:4: d: "), "{faults:?}");
}

#[test]
fn yaml_aliases_work_within_bounds() {
    let shared = read("a: &s { x: 1 }\nb: *s\n", Language::Yaml).unwrap();
    let table = shared.root.as_table().unwrap();
    assert_eq!(table["a"].node.value, table["b"].node.value);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let faults = read(&bomb, Language::Yaml).unwrap_err();
    assert!(faults[0].contains("too many"), "{faults:?}");
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(read(&deep, Language::Yaml).is_err());
}

#[test]
fn numbers_that_fit_nowhere_are_refused() {
    for text in ["a = nan", "a = -inf", "a = 99999999999999999999"] {
        assert!(read(text, Language::Toml).is_err(), "{text}");
    }
    assert!(read("a: .nan", Language::Yaml).is_err());
}

#[test]
fn an_empty_file_is_an_empty_table() {
    for language in [Language::Toml, Language::Yaml] {
        for text in ["", "# nothing\n"] {
            assert!(read(text, language).unwrap().root.as_table().unwrap().is_empty());
        }
    }
}
