//! The input model of each operation: its smallest and its largest request are taken, and what is one
//! beyond a bound is not.

use super::*;
use crate::wire::protocol::{Length, Member, Range, Text};

/// Which of all requests that a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Required members only, each as small as it may be.
    Least,
    /// All members, each as large as it may be.
    Most,
}

/// Longest text where none is declared, and most bytes of one blob among many.
const LONG: usize = 1_000;

fn padded(begin: &str, with: char, length: usize) -> String {
    begin.chars().chain(std::iter::repeat(with)).take(length.max(begin.len())).collect()
}

/// A text that a pattern of the model takes, of this length if it may have it.
fn matching(pattern: &str, size: Size, most: usize) -> String {
    let begin = match pattern {
        "[a-zA-Z0-9_.-]+" => "a",
        "[a-z0-9]{20}-[a-z0-9]{3}" => return "abcdefghij0123456789-xyz".to_owned(),
        hash if hash.ends_with("{0,38})") => {
            return padded(["0", "9"][size as usize], '9', size as usize * 39);
        }
        number if number.ends_with("{0,128})") => {
            return padded(["0", "9"][size as usize], '9', size as usize * 129);
        }
        consumer if consumer.contains("consumer") => "arn:aws:kinesis::000000000000:stream/a/consumer/a:0",
        arn if arn.starts_with("arn:") => "arn:aws:kinesis::000000000000:stream/a",
        other => panic!("no text is known for {other}"),
    };
    match size {
        Size::Least => begin.to_owned(),
        Size::Most => padded(begin, '7', most),
    }
}

fn text(shape: &Text, size: Size) -> String {
    let most = shape.length.most.unwrap_or(LONG);
    match (shape.pattern, shape.choices, size) {
        (Some(pattern), ..) => matching(pattern.text(), size, most),
        (None, [first, ..], Size::Least) => (*first).to_owned(),
        (None, [.., last], Size::Most) => (*last).to_owned(),
        (None, [], Size::Least) => "x".repeat(shape.length.least.unwrap_or(0)),
        (None, [], Size::Most) => "x".repeat(most),
    }
}

/// `alone` is false for a value of which a request has many.
fn value(shape: &Shape, size: Size, alone: bool) -> Content {
    let number = |range: Range, ends: (i64, i64)| match size {
        Size::Least => range.least.unwrap_or(ends.0),
        Size::Most => range.most.unwrap_or(ends.1),
    };
    match shape {
        Shape::Text(shape) => text(shape, size).into(),
        Shape::Blob(length) => {
            let most = length.most.unwrap_or(LONG).min(if alone { usize::MAX } else { LONG });
            Content::Blob(vec![7; if size == Size::Most { most } else { length.least.unwrap_or(0) }].into())
        }
        Shape::Integer(range) => number(*range, (i32::MIN.into(), i32::MAX.into())).into(),
        Shape::Long(range) => number(*range, (i64::MIN, i64::MAX)).into(),
        Shape::Double => Content::Double(0.5),
        Shape::Boolean => (size == Size::Most).into(),
        Shape::Timestamp => Content::Timestamp(Timestamp(1_700_000_000_123)),
        Shape::List(list) => {
            let count = count(list.length, size);
            Content::List(vec![value(&list.member, size, false); count])
        }
        Shape::Map(map) => {
            let count = count(map.length, size);
            let key = |place: usize| {
                let longest = text(&map.key, size);
                let number = place.to_string();
                longest.get(number.len()..).unwrap_or_default().to_owned() + &number
            };
            Content::Map((0..count).map(|place| (key(place), value(&map.value, size, false))).collect())
        }
        Shape::Structure(shape) => Content::Structure(request(shape, size, alone)),
    }
}

fn count(length: Length, size: Size) -> usize {
    match size {
        Size::Least => length.least.unwrap_or(0),
        Size::Most => length.most.unwrap_or(length.least.unwrap_or(0).max(3)),
    }
}

