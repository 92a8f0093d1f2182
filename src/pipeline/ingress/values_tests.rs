use super::*;
use proptest::prelude::*;

fn texts(body: &str) -> Vec<Result<&str, String>> {
    let items = split(body.as_bytes(), 1_000).unwrap();
    items.into_iter().map(|item| item.value.map(|bytes| std::str::from_utf8(bytes).unwrap())).collect()
}

fn good(body: &str) -> Vec<&str> {
    texts(body).into_iter().map(Result::unwrap).collect()
}

/// Lines of the faults.
fn faulty_lines(body: &str) -> Vec<usize> {
    let items = split(body.as_bytes(), 1_000).unwrap();
    let mut lines = Lines::new(body.as_bytes());
    items.iter().filter(|item| item.value.is_err()).map(|item| lines.line_at(item.offset)).collect()
}

#[test]
fn every_form_of_body_gives_the_values_as_they_were_sent() {
    assert_eq!(good(r#"{ "a" : 1 }"#), [r#"{ "a" : 1 }"#]);
    assert_eq!(good("[{\"a\":1}, 2 ,\n \"x\"]"), ["{\"a\":1}", "2", "\"x\""]);
    assert_eq!(good("{\"a\":1}\n{\"b\" : 1.50}\r\n\n"), ["{\"a\":1}", "{\"b\" : 1.50}"]);
    assert_eq!(good("{\n  \"a\": 1\n}\n"), ["{\n  \"a\": 1\n}"]);
    assert_eq!(good("{\n  \"a\": 1\n}\n{\n\"b\":2}"), ["{\n  \"a\": 1\n}", "{\n\"b\":2}"]);
    assert_eq!(good("{\"a\":1}{\"b\":2} 3"), ["{\"a\":1}", "{\"b\":2}", "3"]);
    assert_eq!(good("[1,2]\n[3]"), ["[1,2]", "[3]"]);
    assert_eq!(good("\u{feff}{\"a\":1}"), ["{\"a\":1}"]);
    assert_eq!(good("[[1],[2]]"), ["[1]", "[2]"]);
}

#[test]
fn a_faulty_line_is_named_and_the_others_are_kept() {
    let body = "{\"a\":1}\n{\"a\":}\n{\"a\":3}\nnonsense\n{\"a\":5}";
    let found = texts(body);
    assert_eq!(found.len(), 5);
    assert_eq!(found[2].as_deref(), Ok("{\"a\":3}"));
    assert_eq!(found[1], Err("expected value (column 6)".to_owned()));
    assert_eq!(faulty_lines(body), [2, 4]);
}

#[test]
fn a_cut_line_does_not_take_its_neighbours_along() {
    let body = "{\"a\":1,\n{\"b\":2}\n{\"c\":\"x\n{\"d\":4}\n[5,\n{\"e\":6}\n";
    assert_eq!(faulty_lines(body), [1, 3, 5]);
    let kept: Vec<_> = texts(body).into_iter().flatten().collect();
    assert_eq!(kept, ["{\"b\":2}", "{\"d\":4}", "{\"e\":6}"]);
}

#[test]
fn a_line_with_something_behind_its_value_is_faulty_as_a_whole() {
    let body = "{\"a\":1},\n{\"b\":2} x\n{\"c\":3}";
    assert_eq!(faulty_lines(body), [1, 2]);
    assert_eq!(texts(body)[2].as_deref(), Ok("{\"c\":3}"));
}

#[test]
fn a_broken_array_is_refused_whole_with_its_line() {
    let broken = split(b"[\n{\"a\":1},\n{\"a\":}\n]", 10).unwrap_err();
    assert!(matches!(&broken, SplitError::Array { line: 3, .. }), "{broken}");
    assert!(matches!(split(b"[1,2", 10), Err(SplitError::Array { line: 1, .. })));
}

#[test]
fn nothing_is_an_error() {
    for body in ["", " \n\t ", "[]", "[ ]\n"] {
        assert_eq!(split(body.as_bytes(), 10), Err(SplitError::Empty), "{body:?}");
    }
}

#[test]
fn too_many_records_are_refused_before_they_fill_memory() {
    let limit = Err(SplitError::TooMany { limit: 3 });
    assert_eq!(split(b"[1,2,3,4]", 3), limit);
    assert_eq!(split(b"1\n2\n3\n4", 3), limit);
    assert_eq!(split(b"x\nx\nx\nx", 3), limit);
    assert!(split(b"1 2 3", 3).is_ok());
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let body =
        format!("{{\"a\":{}}}\n{{\"a\":{}}}\n{{\"a\":\"{}\"}}", nested(127), nested(128), "[".repeat(500));
    let found = texts(&body);
    assert!(found[0].is_ok() && found[1].is_err() && found[2].is_ok());
    assert!(split(nested(1_000_000).as_bytes(), 10).unwrap()[0].value.is_err());
}

#[test]
fn text_that_is_not_utf8_is_faulty() {
    let items = split(b"{\"a\":\"\xff\"}\n{\"a\":1}", 10).unwrap();
    assert!(items[0].value.is_err() && items[1].value.is_ok());
}

#[test]
fn a_hostile_body_costs_time_in_proportion_to_its_size() {
    let hostile = format!("1\n{}", "{\"a\":[\n".repeat(200_000));
    let items = split(hostile.as_bytes(), 1_000_000).unwrap();
    assert_eq!(items.iter().filter(|item| item.value.is_err()).count(), 200_000);
}

proptest! {
    #[test]
    fn any_bytes_are_split_without_panic_and_slices_lie_inside(body in proptest::collection::vec(
        prop_oneof![Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b':'), Just(b','),
            Just(b'\n'), Just(b' '), Just(b'1'), Just(b'\\'), any::<u8>()], 0..200)) {
        if let Ok(items) = split(&body, 1_000) {
            let mut last = 0;
            for item in items {
                prop_assert!(item.offset >= last && item.offset < body.len());
                last = item.offset;
                if let Ok(value) = item.value {
                    prop_assert_eq!(&body[item.offset..item.offset + value.len()], value);
                    prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok());
                }
            }
        }
    }

    #[test]
    fn lines_written_are_lines_read(values in proptest::collection::vec("[a-z]{0,9}", 1..50)) {
        let lines: Vec<String> = values.iter().map(|text| format!("{{\"t\":\"{text}\"}}")).collect();
        let (separate, array) = (lines.join("\n"), format!("[{}]", lines.join(",")));
        prop_assert_eq!(good(&separate), lines.clone());
        prop_assert_eq!(good(&array), lines);
    }
}
