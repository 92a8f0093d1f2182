use super::*;
use crate::wire::protocol::{Timestamp, Value};
use proptest::prelude::*;

#[test]
fn every_kind_of_value_is_read_alike_in_both_protocols() {
    for protocol in BOTH {
        let request = named()
            .with("Limit", 7_i64)
            .with("Big", i64::MIN)
            .with("Ratio", 0.5)
            .with("DryRun", true)
            .with("Timestamp", Timestamp(1_459_799_926_480))
            .with("Data", Bytes::from_static(b"\x00\xffbytes"))
            .with_list("TagKeys", ["a", "b"])
            .with("Tags", Content::Map(vec![("k".to_owned(), "v".into())]))
            .with_list("Records", [inner(b"one", "1"), inner(b"", "2")])
            .with("Details", inner(b"x", "y"))
            .with("Unknown", Content::List(vec![Content::Map(vec![("deep".to_owned(), 1_i64.into())])]));
        let input = read(protocol, &request).unwrap();
        assert_eq!(input.text("StreamName"), Some("trips"));
        assert_eq!((input.integer("Limit"), input.integer("Big")), (Some(7), Some(i64::MIN)));
        assert_eq!((input.double("Ratio"), input.boolean("DryRun")), (Some(0.5), Some(true)));
        assert_eq!(input.timestamp("Timestamp"), Some(Timestamp(1_459_799_926_480)));
        assert_eq!(input.blob("Data").unwrap().as_ref(), b"\x00\xffbytes");
        assert_eq!(input.texts("TagKeys").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(input.text_map("Tags").collect::<Vec<_>>(), [("k", "v")]);
        let data: Vec<&[u8]> =
            input.structures("Records").map(|r| r.blob("Data").unwrap().as_ref()).collect();
        assert_eq!(data, [b"one".as_slice(), b""]);
        assert_eq!(input.structure("Details").unwrap().text("PartitionKey"), Some("y"));
        assert!(!input.has("Mode"));
    }
}

#[test]
fn an_absent_and_a_null_field_are_the_same() {
    assert_eq!(json(r#"{"StreamName":"a","Limit":null}"#), json(r#"{"StreamName":"a"}"#));
    // {_ "StreamName": (_ "a"), "Limit": null}, both lengths open
    let cbor = b"\xbf\x6aStreamName\x7f\x61a\xff\x65Limit\xf6\xff";
    let input = Protocol::Cbor.read(&SHAPE, &Bytes::from_static(cbor)).unwrap();
    assert_eq!((input.text("StreamName"), input.has("Limit")), (Some("a"), false));
}

#[test]
fn times_are_seconds_in_json_and_milliseconds_under_a_tag_in_cbor() {
    let time = Output::new().with("T", Timestamp(1_787_036_486_712));
    assert_eq!(Protocol::Json.write(&time), br#"{"T":1787036486.712}"#);
    assert_eq!(Protocol::Cbor.write(&time), b"\xa1\x61T\xc1\x1b\x00\x00\x01\xa0\x13\xac\xcc\x38");
    // Seconds with a fraction are what the standard has under the tag.
    let mut seconds = b"\xa2\x6aStreamName\x61a\x69Timestamp\xc1\xfb".to_vec();
    seconds.extend_from_slice(&1_787_036_486.712_f64.to_be_bytes());
    let input = Protocol::Cbor.read(&SHAPE, &seconds.into()).unwrap();
    assert_eq!(input.timestamp("Timestamp"), Some(Timestamp(1_787_036_486_712)));
}

#[test]
fn fractions_are_cut_off_where_an_integer_is_wanted() {
    assert_eq!(json(r#"{"StreamName":"a","Limit":34.56}"#).unwrap().integer("Limit"), Some(34));
}

#[test]
fn the_last_of_two_fields_of_one_name_counts() {
    let twice = json(r#"{"StreamName":"a","StreamName":"b","Tags":{"k":"1","k":"2"}}"#).unwrap();
    assert_eq!(twice.text("StreamName"), Some("b"));
    assert_eq!(twice.text_map("Tags").collect::<Vec<_>>(), [("k", "2")]);
}

#[test]
fn bytes_in_cbor_are_shared_with_the_body() {
    let body = Bytes::from(Protocol::Cbor.write(&named().with("Data", Bytes::from(vec![7; 100]))));
    let input = Protocol::Cbor.read(&SHAPE, &body).unwrap();
    let data = input.blob("Data").unwrap();
    assert!(body.as_ptr_range().contains(&data.as_ptr()));
}

fn contents() -> impl Strategy<Value = Output> {
    let text = "[a-zA-Z0-9_.-]{1,128}";
    let blob = proptest::collection::vec(any::<u8>(), 0..64);
    let inner = (blob.clone(), ".{1,4}").prop_map(|(data, key)| {
        Content::Structure(Output::new().with("Data", Bytes::from(data)).with("PartitionKey", key))
    });
    let tags = proptest::collection::btree_map("[a-z]{1,4}", ".{0,3}", 1..10);
    (
        text,
        proptest::option::of(1_i64..=10_000),
        any::<i64>(),
        any::<bool>(),
        -62_135_596_800_000_i64..253_402_300_799_999,
        blob,
        proptest::collection::vec(inner, 1..20),
        tags,
    )
        .prop_map(|(name, limit, big, is, time, data, records, tags)| {
            let tags = tags.into_iter().map(|(key, value)| (key, value.into())).collect();
            Output::new()
                .with("StreamName", name)
                .with_some("Limit", limit)
                .with("Big", big)
                .with("DryRun", is)
                .with("Timestamp", Timestamp(time))
                .with("Data", Bytes::from(data))
                .with("Records", Content::List(records))
                .with("Tags", Content::Map(tags))
        })
}

/// What was read, as it would be written.
fn written(value: &Value) -> Content {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Blob(bytes) => bytes.clone().into(),
        Value::Integer(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Boolean(is) => (*is).into(),
        Value::Timestamp(time) => (*time).into(),
        Value::List(items) => Content::List(items.iter().flatten().map(written).collect()),
        Value::Map(entries) => {
            Content::Map(entries.iter().map(|(k, v)| (k.clone(), written(v.as_ref().unwrap()))).collect())
        }
        Value::Structure(input) => Content::Structure(output(input)),
    }
}

fn output(input: &Input) -> Output {
    let fields = input.fields();
    fields.fold(Output::new(), |output, (member, value)| output.with_some(member.name, value.map(written)))
}

fn sorted(output: &Output) -> Vec<(&'static str, Content)> {
    let mut fields = output.0.clone();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read_back(request in contents()) {
        for protocol in BOTH {
            let input = read(protocol, &request).unwrap();
            prop_assert_eq!(sorted(&output(&input)), sorted(&request), "{:?}", protocol);
        }
    }

    #[test]
    fn json_that_we_write_is_what_any_parser_reads(request in contents()) {
        let text = Protocol::Json.write(&request);
        let tree: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let name = request.get("StreamName");
        prop_assert_eq!(name, Some(&Content::Text(tree["StreamName"].as_str().unwrap().to_owned())));
    }
}
