//! Whatever is sent: a clean refusal, in bounded memory and time.

use super::*;
use proptest::prelude::*;

/// What is told of a value of a wrong type, or nothing of what cannot be read at all.
fn told(protocol: Protocol, body: &[u8]) -> String {
    let refusal = protocol.read(&SHAPE, &Bytes::copy_from_slice(body)).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, "SerializationException"), "{refusal}");
    refusal.message
}

fn of(field: &str, value: &str) -> String {
    told(Protocol::Json, format!(r#"{{"{field}":{value}}}"#).as_bytes())
}

const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to";
const LIST: &str = "Start of list found where not expected";
const STRUCTURE: &str = "Start of structure or map found where not expected.";

#[test]
fn a_scalar_of_a_wrong_type_is_told_by_its_java_class() {
    for (field, wanted) in [("StreamName", "an String"), ("Data", "a Blob")] {
        assert_eq!(of(field, "true"), format!("class java.lang.Boolean can not be converted to {wanted}"));
        for number in ["23", "-2147483648", "2147483648", "34.56"] {
            assert_eq!(of(field, number), format!("{NUMBER} {wanted}"));
        }
    }
    for (field, wanted) in [("Limit", "an Integer"), ("Big", "an Long"), ("Ratio", "an Double")] {
        assert_eq!(of(field, "true"), format!("class java.lang.Boolean can not be converted to {wanted}"));
        assert_eq!(of(field, "\"23\""), format!("class java.lang.String can not be converted to {wanted}"));
    }
    assert_eq!(of("DryRun", "\"hello\""), "'HELLO' can not be converted to an Boolean");
    assert_eq!(of("DryRun", "23"), format!("{NUMBER} an Boolean"));
    assert_eq!(
        of("Timestamp", "\"now\""),
        "class java.lang.String can not be converted to milliseconds since epoch"
    );
    for field in ["StreamName", "Data", "Limit", "Big", "Ratio", "DryRun", "Timestamp"] {
        assert_eq!((of(field, "[]").as_str(), of(field, "{}").as_str()), (LIST, STRUCTURE));
    }
}

#[test]
fn lists_maps_and_structures_of_a_wrong_type_are_told_by_what_was_expected() {
    for scalar in ["\"23\"", "true", "23", "34.56"] {
        assert_eq!(of("TagKeys", scalar), "Expected list or null");
        assert_eq!(of("Tags", scalar), "Expected map or null");
        assert_eq!(of("Details", scalar), "Expected null");
        assert_eq!(of("Records", &format!("[{scalar}]")), "Expected null");
    }
    assert_eq!((of("TagKeys", "{}").as_str(), of("Tags", "[]").as_str()), (STRUCTURE, LIST));
    assert_eq!((of("Details", "[]").as_str(), of("Records", "[[]]").as_str()), (LIST, LIST));
}

#[test]
fn what_is_no_request_is_refused_without_a_word() {
    let deep_open = "[".repeat(100_000);
    for body in [
        "",
        "hello",
        "[]",
        "\"a\"",
        "1",
        "null",
        "{",
        "{}x",
        "{\"a\":}",
        "{\"StreamName\":\"\\ud800\"}",
        &deep_open,
    ] {
        assert_eq!(told(Protocol::Json, body.as_bytes()), "", "{body:.20}");
    }
    assert_eq!(told(Protocol::Json, b"{\"StreamName\":\"\xff\"}"), "");
    let bodies: [&[u8]; 11] = [
        b"",
        b"\xff",
        b"\x80",
        b"\xa1",
        b"\xa1\x01\x02",
        b"\xbf",
        b"\xa1\x61a",
        b"\xa0\xa0",
        b"\x1c",
        // A text and a list that claim to be longer than the world.
        b"\xa1\x6aStreamName\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x67Records\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    for body in bodies {
        assert_eq!(told(Protocol::Cbor, body), "", "{body:02x?}");
    }
}

#[test]
fn wrong_types_in_cbor_are_told_as_in_json() {
    for (value, expected) in [
        (b"\x6aStreamName\x01".as_slice(), format!("{NUMBER} an String")),
        (
            b"\x6aStreamName\x41a",
            "class java.nio.HeapByteBuffer can not be converted to an String".to_owned(),
        ),
        (b"\x64Data\x61a", "class java.lang.String can not be converted to a Blob".to_owned()),
        (b"\x65Limit\xf5", "class java.lang.Boolean can not be converted to an Integer".to_owned()),
        (b"\x65Limit\x80", LIST.to_owned()),
        (b"\x67Records\xa0", STRUCTURE.to_owned()),
        (b"\x67Records\x81\x01", "Expected null".to_owned()),
    ] {
        assert_eq!(told(Protocol::Cbor, &[b"\xa1", value].concat()), expected);
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    assert_eq!(of("Limit", "2147483648"), format!("{NUMBER} an Integer"));
    for number in ["9223372036854775808", "-9223372036854775809", "1e300"] {
        assert_eq!(of("Big", number), format!("{NUMBER} an Long"), "{number}");
    }
    assert_eq!(of("Timestamp", "1e300"), format!("{NUMBER} milliseconds since epoch"));
    // No double at all.
    assert_eq!((of("Ratio", "1e400"), of("Ratio", "NaN")), (String::new(), String::new()));
    let nan = [b"\xa1\x65Ratio\xfb".as_slice(), &f64::NAN.to_be_bytes()].concat();
    assert_eq!(told(Protocol::Cbor, &nan), format!("{NUMBER} an Double"));
    let beyond = b"\xa1\x63Big\x1b\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(told(Protocol::Cbor, beyond), format!("{NUMBER} an Long"));
    let tagged = [b"\xa1\x69Timestamp\xc1\xfb".as_slice(), &f64::INFINITY.to_be_bytes()].concat();
    assert_eq!(told(Protocol::Cbor, &tagged), format!("{NUMBER} milliseconds since epoch"));
}

#[test]
fn what_lies_a_hundred_deep_is_refused_where_nobody_asked_for_it() {
    let nested = format!(r#"{{"Unknown":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert_eq!(told(Protocol::Json, nested.as_bytes()), "The request is nested more than 48 deep");
    // Tags that mean nothing here are passed one after the other, however many they are.
    let tags = [b"\xa1\x67Unknown".as_slice(), &[0xc2; 100_000]].concat();
    assert_eq!(told(Protocol::Cbor, &tags), "");
    for opening in [b"\x81".as_slice(), b"\xa1\x61a", b"\x9f", b"\xc1"] {
        let mut nested = b"\xa1\x67Unknown".to_vec();
        nested.extend(opening.repeat(100_000));
        let told = told(Protocol::Cbor, &nested);
        assert!(told == "The request is nested more than 48 deep", "{opening:02x?}: {told}");
    }
}

#[test]
fn few_bytes_never_become_much_memory() {
    let many = format!(r#"{{"Records":[{}]}}"#, vec!["{}"; 200_000].join(","));
    assert_eq!(told(Protocol::Json, many.as_bytes()), "The request has more than 100000 values");
    let mut many = b"\xa1\x67Records\x9a\x00\x03\x0d\x40".to_vec();
    many.extend(std::iter::repeat_n(0xa0, 200_000));
    assert_eq!(told(Protocol::Cbor, &many), "The request has more than 100000 values");
}

#[test]
fn a_request_that_breaks_off_anywhere_is_refused() {
    for protocol in BOTH {
        let body = protocol.write(&named().with_list("Records", [inner(b"data", "key")]).with("Ratio", 1.5));
        assert!(protocol.read(&SHAPE, &body.clone().into()).is_ok());
        for end in 0..body.len() {
            told(protocol, &body[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for protocol in BOTH {
            let refused = protocol.read(&SHAPE, &Bytes::from(body.clone())).err();
            prop_assert!(refused.is_none_or(|refused| refused.status == 400));
        }
    }

    #[test]
    fn a_request_with_a_changed_byte_is_read_or_refused(at in 0..200_usize, byte in any::<u8>()) {
        for protocol in BOTH {
            let request = named().with_list("Records", [inner(b"data", "key"), inner(b"", "k")]).with("Limit", 5_i64);
            let mut body = protocol.write(&request);
            let place = at % body.len();
            body[place] = byte;
            let refused = protocol.read(&SHAPE, &body.into()).err();
            prop_assert!(refused.is_none_or(|refused| refused.status == 400));
        }
    }
}
