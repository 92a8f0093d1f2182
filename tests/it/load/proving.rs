//! What is stored is proven, and what is missing, doubled or out of order is found.

use super::Stand;
use crate::support::files_below;
use caudal::load::aws_endpoint::AwsEndpoint;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

const TOPOLOGY: &str = r#"
[topology]
name = "proving"
[ingress.collector]
to = "trips"
[stream.trips]
shards = 2
partition_key = "/key"
[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl"
path = "bronze"
roll = { bytes = "16KiB", age = "200ms" }
[raw.columns]
from = "trips"
store = "file://raw"
format = "parquet"
path = "columns"
roll = { bytes = "1MiB", age = "200ms" }
[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
reject = [{ when = "short", reason = "short" }]
commit = { bytes = "32MiB", age = "200ms" }
"#;

fn objects(stand: &Stand, folder: &str) -> Vec<PathBuf> {
    let files = files_below(&stand.data().join("raw").join(folder)).into_iter();
    files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

/// The name of an object's checksums.
fn checksums(object: &Path) -> PathBuf {
    object.with_file_name(format!(".{}.crc", object.file_name().unwrap().to_string_lossy()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_and_what_is_taken_away_afterwards_is_missed() {
    let mut stand = Stand::start(TOPOLOGY, 3).await;
    let spec = json!({ "raw": ["bronze", "columns"], "warehouse": ["trips"], "within": "240s" });
    let mut prover = stand.prover(spec).await;
    stand.send("trips", 400).await;
    {
        let mut daemon = stand.daemon.lock().await;
        daemon.kill();
        daemon.restart().await.unwrap();
    }
    stand.send("trips", 200).await;
    let accepted = stand.accepted();
    assert!(accepted >= 1_200, "the daemon serves where it did: {accepted} accepted");
    let (proof, hops) = stand.prove(&mut prover).await;
    let faults =
        (proof.losses, proof.duplicates, proof.inversions, proof.refused_stored, proof.unknown_stored);
    assert_eq!(faults, (0, 0, 0, 0, 0), "{:?}", proof.examples);
    assert_eq!((proof.places["raw bronze"], proof.places["raw columns"]), (accepted, accepted));
    assert_eq!(proof.places["warehouse trips"] + proof.places["quarantine trips"], accepted);
    assert_eq!(proof.places["quarantine trips"], accepted / 10, "one in ten is short");
    assert_eq!(hops["raw bronze"].count, accepted);
    assert_eq!(hops["warehouse trips"].count, proof.places["warehouse trips"]);
    assert!(hops.values().all(|hop| hop.max < 240.0), "{hops:?}");

    let all = objects(&stand, "bronze");
    assert!(all.len() > 3, "{all:?}");
    let lines = |object: &PathBuf| fs::read_to_string(object).unwrap().lines().count() as u64;
    // Its records lie there twice, and the copies after all others.
    let copied = &all[1];
    let far = copied.with_file_name("shardId-000000000000-00000000000009000000-00000000000009009999.jsonl");
    fs::copy(copied, &far).unwrap();
    let taken = lines(&all[0]);
    fs::remove_file(&all[0]).unwrap();
    fs::remove_file(checksums(&all[0])).unwrap();
    // Two records of a key change places.
    let turned = &all[2];
    let text = fs::read_to_string(turned).unwrap();
    let upside_down: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
    fs::remove_file(checksums(turned)).unwrap();
    fs::write(turned, upside_down).unwrap();
    let mut prover = stand.prover(json!({ "raw": ["bronze"], "within": "60s" })).await;
    let (proof, _) = stand.prove(&mut prover).await;
    assert_eq!((proof.losses, proof.duplicates), (taken, lines(copied)), "{:?}", proof.examples);
    assert!(proof.inversions > 0 && proof.inversions < lines(turned), "{}", proof.inversions);
    assert_eq!(proof.places["raw bronze"], accepted - taken);
    assert!(
        proof.examples.iter().any(|example| example.starts_with("lost: producer ")),
        "{:?}",
        proof.examples
    );
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_and_not_there_is_told_before_anything_is_sent() {
    use caudal::load::{
        proof::{ProofSources, Prover},
        scenario::ProofSpec,
    };
    let stand = Stand::start(TOPOLOGY, 1).await;
    for (spec, told) in [
        (
            json!({ "raw": ["silver"] }),
            "proof.raw names \"silver\", which there is not; there are: bronze, columns",
        ),
        (
            json!({ "warehouse": ["rides"] }),
            "proof.warehouse names \"rides\", which there is not; there are: trips",
        ),
        (json!({ "dead_letter": ["dead"] }), "GetQueueUrl: 400"),
    ] {
        let spec: ProofSpec = serde_json::from_value(spec).unwrap();
        let sources = ProofSources {
            data: stand.data(),
            admin: Some(stand.admin.clone()),
            aws: Some(AwsEndpoint::open(&stand.aws).unwrap()),
            began_ms: stand.began_ms,
        };
        let error = Prover::begin(spec, sources).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    stand.stop().await;
}