type Members = Vec<(&'static str, Content)>;

fn members(shape: &'static Structure, size: Size, alone: bool) -> Members {
    let is_in = |member: &&Member| size == Size::Most || member.is_required;
    let members = shape.members.iter().filter(is_in);
    members.map(|member| (member.name, value(&member.shape, size, alone))).collect()
}

fn output(members: Members) -> Output {
    members.into_iter().fold(Output::new(), |output, (name, content)| output.with(name, content))
}

/// A request of a model.
pub(super) fn request(shape: &'static Structure, size: Size, alone: bool) -> Output {
    output(members(shape, size, alone))
}

/// A request without one of its members, which then comes in another way.
fn with_instead(request: &Members, without: &str, name: &'static str, content: Content) -> Output {
    let others = request.iter().filter(|(known, _)| *known != without && *known != name).cloned();
    output(others.chain([(name, content)]).collect())
}

fn read(protocol: Protocol, shape: &'static Structure, request: &Output) -> Result<(), ServiceError> {
    protocol.read(shape, &protocol.write(request).into()).map(drop)
}

#[test]
fn the_smallest_and_the_largest_request_of_every_operation_are_taken() {
    for (operation, protocol) in OPERATIONS.iter().flat_map(|known| BOTH.map(|protocol| (known, protocol))) {
        for size in [Size::Least, Size::Most] {
            let taken = read(protocol, operation.input, &request(operation.input, size, true));
            assert_eq!(taken, Ok(()), "{} {size:?} {protocol:?}", operation.name);
        }
        // A stream may be named in another way than by the member that stands for it.
        let least = members(operation.input, Size::Least, true);
        for member in operation.input.members {
            for other in member.unless {
                let named = operation.input.members.iter().find(|member| member.name == *other).unwrap();
                let instead =
                    with_instead(&least, member.name, named.name, value(&named.shape, Size::Least, true));
                assert_eq!(
                    read(protocol, operation.input, &instead),
                    Ok(()),
                    "{} by {other}",
                    operation.name
                );
            }
        }
    }
}

/// Values one beyond each bound of a shape.
fn beyond(shape: &Shape) -> Vec<Content> {
    match shape {
        Shape::Text(shape) => {
            let long = shape.length.most.map(|most| "7".repeat(most + 1));
            let short =
                shape.length.least.and_then(|least| least.checked_sub(1)).map(|least| "7".repeat(least));
            let strange = shape.pattern.map(|_| "\u{7f} ".to_owned());
            let chosen = (!shape.choices.is_empty()).then(|| "NOTHING".to_owned());
            [long, short, strange, chosen].into_iter().flatten().map(Content::Text).collect()
        }
        Shape::Integer(range) | Shape::Long(range) => {
            let (less, more) = (range.least.map(|least| least - 1), range.most.map(|most| most + 1));
            [less, more].into_iter().flatten().map(Content::Integer).collect()
        }
        Shape::Blob(length) => {
            length.most.map(|most| Content::Blob(vec![7; most + 1].into())).into_iter().collect()
        }
        Shape::List(list) => {
            let most = list.length.most.map(|most| most + 1);
            let least = list.length.least.and_then(|least| least.checked_sub(1));
            let item = || value(&list.member, Size::Least, false);
            [most, least].into_iter().flatten().map(|count| Content::List(vec![item(); count])).collect()
        }
        Shape::Map(map) => {
            let count = map.length.most.map_or(0, |most| most + 1);
            let entry = |place: usize| (place.to_string(), value(&map.value, Size::Least, false));
            Vec::from_iter((count > 0).then(|| Content::Map((0..count).map(entry).collect())))
        }
        Shape::Structure(_) | Shape::Double | Shape::Boolean | Shape::Timestamp => Vec::new(),
    }
}

#[test]
fn what_is_one_beyond_a_bound_is_refused_by_the_name_of_its_member() {
    let mut refused = 0;
    for operation in &OPERATIONS {
        let least = members(operation.input, Size::Least, true);
        for member in operation.input.members {
            for wrong in beyond(&member.shape) {
                let request = with_instead(&least, member.name, member.name, wrong);
                for protocol in BOTH {
                    let told = read(protocol, operation.input, &request).unwrap_err();
                    let place = format!("at '{}{}", member.name[..1].to_lowercase(), &member.name[1..]);
                    assert_eq!(told.code, "ValidationException", "{} {}", operation.name, member.name);
                    assert!(told.message.contains(&place) && told.message.len() < 64 << 10, "{place}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 500, "only {refused} requests were beyond a bound");
}

#[test]
fn what_is_required_is_missed() {
    for operation in &OPERATIONS {
        let least = members(operation.input, Size::Least, true);
        for (name, _) in &least {
            let without = output(least.iter().filter(|(known, _)| known != name).cloned().collect());
            let told = read(Protocol::Json, operation.input, &without).unwrap_err();
            assert!(told.message.contains("Value null at"), "{} without {name}: {told}", operation.name);
        }
    }
}
