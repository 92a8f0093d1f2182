//! Forms read by shapes, and trees as XML.

use super::*;
use crate::wire::{
    mutation::{CASES, Mutator},
    protocol::{
        Content, Input, Length, List, Map, Member, Output, Protocol, QueryName, Range, ServiceError, Shape,
        Structure, Text, first_missing,
    },
};

static VALUE: Structure = Structure::new(
    "Value",
    &[Member::optional("StringValue", Shape::TEXT), Member::optional("Data", Shape::Blob(Length::ANY))],
);
static VALUES: Map = Map { length: Length::ANY, key: Text::ANY, value: Shape::Structure(&VALUE) };
static TEXTS: Map = Map { length: Length::ANY, key: Text::ANY, value: Shape::TEXT };
static NAMES: List = List { length: Length::ANY, member: Shape::TEXT };
static ENTRY: Structure = Structure::new(
    "Entry",
    &[
        Member::required("Id", Shape::TEXT),
        Member::optional("Values", Shape::Map(&VALUES)).in_query("Value", "Name"),
    ],
);
static ENTRIES: List = List { length: Length::ANY, member: Shape::Structure(&ENTRY) };
static REQUEST: Structure = Structure::new(
    "Request",
    &[
        Member::required("QueueUrl", Shape::TEXT),
        Member::optional("Most", Shape::Integer(Range::ANY)),
        Member::optional("Names", Shape::List(&NAMES)).in_query("Name", ""),
        Member::optional("Tags", Shape::Map(&TEXTS)).in_query("Tag", "Key"),
        Member::optional("Entries", Shape::List(&ENTRIES)).in_query("Entry", ""),
    ],
);

fn read(pairs: &str) -> Result<Input, String> {
    Form::read(pairs.as_bytes()).and_then(|form| super::read(&REQUEST, &form))
}

