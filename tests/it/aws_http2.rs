//! HTTP/2 that is not as it should be, frame by frame: the connection is ended, the stream is reset or the
//! answer is an error of AWS's form. Others are served meanwhile, and memory stays bounded.

use crate::support::{
    AWS_TOPOLOGY, Bench, Daemon, aws,
    http2::{
        ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY,
        PUSH_PROMISE, RESET, Reaction, SETTINGS, WINDOW_UPDATE, block, converse, frame, literal, opening,
        request,
    },
    number_from_environment,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;

/// Until a conversation has to be over: long, for a machine that does other things.
const ENOUGH: Duration = Duration::from_secs(120);
/// Until somebody who floods and reads no answers is let go by the test.
const FLOOD: Duration = Duration::from_secs(10);
/// All that the daemon may grow by, whatever is sent: what its connections and streams hold at once.
const MOST_MEMORY: u64 = 256 << 20;

/// Others are served, over both versions of HTTP.
fn serves(daemon: &Daemon) {
    aws::serves(daemon);
    let good = [opening(), request(1, "ListStreams", "{}")].concat();
    let reaction = converse(daemon, &good, &[1], ENOUGH);
    assert!(reaction.good.contains(&1) && reaction.answers[&1].contains("trips"), "{reaction:?}");
}

fn after_opening(frames: &[Vec<u8>]) -> Vec<u8> {
    [opening(), frames.concat()].concat()
}

#[test]
fn frames_against_the_rules_end_the_connection_or_their_stream() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let head = |flags, stream| frame(HEADERS, flags, stream, &block("ListStreams"));
    let (both, most) = (END_HEADERS | END_STREAM, 0x7fff_ffff_u32.to_be_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "another preface",
            [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat(),
        ),
        ("half a preface", PREFACE[..20].to_vec()),
        ("a frame longer than allowed", after_opening(&[frame(DATA, 0, 1, &vec![0; 16_385])])),
        ("settings of a broken length", after_opening(&[frame(SETTINGS, 0, 0, &[0; 5])])),
        ("settings of a stream", after_opening(&[frame(SETTINGS, 0, 1, &[])])),
        ("settings that make no sense", after_opening(&[frame(SETTINGS, 0, 0, &[0, 4, 255, 255, 255, 255])])),
        ("an answer with a payload to settings", after_opening(&[frame(SETTINGS, ACK, 0, &[0; 6])])),
        ("a ping of a wrong length", after_opening(&[frame(PING, 0, 0, &[0; 7])])),
        ("a ping of a stream", after_opening(&[frame(PING, 0, 1, &[0; 8])])),
        ("headers of no stream", after_opening(&[head(both, 0)])),
        ("headers of a stream of ours", after_opening(&[head(both, 2)])),
        ("a stream that goes back", after_opening(&[head(both, 5), head(both, 3)])),
        ("data of no stream", after_opening(&[frame(DATA, 0, 0, b"{}")])),
        ("data before headers", after_opening(&[frame(DATA, 0, 1, b"{}")])),
        (
            "padding longer than its frame",
            after_opening(&[head(END_HEADERS, 1), frame(DATA, 8, 1, &[200, 0])]),
        ),
        (
            "a promise of a client",
            after_opening(&[head(END_HEADERS, 1), frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2])]),
        ),
        ("a reset of no stream", after_opening(&[frame(RESET, 0, 0, &[0; 4])])),
        ("a reset of what was never opened", after_opening(&[frame(RESET, 0, 9, &[0; 4])])),
        ("an empty increment", after_opening(&[frame(WINDOW_UPDATE, 0, 0, &[0; 4])])),
        (
            "a window beyond its limit",
            after_opening(&[frame(WINDOW_UPDATE, 0, 0, &most), frame(WINDOW_UPDATE, 0, 0, &most)]),
        ),
        ("a continuation of nothing", after_opening(&[frame(CONTINUATION, 4, 1, &[])])),
        ("something between headers", after_opening(&[head(0, 1), frame(PING, 0, 0, &[0; 8])])),
        ("data after the end", after_opening(&[request(1, "ListStreams", "{}"), frame(DATA, 0, 1, b"{}")])),
        ("headers after the end", after_opening(&[request(1, "ListStreams", "{}"), head(both, 1)])),
        ("a stream that depends on itself", after_opening(&[frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 16])])),
    ];
    for (what, sent) in cases {
        converse(&daemon, &sent, &[], ENOUGH).check(what);
    }
    let overflow =
        [head(END_HEADERS, 1), frame(WINDOW_UPDATE, 0, 1, &most), frame(WINDOW_UPDATE, 0, 1, &most)];
    let reaction = converse(&daemon, &after_opening(&overflow), &[1], ENOUGH);
    assert!(reaction.is_over || reaction.resets.contains(&1), "a stream's window: {reaction:?}");
    serves(&daemon);
    daemon.stop();
    assert!(!bench.log().contains("panicked"), "{}", bench.log());
}

