use super::daemon::*;
use serde_json::json;

#[test]
fn a_repeat_is_stored_once_and_answered_alike() {
    let daemon = start(&section(json!({ "require": ["/a"] })), json!({ "shards": 4 }));
    let key = [("idempotency-key", "order-17")];
    let body = b"{\"a\":1}\n{\"b\":2}\n{\"a\":3}\n{\"a\":4}\n{\"a\":5}";
    let first = daemon.post("/streams/trips/records", &key, body);
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    for _ in 0..3 {
        let again = daemon.post("/streams/trips/records", &key, body);
        assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("x-caudal-faults"), Some("1"));
    }
    assert_eq!(daemon.count(), 4);
}

#[test]
fn another_body_or_partition_key_under_the_same_key_is_a_422() {
    let daemon = plain();
    let key = [("idempotency-key", "k")];
    assert_eq!(daemon.post("/streams/trips/records", &key, b"{\"a\":1}").status, 200);
    assert_eq!(daemon.post("/streams/trips/records", &key, b"{\"a\":2}").status, 422);
    assert_eq!(daemon.post("/streams/trips/records?key=x", &key, b"{\"a\":1}").status, 422);
    assert_eq!(daemon.post("/streams/jobs/records", &key, b"{\"a\":2}").status, 200);
    assert_eq!(daemon.count(), 1);
}

#[test]
fn repeats_at_the_same_moment_are_stored_once() {
    let daemon = plain();
    let address = daemon.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                request(
                    address,
                    "POST",
                    "/streams/trips/records",
                    &[("idempotency-key", "once")],
                    b"{\"a\":1}",
                )
            })
        })
        .collect();
    let answers: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert!(
        answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
    assert_eq!(daemon.count(), 1);
}