#[test]
fn lists_maps_and_structures_are_found_by_their_numbers() {
    let pairs = "Action=X&QueueUrl=http%3A%2F%2Fh%2Fa%2Bb+c&Most=-7&Name.10=c&Name.2=b&Name.1=a&Tag.1.Key=k%C3%A9y\
        &Tag.1.Value=v&Entry.1.Id=one&Entry.1.Value.1.Name=x&Entry.1.Value.1.Value.StringValue=1\
        &Entry.1.Value.2.Name=y&Entry.1.Value.2.Value.Data=aGk%3D&Entry.2.Id=two";
    let input = read(pairs).unwrap();
    assert_eq!((input.text("QueueUrl"), input.integer("Most")), (Some("http://h/a+b c"), Some(-7)));
    assert_eq!(input.texts("Names").collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(input.text_map("Tags").collect::<Vec<_>>(), [("kéy", "v")]);
    let entries: Vec<_> = input.structures("Entries").collect();
    assert_eq!((entries[0].text("Id"), entries[1].text("Id")), (Some("one"), Some("two")));
    let Some(crate::wire::Value::Map(values)) = entries[0].get("Values") else { panic!() };
    let values: Vec<_> =
        values.iter().map(|(name, value)| (name.as_str(), value.as_ref().unwrap())).collect();
    assert_eq!((values[0].0, values[1].0), ("x", "y"));
    assert_eq!(values[0].1.as_structure().unwrap().text("StringValue"), Some("1"));
    assert_eq!(values[1].1.as_structure().unwrap().blob("Data").unwrap().as_ref(), b"hi");
}

#[test]
fn old_ways_to_write_lists_are_read_too() {
    for pairs in ["Name=All", "Name.1=All", "Name.member.1=All"] {
        assert_eq!(read(pairs).unwrap().texts("Names").collect::<Vec<_>>(), ["All"], "{pairs}");
    }
    assert_eq!(read("Tag.Key=a&Tag.Value=b").unwrap().text_map("Tags").collect::<Vec<_>>(), [("a", "b")]);
    assert_eq!(read("Name=").unwrap().texts("Names").collect::<Vec<_>>(), [""]);
    assert_eq!(read("&&Most=1&Most=2&").unwrap().integer("Most"), Some(2), "what comes last counts");
}

#[test]
fn what_is_missing_is_named_as_query_has_it() {
    let missing = |pairs: &str| first_missing(&read(pairs).unwrap());
    assert_eq!(missing("").as_deref(), Some("QueueUrl"));
    assert_eq!(missing("QueueUrl=x&Entry.1.Id=a&Entry.4.Other=b").as_deref(), Some("Entry.2.Id"));
    assert_eq!(missing("QueueUrl=x&Entry.1.Id=a"), None);
}

#[test]
fn what_is_no_number_no_text_or_too_much_is_refused() {
    assert!(read("Most=many").unwrap_err().contains("Most"));
    assert!(read("Most=99999999999").is_err());
    assert!(read("QueueUrl=%FF").is_err());
    assert!(read(&format!("Name{}=1", ".1".repeat(100))).unwrap_err().contains("nested"));
    let many: String = (0..100_000).map(|at| format!("Name.{at}=&")).collect();
    assert!(read(&many).unwrap_err().contains("more than"));
    assert_eq!(
        read("QueueUrl=100%&Most=1").unwrap().text("QueueUrl"),
        Some("100%"),
        "no escape stays as it is"
    );
}

static QUERY: Query = Query {
    namespace: "urn:test",
    element: |operation, member| match member {
        "Names" => QueryName { name: "Name", key: "" },
        "Entries" if operation == "Ask" => QueryName { name: "AskEntry", key: "" },
        _ => QueryName { name: "Tag", key: "Key" },
    },
    told: |code| Told { json_type: format!("test#{code}"), code: format!("Test.{code}") },
};

#[test]
fn answers_are_flat_and_escaped() {
    let entry = Output::new().with("Id", "a").with("Data", bytes::Bytes::from_static(b"hi"));
    let tags = Content::Map(vec![("k<".to_owned(), "v&\"\r\n\u{1}".into())]);
    let output = Output::new()
        .with_list("Names", ["a", "b"])
        .with("Tags", tags)
        .with("Entries", Content::List(vec![entry.into()]))
        .with("Is", true)
        .with("Count", 7_i64);
    let xml = String::from_utf8(Xml::response(&QUERY, "Ask", Some(&output), "id-1")).unwrap();
    assert_eq!(
        xml,
        "<?xml version=\"1.0\"?><AskResponse xmlns=\"urn:test\"><AskResult><Name>a</Name><Name>b</Name><Tag><Key>k&lt;</Key>\
         <Value>v&amp;&quot;&#xD;\n\u{fffd}</Value></Tag><AskEntry><Id>a</Id><Data>aGk=</Data></AskEntry><Is>true</Is>\
         <Count>7</Count></AskResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></AskResponse>"
    );
    let bare = String::from_utf8(Xml::response(&QUERY, "Ask", None, "i")).unwrap();
    assert!(!bare.contains("AskResult") && bare.ends_with("</AskResponse>"));
    let error = ServiceError::bad_request("Gone", "no <queue>");
    let told = String::from_utf8(Xml::error(&QUERY, &error, "i")).unwrap();
    assert_eq!(
        told,
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"urn:test\"><Error><Type>Sender</Type><Code>Test.Gone</Code>\
         <Message>no &lt;queue&gt;</Message><Detail/></Error><RequestId>i</RequestId></ErrorResponse>"
    );
}

#[test]
fn changed_forms_are_read_or_refused() {
    let samples = vec![
        b"QueueUrl=http%3A%2F%2Fh%2Fa&Entry.1.Id=a&Entry.1.Value.1.Name=x&Entry.1.Value.1.Value.StringValue=1".to_vec(),
        b"Name.1=a&Name.2=b&Tag.1.Key=k&Tag.1.Value=v&Most=10".to_vec(),
    ];
    let pieces: &[&[u8]] = &[
        b"&",
        b"=",
        b".",
        b"%",
        b"%2",
        b"%FF",
        b"+",
        b".1",
        b".99999999999",
        b"Entry.",
        b"Value",
        b"Name",
        b"\xff",
    ];
    let mut mutator = Mutator::new(11, samples, pieces);
    for _ in 0..CASES {
        let body = mutator.next();
        if let Err(refused) = Protocol::Query.parse(&REQUEST, &body.clone().into()) {
            assert_eq!(refused.code, "SerializationException", "{}", String::from_utf8_lossy(&body));
        }
    }
}