/// Blocks that are no headers, and headers that are no request.
fn wrong_blocks() -> Vec<(&'static str, Vec<u8>)> {
    let with = |more: Vec<u8>| [block("ListStreams"), more].concat();
    vec![
        ("nothing", Vec::new()),
        ("an entry 0", vec![0x80]),
        ("an entry that is not there", with(vec![0xff, 0x80, 0x01])),
        ("a number without end", vec![0xff; 40]),
        ("a text beyond the block", vec![0x00, 0x7f, 0xff, 0x7f]),
        ("a text in a code that is none", with(vec![0x00, 0x81, 0xff, 0x84, 0xff, 0xff, 0xff, 0xff])),
        ("a table larger than allowed", vec![0x3f, 0xff, 0xff, 0x03]),
        ("a table changed between fields", with(vec![0x20])),
        ("no method", block("ListStreams")[1..].to_vec()),
        ("two methods", with(vec![0x83])),
        ("a pseudo header that is none", with(literal(0, b":caudal", b"1"))),
        ("a name in upper case", with(literal(0, b"X-Name", b"1"))),
        ("a name with a blank", with(literal(0, b"x name", b"1"))),
        ("a value with a line's end", with(literal(0, b"x-name", b"a\r\nb: c"))),
        ("a header of HTTP/1.1", with(literal(0, b"connection", b"close"))),
        ("a length that is none", with(literal(0, b"content-length", b"many"))),
    ]
}

#[test]
fn headers_that_cannot_be_read_end_the_connection_or_their_stream() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    for (what, block) in wrong_blocks() {
        let sent = [opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)].concat();
        let reaction = converse(&daemon, &sent, &[1], ENOUGH);
        reaction.check(what);
        assert!(!reaction.good.contains(&1), "{what}: {reaction:?}");
    }
    serves(&daemon);
    daemon.stop();
}

/// A field of almost 4 KiB that is remembered, and references to it of one byte each.
fn repeated(times: usize) -> Vec<u8> {
    [block("ListStreams"), literal(0x40, b"x-large", &[b'v'; 4_000]), vec![0xbe; times]].concat()
}

#[test]
fn headers_that_are_too_large_are_refused_however_small_they_come() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let before = daemon.peak_memory();
    let large = literal(0, b"x-large", &vec![b'v'; 140_000]);
    let whole: Vec<u8> = [block("ListStreams"), large].concat();
    let mut pieces = whole.chunks(16_000);
    let mut frames = vec![opening(), frame(HEADERS, END_STREAM, 1, pieces.next().unwrap())];
    frames.extend(pieces.map(|piece| frame(CONTINUATION, 0, 1, piece)));
    frames.push(frame(CONTINUATION, END_HEADERS, 1, &[]));
    let mut requests = vec![opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &repeated(2_000))];
    // What the first one has put into the table is there for the others.
    let again = [block("ListStreams"), vec![0xbe; 2_000]].concat();
    let streams: Vec<u32> = (0..100).map(|place| 2 * place + 1).collect();
    requests
        .extend(streams[1..].iter().map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, *stream, &again)));
    for (sent, streams) in [(frames.concat(), vec![1]), (requests.concat(), streams)] {
        let reaction = converse(&daemon, &sent, &streams, ENOUGH);
        for stream in streams {
            let answer = reaction.answers.get(&stream).map(String::as_str).unwrap_or_default();
            assert!(answer.contains("RequestHeaderFieldsTooLargeException"), "{stream}: {reaction:?}");
        }
    }
    // More than 16 MiB are not even read: the library says so without a body.
    let sent = [opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &repeated(10_000))].concat();
    let reaction = converse(&daemon, &sent, &[1], ENOUGH);
    assert!(!reaction.good.contains(&1), "{reaction:?}");
    let grown = daemon.peak_memory() - before;
    assert!(grown < MOST_MEMORY, "the daemon has grown by {} MiB", grown >> 20);
    serves(&daemon);
    daemon.stop();
}

