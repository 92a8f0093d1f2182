use super::daemon::*;
use serde_json::json;
use std::io::Write;

#[test]
fn records_lie_in_the_log_as_they_were_sent_when_the_answer_comes() {
    let daemon = plain();
    let answer = daemon.records(b"{ \"a\" : 1 }\n{\"b\":2.50}\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!((&body["accepted"], &body["faults"]), (&json!(2), &json!([])));
    let places = body["records"].as_array().unwrap();
    for (place, sent) in places.iter().zip([&b"{ \"a\" : 1 }"[..], b"{\"b\":2.50}"]) {
        let stored = daemon.stored(u32::try_from(place["shard"].as_u64().unwrap()).unwrap());
        let sequence = usize::try_from(place["sequence"].as_u64().unwrap()).unwrap();
        assert_eq!(stored[sequence].payload, sent);
    }
}

#[test]
fn arrays_and_single_values_are_taken_too() {
    let daemon = plain();
    assert_eq!(daemon.records(b"[{\"a\":1},\n {\"a\":2}]").json()["accepted"], 2);
    assert_eq!(daemon.records(b"{\n \"a\": 3\n}").json()["accepted"], 1);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(daemon.post("/streams/trips/records", &form, b"{\"a\":4}").status, 200);
    assert_eq!(daemon.count(), 4);
}

#[test]
fn encoded_bodies_are_expanded() {
    let daemon = plain();
    let text = b"{\"a\":1}\n".repeat(100);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let bodies = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::stream::encode_all(&*text, 1).unwrap())];
    for (encoding, body) in bodies {
        let answer = daemon.post("/streams/trips/records", &[("content-encoding", encoding)], &body);
        assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(100)), "{encoding}");
    }
    assert_eq!(daemon.count(), 200);
}

#[test]
fn a_partition_key_comes_from_query_header_or_field() {
    let daemon = start(&section(json!({})), json!({ "shards": 4, "partition_key": "/station" }));
    let shard_of = |key: &[u8]| daemon.stream.route(key).index;
    let place = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let answer = daemon.post(path, headers, body).json();
        let shard = u32::try_from(answer["records"][0]["shard"].as_u64().unwrap()).unwrap();
        let sequence = usize::try_from(answer["records"][0]["sequence"].as_u64().unwrap()).unwrap();
        (shard, daemon.stored(shard)[sequence].key.clone())
    };
    let path = "/streams/trips/records";
    let (shard, key) = place("/streams/trips/records?key=nor%74e", &[("x-partition-key", "sur")], b"{}");
    assert_eq!((shard, &*key), (shard_of(b"norte"), &b"norte"[..]));
    let (shard, key) = place(path, &[("x-partition-key", "sur")], b"{\"station\":90}");
    assert_eq!((shard, &*key), (shard_of(b"sur"), &b"sur"[..]));
    let (shard, key) = place(path, &[], b"{\"station\":90}");
    assert_eq!((shard, &*key), (shard_of(b"90"), &b"90"[..]));
    let (shard, key) = place(path, &[], b"{}");
    assert!(key.len() == 16 && shard == shard_of(&key));
}

#[test]
fn good_records_are_kept_and_faulty_ones_named() {
    let conditions = json!({
        "require": ["/seconds"],
        "check": [{ "field": "/seconds", "at_least": 60 }],
    });
    let daemon = start(&section(conditions), json!({ "max_record": "40B" }));
    let long = format!("{{\"seconds\":90,\"x\":\"{}\"}}", "y".repeat(40));
    let body = format!("{{\"seconds\":90}}\n{{\"seconds\":59}}\nnonsense\n{{}}\n{long}\n{{\"seconds\":61}}");
    let answer = daemon.records(body.as_bytes());
    assert_eq!((answer.status, answer.header("x-caudal-faults")), (200, Some("4")));
    let json = answer.json();
    assert_eq!((&json["accepted"], &json["faulty"]), (&json!(2), &json!(4)));
    let lines: Vec<_> =
        json["faults"].as_array().unwrap().iter().map(|fault| fault["line"].clone()).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    assert_eq!(json["faults"][0]["reason"], "/seconds is 59, below 60");
    assert!(json["records"][1].is_null() && json["records"][5]["sequence"] == 1);
    assert_eq!(daemon.stored(0).len(), 2);
}

#[test]
fn a_queue_takes_records_as_messages() {
    let daemon = plain();
    let answer = daemon.post("/streams/jobs/records", &[], b"[{\"a\":1},{\"a\":2}]").json();
    assert_eq!((&answer["queue"], &answer["accepted"]), (&json!("jobs"), &json!(2)));
    assert_eq!(answer["records"].as_array().unwrap().len(), 2);
    assert_eq!(daemon.store.depth(daemon.queue.id()).unwrap().sent, 2);
}

#[test]
fn one_connection_serves_many_requests_in_order() {
    let daemon = start(&section(json!({})), json!({}));
    let mut client = connect(daemon.address);
    for sequence in 0..50 {
        assert_eq!(client.records(b"{}").json()["records"][0]["sequence"], sequence);
    }
    for _ in 0..10 {
        client.send("POST", "/streams/trips/records", &[], b"{}");
    }
    for sequence in 50..60 {
        assert_eq!(client.receive().json()["records"][0]["sequence"], sequence);
    }
}

#[test]
fn many_clients_at_once_get_dense_sequences_without_doubles() {
    let daemon = plain();
    let address = daemon.address;
    let clients: Vec<_> = (0..8)
        .map(|number_of_client| {
            std::thread::spawn(move || {
                let mut client = connect(address);
                let mut places = Vec::new();
                for number in 0..50 {
                    let body =
                        format!("{{\"c\":{number_of_client},\"n\":{number}}}\n{{\"c\":{number_of_client},\"m\":{number}}}");
                    let answer = client.records(body.as_bytes()).json();
                    for record in answer["records"].as_array().unwrap() {
                        places
                            .push((record["shard"].as_u64().unwrap(), record["sequence"].as_u64().unwrap()));
                    }
                }
                places
            })
        })
        .collect();
    let mut places: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    places.sort_unstable();
    let expected: Vec<_> = (0..4)
        .flat_map(|shard| {
            (0..daemon.stored(shard).len() as u64).map(move |sequence| (u64::from(shard), sequence))
        })
        .collect();
    assert_eq!(places, expected);
    assert_eq!(places.len(), 800);
}
