//! What is said and what is understood.

use super::super::protocol::{Said, batch_line, parse};
use crate::{
    pipeline::workers::runner::Fate,
    storage::{LeasedMessage, QueueId, Receipt, StoredRecord},
};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

fn message(payload: &str) -> LeasedMessage {
    LeasedMessage {
        receipt: Receipt { queue: QueueId(1), sequence: 41, receive_count: 2 },
        first_received_at_ms: 0,
        visible_again_at_ms: 0,
        record: StoredRecord {
            sequence: 41,
            arrived_at_ms: 0,
            key: Bytes::from_static(b"u1"),
            attributes: Bytes::new(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            crc: 0,
            provenance: None,
        },
    }
}

fn answer(line: &str) -> (String, Fate) {
    match parse(line.as_bytes()) {
        Ok(Said::Answer { id, fate }) => (id, fate),
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    parse(line.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_batch_is_one_line_even_if_its_payloads_are_not() {
    let pretty = message("{\r\n  \"text\": \"a\\nb\",\n  \"n\": 1.50\n}");
    let line = batch_line(&[("rides/41", &pretty)]).unwrap();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    let read: Value = serde_json::from_slice(&line).unwrap();
    let expected =
        json!({ "id": "rides/41", "attempt": 2, "key": "u1", "data": { "text": "a\nb", "n": 1.5 } });
    assert_eq!(read, json!({ "messages": [expected] }));
    assert!(String::from_utf8(line).unwrap().contains("1.50"), "numbers keep their digits");
}

#[test]
fn each_status_is_a_fate() {
    let done = answer(r#"{"id":"rides/41","status":"done","results":[{"b": 1.50,"a":[ 1 ]},7]}"#);
    let results = vec![Bytes::from_static(b"{\"b\": 1.50,\"a\":[ 1 ]}"), Bytes::from_static(b"7")];
    assert_eq!(done, ("rides/41".to_owned(), Fate::Done(results)));
    assert_eq!(answer(r#"{"status":"done","id":"a"}"#).1, Fate::Done(Vec::new()));
    assert_eq!(answer(r#"{"id":"a","status":"filtered"}"#).1, Fate::Filtered);
    let failed = answer(r#"{"id":"a","status":"failed","reason":"t\u006fo hot","retry_after":2.5}"#).1;
    let after = Some(Duration::from_millis(2_500));
    assert_eq!(failed, Fate::Failed { reason: "too hot".to_owned(), after });
    let hopeless = Fate::Hopeless { reason: "the program gave no reason".to_owned() };
    assert_eq!(answer(r#"{"id":"a","status":"hopeless"}"#).1, hopeless);
}

#[test]
fn ready_and_heartbeat_are_said_in_full() {
    assert_eq!(parse(br#"{"ready":true,"protocol":1}"#), Ok(Said::Ready { protocol: 1 }));
    assert_eq!(parse(br#" {"heartbeat":true} "#), Ok(Said::Heartbeat));
    for line in [r#"{"ready":true}"#, r#"{"ready":false,"protocol":1}"#, r#"{"protocol":1}"#] {
        assert!(refused(line).contains("say {\"ready\":true,\"protocol\":1}"), "{line}");
    }
    assert!(refused(r#"{"heartbeat":false}"#).contains("say {\"heartbeat\":true}"));
}

#[test]
fn what_is_not_of_the_protocol_is_quoted_with_the_remedy() {
    assert!(refused("Loading model...").contains("\"Loading model...\""));
    assert!(refused("Loading model...").contains("stderr"));
    assert!(refused("").contains("stderr"));
    for (line, remedy) in [
        (r#"{"id":"a"}"#, "\"id\" and \"status\""),
        (r#"{"status":"done"}"#, "\"id\" and \"status\""),
        (r#"{"id":"a","status":"finished"}"#, "unknown variant `finished`"),
        (r#"{"id":"a","status":"filtered","reason":"x"}"#, "\"reason\" does not belong"),
        (r#"{"id":"a","status":"hopeless","retry_after":1}"#, "\"retry_after\" does not belong"),
        (r#"{"id":"a","status":"failed","results":[]}"#, "\"results\" does not belong"),
        (r#"{"id":"a","status":"failed","retry_after":-1}"#, "0 or more"),
        (r#"{"id":"a","status":"done","result":1}"#, "unknown field `result`"),
        (r#"{"id":"a","status":"done","heartbeat":true}"#, "say one of"),
        (r#"{"ready":true,"protocol":1,"id":"a"}"#, "say one of"),
        ("{}", "say one of"),
        ("[1]", "invalid"),
        ("7", "invalid"),
    ] {
        let fault = refused(line);
        assert!(fault.contains(remedy), "{line}: {fault}");
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_more(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let fault = parse(&bytes).unwrap_err().to_string();
        prop_assert!(fault.len() < 1_000);
    }

    #[test]
    fn lines_damaged_anywhere_are_understood_or_refused(
        at in 0_usize..90, byte in any::<u8>(), cut in 0_usize..100,
    ) {
        let mut line = br#"{"id":"rides/41","status":"failed","reason":"busy \u00e9","retry_after":2.5}"#.to_vec();
        if let Some(place) = line.get_mut(at) {
            *place = byte;
        }
        line.truncate(cut.max(1));
        match parse(&line) {
            Ok(Said::Answer { fate, .. }) => {
                let is_failed = matches!(fate, Fate::Failed { .. });
                prop_assert!(is_failed, "{:?}", fate);
            }
            Ok(other) => prop_assert!(false, "{:?}", other),
            Err(_) => {}
        }
    }

    #[test]
    fn answers_written_by_anybody_keep_their_results(
        id in ".{0,40}", texts in proptest::collection::vec(".{0,40}", 0..5), escaped in any::<bool>(),
    ) {
        let results: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
        let mut line = json!({ "id": id, "status": "done", "results": results }).to_string();
        if escaped {
            // As `json.dumps` of Python writes it.
            line = line.chars().flat_map(|letter| {
                let units = letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                if letter.is_ascii() { letter.to_string() } else { units }.chars().collect::<Vec<_>>()
            }).collect();
        }
        let (read, fate) = answer(&line);
        prop_assert_eq!(read, id);
        let Fate::Done(bytes) = fate else { panic!("{fate:?}") };
        let got: Vec<Value> = bytes.iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
        prop_assert_eq!(got, results);
    }
}
