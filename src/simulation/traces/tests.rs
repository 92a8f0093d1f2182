//! Traces are what their tables say, for ever; files are read, or refused by line.

use super::{NAMES, TraceError, named, random, read, smooth::smooth};
use crate::simulation::PoolModel;
use std::{fs, path::PathBuf};

fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    (folder, file)
}

fn arrivals(name: &str, text: &str) -> Vec<u64> {
    let (_folder, file) = written(name, text);
    read(&file).unwrap().arrivals
}

fn refusal(name: &str, text: &str) -> String {
    let (folder, file) = written(name, text);
    let refused = read(&file).unwrap_err().to_string();
    refused.replace(&folder.path().display().to_string(), "")
}

/// A sum over place and number, so that a published trace cannot change unseen.
fn print_of(arrivals: &[u64]) -> u64 {
    arrivals
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |print, count| (print ^ count).wrapping_mul(0x0000_0100_0000_01B3))
}

#[test]
fn named_traces_are_those_of_the_table_and_never_change() {
    let model = PoolModel::default();
    let lengths = [3_600, 3_600, 1_200, 1_800, 3_600, 3_600, 3_600, 86_400];
    let means = [100.0, 300.0, 35.0, 133.3, 166.7, 0.0, 220.0, 320.0];
    for ((name, seconds), mean) in NAMES.into_iter().zip(lengths).zip(means) {
        let trace = named(name, &model, 0).unwrap();
        assert_eq!((trace.name.as_str(), trace.seconds()), (name, seconds));
        assert_eq!(trace.expected.len(), seconds);
        let found = trace.records() as f64 / seconds as f64;
        assert!(mean == 0.0 || (found / mean - 1.0).abs() < 0.02, "{name}: {found} records per second");
        assert_eq!(trace.sink_limit, (name == "capped-sink").then_some(200.0));
        assert_eq!(trace, named(name, &model, 0).unwrap(), "twice the same");
        assert_ne!(trace.arrivals, named(name, &model, 1).unwrap().arrivals, "another seed, other arrivals");
    }
    let prints: Vec<u64> =
        NAMES.iter().map(|name| print_of(&named(name, &model, 0).unwrap().arrivals)).collect();
    assert_eq!(prints, PRINTS, "a published trace has changed");
    assert_eq!(named("nothing", &model, 0), None);
}

const PRINTS: [u64; 8] = [
    10_089_873_003_948_904_559,
    12_272_675_872_433_676_537,
    10_385_633_059_372_465_769,
    8_108_457_496_127_087_702,
    10_320_097_330_002_934_338,
    2_450_033_669_998_963_313,
    194_175_175_902_173_802,
    2_318_045_912_710_925_258,
];

#[test]
fn a_trace_asks_of_every_pool_the_same_share_of_what_it_can() {
    let small = PoolModel { max: 10, service: std::time::Duration::from_millis(10), ..PoolModel::default() };
    let (trace, scaled) =
        (named("capped-sink", &PoolModel::default(), 0).unwrap(), named("capped-sink", &small, 0).unwrap());
    assert_eq!(
        (scaled.expected[0], scaled.expected[700]),
        (trace.expected[0] / 2.0, trace.expected[700] / 2.0)
    );
    assert_eq!(scaled.sink_limit, Some(100.0));
    let batch = named("batch30k", &small, 0).unwrap();
    assert!((15_000..15_020).contains(&batch.arrivals[300]), "{}", batch.arrivals[300]);
}

#[test]
fn random_traces_differ_by_seed_and_stay_within_the_pool() {
    let model = PoolModel::default();
    for seed in 0..50 {
        let trace = random(&model, seed);
        assert_eq!(trace.seconds(), 3_600);
        assert_eq!(trace, random(&model, seed));
        assert_ne!(trace.arrivals, random(&model, seed + 1).arrivals);
        let lasting =
            trace.expected.windows(5).map(|five| five.iter().copied().fold(f64::INFINITY, f64::min));
        assert!(lasting.fold(0.0, f64::max) <= 1_200.0, "seed {seed}");
    }
}

