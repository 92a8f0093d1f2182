//! The driver against a server of a few lines.

use super::{
    lane::{Due, Turn},
    *,
};
use crate::load::{
    arrivals::{Factors, StagePlan},
    ledger::Standing,
    outcome::Totals,
    scenario::{Arrival, Protocol, Stage, Target, Trickle},
    target,
};
use crate::units::Span;
use std::{collections::BTreeMap, net::SocketAddr, sync::Mutex};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What a server has got: producer, key and number of each record, in order.
type Got = Arc<Mutex<Vec<(u32, String, u64)>>>;

#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Answers after so long.
    After(Duration),
    /// Answers with this status.
    With(u16),
    /// Hangs up without an answer.
    HangsUp,
}

async fn serve(listener: TcpListener, manner: Manner, got: Got) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(converse(socket, manner, got.clone()));
    }
}

async fn converse(socket: TcpStream, manner: Manner, got: Got) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(told) = line.strip_prefix("content-length:") {
                length = told.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            let Some(producer) = record["producer"].as_u64() else { continue };
            let key = record["key"].as_str().unwrap().to_owned();
            got.lock().unwrap().push((producer as u32, key, record["number"].as_u64().unwrap()));
        }
        let status = match manner {
            Manner::HangsUp => return Ok(()),
            Manner::With(status) => status,
            Manner::After(delay) => {
                tokio::time::sleep(delay).await;
                200
            }
        };
        let told = r#"{"stream":"s","accepted":1,"faulty":0,"records":[],"faults":[]}"#;
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{told}", told.len());
        socket.write_all(answer.as_bytes()).await?;
    }
}

fn stage(arrival: Arrival, milliseconds: u64) -> StagePlan {
    let length = Some(Span(Duration::from_millis(milliseconds)));
    let stage = Stage { name: "only".to_owned(), length, arrival, spacing: Trickle::Even };
    StagePlan::new(&stage, Factors::AS_WRITTEN).unwrap()
}

/// Begins to drive one stage.
async fn started(address: SocketAddr, stage: StagePlan, timeout: Duration) -> Drive {
    let target = Target {
        protocol: Protocol::Http,
        url: None,
        stream: Some("s".to_owned()),
        queue: None,
        connections: 3,
        batch: 5,
        timeout: Span(timeout),
    };
    let senders = target::senders(&target, &format!("http://{address}"), "run", &|_| None).await.unwrap();
    let load = Load {
        stages: vec![stage],
        keys: Keys::Uniform { count: 12 },
        payloads: Payloads::Orders,
        seed: 11,
        senders,
        batch: 5,
        timeout,
    };
    Drive::start(load, Instant::now(), 1_700_000_000_000).unwrap()
}

/// Drives one stage to its end.
async fn driven(address: SocketAddr, stage: StagePlan, timeout: Duration) -> (Gathered, Vec<Ledger>) {
    let mut drive = started(address, stage, timeout).await;
    drive.ended().await.unwrap();
    drive.sample();
    (drive.gathered(), drive.into_ledgers())
}

async fn against(manner: Manner, stage: StagePlan, timeout: Duration) -> (Gathered, Vec<Ledger>, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, got) = (listener.local_addr().unwrap(), Got::default());
    let server = tokio::spawn(serve(listener, manner, got.clone()));
    let (gathered, ledgers) = driven(address, stage, timeout).await;
    server.abort();
    (gathered, ledgers, got)
}

fn add_up(totals: &Totals) {
    assert_eq!(totals.planned, totals.sent + totals.unsent, "{totals:?}");
    assert_eq!(totals.sent, totals.accepted + totals.refused + totals.unknown, "{totals:?}");
}

