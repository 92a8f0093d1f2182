//! Connections to the AWS endpoint of a daemon that are not used as they should be.

use crate::support::{
    AWS_TOPOLOGY, Bench, PATIENCE,
    aws::{connected, received, request, serves},
};
use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

#[test]
fn a_request_that_breaks_off_harms_nobody() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let whole = request("PutRecord", r#"{"StreamName":"trips","PartitionKey":"a","Data":"aGVsbG8="}"#);
    for end in (0..whole.len()).step_by(7) {
        let mut connection = connected(&daemon);
        connection.write_all(&whole.as_bytes()[..end]).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        let answer = received(&mut connection, "\r\n\r\n", 1);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{end}: {answer}");
    }
    serves(&daemon);
    daemon.stop();
}

#[test]
fn many_requests_at_once_on_one_connection_are_answered_in_their_order() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let mut connection = connected(&daemon);
    let wrong = |place: usize| request("ListShards", &format!(r#"{{"StreamName":"none-{place:03}"}}"#));
    let all: String = (0..200).map(wrong).collect();
    let mut writing = connection.try_clone().unwrap();
    let writer = std::thread::spawn(move || writing.write_all(all.as_bytes()).unwrap());
    let answers = received(&mut connection, "none-199", 1);
    writer.join().unwrap();
    assert_eq!(answers.matches("HTTP/1.1 400").count(), 200);
    assert_eq!(answers.matches("ResourceNotFoundException").count(), 200);
    let places: Vec<usize> =
        (0..200).map(|place| answers.find(&format!("none-{place:03}")).unwrap()).collect();
    assert!(places.is_sorted());
    daemon.stop();
}

#[test]
fn who_is_slow_or_silent_is_let_go_while_others_are_served() {
    let bench = Bench::new(AWS_TOPOLOGY).with("CAUDAL__AWS__IDLE", "3s");
    let daemon = bench.start();
    let silent: Vec<TcpStream> = (0..50).map(|_| connected(&daemon)).collect();
    let slow = std::thread::spawn({
        let mut connection = connected(&daemon);
        move || {
            // One byte after the other, until the daemon has had enough.
            let started = Instant::now();
            for byte in b"POST / HTTP/1.1\r\n".iter().chain(std::iter::repeat(&b'x')) {
                if connection.write_all(&[*byte]).is_err() {
                    return;
                }
                assert!(started.elapsed() < PATIENCE, "it may go on for ever");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    serves(&daemon);
    for mut connection in silent {
        assert_eq!(received(&mut connection, "\r\n", 1), "");
    }
    slow.join().unwrap();
    serves(&daemon);
    daemon.stop();
}

#[test]
fn a_subscription_ends_after_its_time_and_is_taken_up_again_where_it_was() {
    let bench = Bench::new(AWS_TOPOLOGY).with("CAUDAL__AWS__KINESIS__SUBSCRIPTION", "5s");
    let daemon = bench.start();
    let ask = |operation: &str, body: &str| {
        let mut connection = connected(&daemon);
        connection.write_all(request(operation, body).as_bytes()).unwrap();
        let answer = received(&mut connection, "}", 1);
        assert!(answer.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
        answer
    };
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";
    let mut connection = connected(&daemon);
    let register = format!(r#"{{"StreamARN":"{stream}","ConsumerName":"lab"}}"#);
    connection.write_all(request("RegisterStreamConsumer", &register).as_bytes()).unwrap();
    let registered = received(&mut connection, "}}", 1);
    let arn = registered.split("\"ConsumerARN\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut from = r#"{"Type":"TRIM_HORIZON"}"#.to_owned();
    for life in 0..2 {
        let begun = Instant::now();
        let mut connection = connected(&daemon);
        let body = format!(r#"{{"ConsumerARN":"{arn}","ShardId":"0","StartingPosition":{from}}}"#);
        connection.write_all(request("SubscribeToShard", &body).as_bytes()).unwrap();
        let head = received(&mut connection, "initial-response", 1);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let data = ["Zmlyc3Q=", "c2Vjb25k"][life];
        ask("PutRecord", &format!(r#"{{"StreamName":"trips","PartitionKey":"a","Data":"{data}"}}"#));
        // The last chunk of HTTP/1.1 is empty: the answer was ended, not broken off.
        let events = received(&mut connection, "\r\n0\r\n\r\n", 1);
        assert!(events.ends_with("\r\n0\r\n\r\n") && begun.elapsed() >= Duration::from_secs(5));
        assert!(events.contains(data) && !events.contains(":exception-type"), "{events}");
        assert_eq!(events.contains("Zmlyc3Q="), life == 0, "nothing comes twice");
        let number = events.rsplit("\"ContinuationSequenceNumber\":\"").next().unwrap();
        let number = number.split('"').next().unwrap();
        from = format!(r#"{{"Type":"AFTER_SEQUENCE_NUMBER","SequenceNumber":"{number}"}}"#);
    }
    daemon.stop();
}