#[test]
fn a_table_is_read_with_and_without_header() {
    assert_eq!(arrivals("a.csv", "0,5\n1,7\n3,2\n"), [5, 7, 0, 2]);
    assert_eq!(arrivals("a.csv", "# recorded\n\nsecond, arrivals\n0, 5\n2, 1\n"), [5, 0, 1]);
    assert_eq!(arrivals("a.csv", "count,time\n4,0\n6,1\n"), [4, 6]);
    assert_eq!(arrivals("a.csv", "timestamp,rate\n100,2.5\n104,10\n105,0\n"), [2, 3, 2, 3, 10, 0]);
    let dates = "timestamp,arrivals\n2026-01-05T08:00:00Z,3\n2026-01-05T08:00:02Z,4\n";
    assert_eq!(arrivals("a.csv", dates), [3, 0, 4]);
    assert_eq!(arrivals("a.csv", "1767571200,3\n1767571201,4"), [3, 4]);
}

#[test]
fn a_faulty_table_is_refused_by_line_with_a_remedy() {
    let faults = [
        ("0,5\n1,x\n", "/a.csv:2: \"x\" is no number of records; write one from 0 to 1e9"),
        ("second,arrivals\n0,5\n1,-1\n", "/a.csv:3: \"-1\" is no number of records; write one from 0 to 1e9"),
        ("soon,5\n", "/a.csv:1: \"soon\" is no time; write seconds such as 12, or 2026-01-05T08:00:00Z"),
        ("0,5\n\n0,6\n", "/a.csv:3: 0 s does not come after 0 s of the row before; sort the rows by time"),
        ("0\n", "/a.csv:1: \"0\" has no two columns; write `second,arrivals`"),
        (
            "timestamp,rate\n0,1\n700000,1\n",
            "/a.csv:3: 700000 s is not within a week from the start; cut the trace",
        ),
        ("second,arrivals\n", "/a.csv: has no rows; write them as `second,arrivals`"),
    ];
    for (text, message) in faults {
        assert_eq!(refusal("a.csv", text), message);
    }
    let missing = read(&PathBuf::from("no-such-trace.csv")).unwrap_err();
    assert!(matches!(missing, TraceError::Unreadable { .. }));
    assert!(missing.to_string().contains("step10x, constant-noisy"), "{missing}");
}

#[test]
fn a_prometheus_range_is_a_counter_or_a_rate_by_its_name() {
    let range = |name: &str, values: &str| {
        format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[\
             {{\"metric\":{{{name}\"node\":\"review\"}},\"values\":[{values}]}}]}}}}"
        )
    };
    let counter = range("\"__name__\":\"caudal_records_total\",", "[100,\"5\"],[102,\"9\"],[103,\"2\"]");
    assert_eq!(arrivals("a.json", &counter), [2, 2, 2], "what it grew by; it began anew before the last");
    let rate = range("", "[100.5,\"4\"],[102.5,\"6\"]");
    assert_eq!(arrivals("a.json", &rate), [4, 4, 6, 6], "a rate holds until the next point");
    let two = "{\"data\":{\"resultType\":\"matrix\",\"result\":[{\"values\":[[0,\"1\"],[1,\"1\"]]},\
               {\"values\":[[1,\"5\"],[2,\"5\"]]}]}}";
    assert_eq!(arrivals("a.json", two), [1, 6, 5], "series are added up");
}

#[test]
fn what_is_no_range_is_refused_with_the_question_that_gives_one() {
    let vector =
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"value\":[0,\"1\"]}]}}";
    assert!(refusal("a.json", vector).starts_with("/a.json: is a vector, not a matrix: save the answer of"));
    let error = "{\"status\":\"error\",\"error\":\"too many points\"}";
    assert!(refusal("a.json", error).contains("holds no data (too many points)"));
    let text = "{\"data\":{\"resultType\":\"matrix\",\"result\":[{\"values\":[[0,\"NaN\"]]}]}}";
    assert!(refusal("a.json", text).contains("series 1: \"NaN\" at 0 is no number of records"));
    assert!(refusal("a.json", "[1,").contains("is no answer of Prometheus"));
}

#[test]
fn the_load_behind_arrivals_keeps_its_steps() {
    let mut arrivals = vec![10; 50];
    arrivals.extend(vec![100; 50]);
    let load = smooth(&arrivals);
    assert_eq!((load[49], load[50]), (10.0, 100.0));
    let wavering: Vec<u64> = (0..100).map(|second| 50 + 10 * (second % 2)).collect();
    assert!(smooth(&wavering).iter().all(|load| (load - 55.0).abs() < 1.0));
    assert_eq!(smooth(&[7]), [7.0]);
}