const PATIENT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_planned_record_arrives_once_and_each_key_in_order() {
    let plan = stage(Arrival::Constant { rate: 1_000.0 }, 400);
    let (gathered, ledgers, got) = against(Manner::After(Duration::ZERO), plan, PATIENT).await;
    add_up(&gathered.totals);
    assert_eq!((gathered.totals.planned, gathered.totals.accepted), (400, 400));
    assert_eq!(gathered.stages[0].latency.count, 400);
    let got = got.lock().unwrap();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for (producer, key, number) in got.iter() {
        assert!(key.starts_with(&format!("{producer}-")));
        assert!(last.insert(key, *number).is_none_or(|before| before < *number), "{key}");
    }
    let noted: usize = ledgers.iter().map(|ledger| ledger.records().len()).sum();
    assert_eq!((got.len(), noted, last.len()), (400, 400, 12));
    assert!(ledgers.iter().flat_map(Ledger::records).all(|(_, standing)| standing == Standing::Accepted));
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_behind_a_slow_server_counts_from_the_plan() {
    // Three connections carry 5 records each 100 ms: 150 a second, of 600 planned.
    let plan = stage(Arrival::Constant { rate: 600.0 }, 500);
    let (gathered, _, _) = against(Manner::After(Duration::from_millis(100)), plan, PATIENT).await;
    add_up(&gathered.totals);
    assert_eq!(gathered.totals.accepted, 300);
    let latency = &gathered.stages[0].latency;
    assert!(latency.max > 1.0, "the last one waited for more than a second: {latency:?}");
    assert!(latency.p50 > 0.4, "{latency:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_get_its_turn_in_time_is_unsent() {
    let plan = stage(Arrival::Constant { rate: 600.0 }, 600);
    let timeout = Duration::from_millis(250);
    let (gathered, _, got) = against(Manner::After(Duration::from_millis(100)), plan, timeout).await;
    add_up(&gathered.totals);
    assert!(gathered.totals.unsent > 50, "{:?}", gathered.totals);
    assert_eq!(got.lock().unwrap().len() as u64, gathered.totals.sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let plan = stage(Arrival::Constant { rate: 200.0 }, 300);
    let (gathered, ledgers) = driven(address, plan, Duration::from_millis(200)).await;
    add_up(&gathered.totals);
    let Totals { planned, unsent, sent, requests, bytes, .. } = gathered.totals;
    assert_eq!((unsent, sent, requests, bytes), (planned, 0, 0, 0), "nothing left, so nothing is unknown");
    assert!(ledgers.iter().flat_map(Ledger::records).all(|(_, standing)| standing == Standing::Unsent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_gets_what_waited() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let got = Got::default();
    let server = tokio::spawn({
        let got = got.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let listener = TcpListener::bind(address).await.unwrap();
            serve(listener, Manner::After(Duration::ZERO), got).await;
        }
    });
    let plan = stage(Arrival::Constant { rate: 200.0 }, 100);
    let (gathered, _) = driven(address, plan, PATIENT).await;
    server.abort();
    assert_eq!((gathered.totals.planned, gathered.totals.accepted), (20, 20));
    assert!(gathered.stages[0].latency.p50 > 0.15, "{:?}", gathered.stages[0].latency);
    assert_eq!(got.lock().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_success_is_a_refusal_and_none_at_all_is_unknown() {
    let plan = || stage(Arrival::Constant { rate: 200.0 }, 200);
    let (refused, ledgers, _) = against(Manner::With(429), plan(), PATIENT).await;
    assert_eq!((refused.totals.refused, refused.totals.sent), (40, 40));
    assert!(ledgers.iter().flat_map(Ledger::records).all(|(_, standing)| standing == Standing::Refused));
    let (unknown, _, _) = against(Manner::HangsUp, plan(), PATIENT).await;
    assert_eq!((unknown.totals.unknown, unknown.totals.sent), (40, 40));
    add_up(&unknown.totals);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_closed_model_each_connection_waits_for_its_answer() {
    let plan = stage(Arrival::Closed {}, 450);
    let (gathered, _, _) = against(Manner::After(Duration::from_millis(100)), plan, PATIENT).await;
    add_up(&gathered.totals);
    // Three connections, at most five requests each of 100 ms.
    let requests = gathered.totals.requests;
    assert!((3..=15).contains(&requests), "{requests}");
    assert_eq!(gathered.totals.accepted, requests * 5);
    assert!(gathered.stages[0].latency.max < 10.0);
}

#[test]
fn a_lane_gives_up_what_waited_too_long_and_hands_out_the_rest_in_order() {
    let lane = Lane::new(Duration::from_secs(1));
    let due = |milliseconds| Due { at: Duration::from_millis(milliseconds), key: 0, stage: 7 };
    assert!(lane.push(&mut vec![due(0), due(400), due(900)]).is_empty());
    let (mut taken, mut late) = (Vec::new(), Vec::new());
    let turn = lane.take(Duration::from_millis(1_100), 1, &mut taken, &mut late);
    assert_eq!((turn, taken.as_slice(), late.as_slice()), (Turn::Send, &[due(400)][..], &[due(0)][..]));
    assert_eq!(lane.behind(Duration::from_millis(1_100)), Duration::from_millis(200));
    taken.clear();
    lane.end();
    assert_eq!(lane.take(Duration::from_millis(1_100), 5, &mut taken, &mut late), Turn::Send);
    taken.clear();
    assert_eq!(lane.take(Duration::from_millis(1_100), 5, &mut taken, &mut late), Turn::End);
    lane.close(3, Duration::from_secs(2));
    assert_eq!(lane.take(Duration::from_millis(1_100), 5, &mut taken, &mut late), Turn::SendOwn(3));
    assert_eq!(lane.take(Duration::from_secs(2), 5, &mut taken, &mut late), Turn::End);
}

#[test]
fn a_lane_is_bounded() {
    let lane = Lane::new(Duration::from_secs(1));
    let mut due = vec![Due { at: Duration::ZERO, key: 0, stage: 2 }; (1 << 20) + 3];
    assert_eq!(lane.push(&mut due), [2, 2, 2]);
}

#[tokio::test]
async fn a_target_that_is_not_there_is_told_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = |protocol| Target {
        protocol,
        url: None,
        stream: Some("trips".to_owned()),
        queue: Some("jobs".to_owned()),
        connections: 1,
        batch: 1,
        timeout: Span(PATIENT),
    };
    let got = Got::default();
    let server = tokio::spawn(serve(listener, Manner::With(404), got));
    for (protocol, told) in [
        (Protocol::Http, "does not take records for the stream \"trips\": 404"),
        (Protocol::Kinesis, "does not take records for the stream \"trips\": 404"),
        (Protocol::Sqs, "does not tell where the queue \"jobs\" is: 404"),
    ] {
        let fault = target::look(&target(protocol), &url, &|_| None).await.unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
    }
    server.abort();
    let _ = server.await;
    for protocol in [Protocol::Http, Protocol::Kinesis, Protocol::Sqs] {
        let fault = target::look(&target(protocol), &url, &|_| None).await.unwrap_err().to_string();
        assert!(fault.contains("cannot be reached; start it"), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drive_that_is_stopped_plans_nothing_more_and_sends_what_was_due() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, got) = (listener.local_addr().unwrap(), Got::default());
    let server = tokio::spawn(serve(listener, Manner::After(Duration::ZERO), got.clone()));
    let mut drive = started(address, stage(Arrival::Constant { rate: 500.0 }, 3_600_000), PATIENT).await;
    while got.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drive.stop();
    drive.ended().await.unwrap();
    let sample = drive.sample();
    server.abort();
    let totals = drive.gathered().totals;
    add_up(&totals);
    assert_eq!((totals.accepted, sample.accepted), (got.lock().unwrap().len() as u64, totals.accepted));
    assert_eq!((totals.unsent, drive.stage_at(0.0)), (0, ("only".to_owned(), 3_600.0)));
}