#[test]
fn floods_are_borne_or_cut_off_in_bounded_memory() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let before = daemon.peak_memory();
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &block("ListStreams"));
    let many = |frame: &[u8], times| frame.repeat(times);
    let unended = frame(HEADERS, 0, 1, &block("ListStreams"));
    let cut = |stream| [open(stream), frame(RESET, 0, stream, &[0, 0, 0, 8])].concat();
    let streams = || (0..10_000).map(|place| 2 * place + 1);
    let floods: Vec<(&str, Vec<u8>)> = vec![
        (
            "continuations",
            [unended.clone(), many(&frame(CONTINUATION, 0, 1, &literal(0, b"x", &[b'v'; 16_000])), 2_000)]
                .concat(),
        ),
        ("empty continuations", [unended, many(&frame(CONTINUATION, 0, 1, &[]), 100_000)].concat()),
        ("streams that are reset at once", streams().flat_map(cut).collect()),
        ("streams without an end", streams().flat_map(open).collect()),
        ("settings", many(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]), 100_000)),
        ("pings", many(&frame(PING, 0, 0, b"flooding"), 200_000)),
        ("empty data", [open(1), many(&frame(DATA, 0, 1, &[]), 200_000)].concat()),
        (
            "padding",
            [open(1), many(&frame(DATA, 8, 1, &[&[255], [0; 255].as_slice()].concat()), 20_000)].concat(),
        ),
        ("priorities", streams().flat_map(|stream| frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 16])).collect()),
        ("windows", many(&frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), 200_000)),
        ("goodbyes", many(&frame(GOAWAY, 0, 0, &[0; 8]), 100_000)),
        ("frames that nobody knows", many(&frame(0xfa, 0, 0, &[0; 100]), 50_000)),
    ];
    for (what, flood) in floods {
        let sent = [opening(), flood].concat();
        std::thread::scope(|scope| {
            let flooding = scope.spawn(|| converse(&daemon, &sent, &[], FLOOD));
            // Others are served while it goes on.
            aws::serves(&daemon);
            let Reaction { answers, .. } = flooding.join().unwrap();
            assert!(answers.values().all(|answer| !answer.contains("panick")), "{what}");
        });
        let grown = daemon.peak_memory() - before;
        assert!(grown < MOST_MEMORY, "{what}: the daemon has grown by {} MiB", grown >> 20);
    }
    serves(&daemon);
    daemon.stop();
    assert!(!bench.log().contains("panicked"), "{}", bench.log());
}

/// A conversation that is as it should be: reads, writes and a refusal on streams of their own.
fn good() -> Vec<u8> {
    let put = r#"{"StreamName":"trips","PartitionKey":"a","Data":"aGVsbG8="}"#;
    [
        request(1, "ListStreams", "{}"),
        frame(PING, 0, 0, &[7; 8]),
        request(3, "PutRecord", put),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 16, 0]),
        request(5, "ListShards", r#"{"StreamName":"none"}"#),
    ]
    .concat()
}

fn mutated(draw: &mut StdRng) -> Vec<u8> {
    let mut bytes = good();
    for _ in 0..draw.random_range(1..5) {
        let at = draw.random_range(0..bytes.len());
        match draw.random_range(0..5) {
            0 => bytes[at] ^= 1 << draw.random_range(0..8),
            1 => bytes[at] = draw.random(),
            2 => drop(bytes.drain(at..(at + draw.random_range(1..20)).min(bytes.len()))),
            3 => {
                let copied = bytes[at..(at + draw.random_range(1..40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, copied);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    [opening(), bytes].concat()
}

#[test]
fn a_conversation_with_any_bytes_changed_harms_nobody() {
    let seed = number_from_environment("CAUDAL_SEED", 20_190_601);
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let before = daemon.peak_memory();
    let reaction = converse(&daemon, &[opening(), good()].concat(), &[1, 3, 5], ENOUGH);
    assert!(reaction.good.contains(&1) && reaction.good.contains(&3), "{reaction:?}");
    assert!(reaction.answers[&5].contains("ResourceNotFoundException"), "{reaction:?}");
    let mut draw = StdRng::seed_from_u64(seed);
    for place in 0..400 {
        // Whose end is missing waits for it: such a conversation is left when others have long been over.
        let reaction = converse(&daemon, &mutated(&mut draw), &[], Duration::from_millis(500));
        for (stream, answer) in &reaction.answers {
            let is_error = answer.contains("__type") || answer.contains("Exception>");
            assert!(reaction.good.contains(stream) || is_error, "seed {seed}, {place}: {reaction:?}");
        }
        if place % 50 == 0 {
            serves(&daemon);
        }
    }
    let grown = daemon.peak_memory() - before;
    assert!(grown < MOST_MEMORY, "the daemon has grown by {} MiB", grown >> 20);
    serves(&daemon);
    daemon.stop();
    assert!(!bench.log().contains("panicked"), "{}", bench.log());
}
