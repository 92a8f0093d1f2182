use super::*;
use serde_json::{Value, json};

fn record(sequence: u64, payload: &str) -> InputRecord {
    InputRecord {
        shard: 3,
        sequence,
        arrived_at_ms: 1_559_340_000_000,
        key: "bike".into(),
        payload: payload.to_owned().into(),
    }
}

fn records(payloads: &[&str]) -> Vec<InputRecord> {
    (0u64..).zip(payloads).map(|(sequence, payload)| record(sequence, payload)).collect()
}

fn reject(when: &str, reason: &str) -> RejectRule {
    RejectRule { when: when.into(), reason: reason.into() }
}

fn rulebook(sql: &str, rejects: &[RejectRule]) -> Rulebook {
    Rulebook::compile(sql, rejects).unwrap_or_else(|error| panic!("{error}"))
}

async fn rows(rules: &Rulebook, payloads: &[&str]) -> (Vec<Value>, Vec<Rejected>, usize) {
    let outcome = rules.apply(&records(payloads)).await.unwrap();
    let rows = rows_as_json(&outcome.rows).unwrap();
    let rows = rows.iter().map(|row| serde_json::from_slice(row).unwrap()).collect();
    (rows, outcome.rejected, outcome.filtered)
}

const TRIPS: &str = r#"
select "_id"."$oid" as trip_id, idunplug_station as origin, idplug_station as destination,
       travel_time as seconds, cast("unplug_hourTime"."$date" as timestamp) as started_at
from input"#;

const TRIP: &str = r#"{ "_id" : { "$oid" : "5cf83b752f3843a016be4e2f" }, "travel_time" : 219,
    "idunplug_station" : 90, "idplug_station" : 66,
    "unplug_hourTime" : { "$date" : "2019-06-01T00:00:00.000+0200" }, "zip_code" : "" }"#;

#[tokio::test]
async fn the_design_s_sql_works_unchanged() {
    let rules = rulebook(TRIPS, &[reject("seconds < 60", "shorter than a minute")]);
    let (rows, rejected, filtered) = rows(&rules, &[TRIP, r#"{"travel_time": 12}"#, r#"{}"#]).await;
    assert_eq!(
        rows,
        [
            json!({"trip_id": "5cf83b752f3843a016be4e2f", "origin": 90, "destination": 66, "seconds": 219,
                   "started_at": "2019-05-31T22:00:00Z"}),
            json!({"trip_id": null, "origin": null, "destination": null, "seconds": null, "started_at": null}),
        ]
    );
    assert_eq!(rejected, [Rejected { index: 1, reason: "shorter than a minute".into() }]);
    assert_eq!(filtered, 0);
}

#[tokio::test]
async fn rows_end_in_the_shard_and_sequence_they_came_from() {
    let rules = rulebook("select * from input", &[]);
    let outcome = rules.apply(&records(&[r#"{"a":1}"#, r#"{"b":"x"}"#])).await.unwrap();
    let schema = outcome.rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["a", "b", "_shard", "_sequence"]);
    assert_eq!(outcome.rows.column(2).data_type(), &datafusion::arrow::datatypes::DataType::Int32);
    assert_eq!(outcome.rows.column(3).data_type(), &datafusion::arrow::datatypes::DataType::Int64);
}

#[tokio::test]
async fn an_empty_batch_has_no_rows_but_its_columns() {
    let outcome = rulebook(TRIPS, &[]).apply(&[]).await.unwrap();
    assert_eq!((outcome.rows.num_rows(), outcome.rows.num_columns()), (0, 7));
}

#[tokio::test]
async fn whatever_is_no_record_is_rejected_alone_and_by_name() {
    let rules = rulebook("select a from input where a is not null", &[]);
    let given = ["[1]", r#"{"a":1}"#, "{\"a\":", "7", r#"{"a":[1,{}]}"#, r#"{"a":2} x"#, "", r#"{"b":1}"#];
    let (rows, rejected, filtered) = rows(&rules, &given).await;
    assert_eq!(rows, [json!({"a": 1})]);
    assert_eq!(filtered, 1);
    let reasons: Vec<(usize, &str)> = rejected.iter().map(|r| (r.index, r.reason.as_str())).collect();
    assert_eq!(reasons.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2, 3, 4, 5, 6]);
    assert!(reasons[0].1.contains("an array, not a JSON object"), "{reasons:?}");
    assert!(reasons[1].1.contains("invalid JSON"), "{reasons:?}");
    assert!(reasons[3].1.contains("field a[]"), "{reasons:?}");
}

#[tokio::test]
async fn a_value_that_cannot_be_computed_rejects_its_record_only() {
    let rules = rulebook("select cast(v as bigint) * 2 as doubled from input", &[]);
    let (rows, rejected, _) =
        rows(&rules, &[r#"{"v":"1"}"#, r#"{"v":"abc"}"#, r#"{"v":"3"}"#, r#"{"v":"9999999999999999999"}"#])
            .await;
    assert_eq!(rows, [json!({"doubled": 2}), json!({"doubled": 6})]);
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [1, 3]);
    assert!(rejected[0].reason.contains("'abc'"), "{rejected:?}");
}

#[tokio::test]
async fn a_record_of_another_shape_does_not_disturb_its_neighbours() {
    let rules =
        rulebook("select v / 2 as half, \"o\".\"x\" as x from input", &[reject("half > 100", "too big")]);
    let given = [
        r#"{"v":5,"o":{"x":1}}"#,
        r#"{"v":"five"}"#,
        r#"{"v":{"deep":1}}"#,
        r#"{"v":300}"#,
        r#"{"v":7,"o":3}"#,
    ];
    let (rows, rejected, _) = rows(&rules, &given).await;
    assert_eq!(rows[0], json!({"half": 2, "x": 1}));
    assert_eq!(rows.len(), 1, "{rows:?} {rejected:?}");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [1, 2, 3, 4], "{rejected:?}");
    assert_eq!(rejected[2].reason, "too big");
}

#[tokio::test]
async fn scalars_of_several_types_share_a_text_column() {
    let rules = rulebook("select v from input", &[]);
    let (rows, rejected, _) =
        rows(&rules, &[r#"{"v":1}"#, r#"{"v":"a"}"#, r#"{"v":true}"#, r#"{"v":null}"#]).await;
    assert_eq!(rejected, []);
    assert_eq!(rows, [json!({"v": "1"}), json!({"v": "a"}), json!({"v": "true"}), json!({"v": null})]);
}

#[tokio::test]
async fn whole_and_fractional_numbers_share_a_double_column() {
    let rules = rulebook("select v from input", &[]);
    let (rows, _, _) = rows(&rules, &[r#"{"v":1}"#, r#"{"v":2.5}"#, r#"{"v":18446744073709551615}"#]).await;
    assert_eq!(rows, [json!({"v": 1.0}), json!({"v": 2.5}), json!({"v": 18_446_744_073_709_551_615.0})]);
}

#[tokio::test]
async fn the_first_reject_rule_that_is_met_gives_the_reason() {
    let rejects = [
        reject("v > 10", "over ten"),
        reject("input.v > 5 and w = 'x'", "over five"),
        reject("total < 0", "negative"),
    ];
    let rules = rulebook("select v * 1 as total, v + 100 as w2 from input", &rejects);
    let given = [r#"{"v":20,"w":"x"}"#, r#"{"v":7,"w":"x"}"#, r#"{"v":7,"w":"y"}"#, r#"{"v":-1}"#];
    let (rows, rejected, _) = rows(&rules, &given).await;
    assert_eq!(rows.len(), 1);
    let reasons: Vec<&str> = rejected.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["over ten", "over five", "negative"]);
}

#[tokio::test]
async fn a_result_column_wins_over_the_input_column_of_its_name() {
    let rules = rulebook("select v * 60 as v from input", &[reject("v > 60", "long")]);
    let (rows, rejected, _) = rows(&rules, &[r#"{"v":1}"#, r#"{"v":2}"#]).await;
    assert_eq!((rows, rejected.len()), (vec![json!({"v": 60})], 1));
}

#[tokio::test]
async fn hidden_columns_can_be_read_and_a_star_leaves_them_out() {
    let rules = rulebook(
        "select * exclude (b), _sequence + 1 as next, _key as who, _arrived_at as at from input where _shard = 3",
        &[],
    );
    let (rows, _, _) = rows(&rules, &[r#"{"a":1,"b":2}"#]).await;
    assert_eq!(rows, [json!({"a": 1, "next": 1, "who": "bike", "at": "2019-05-31T22:00:00Z"})]);
}

#[tokio::test]
async fn names_are_case_sensitive_as_in_json() {
    let rules = rulebook("select ageRange, agerange as lower from input", &[]);
    assert_eq!(rows(&rules, &[r#"{"ageRange":4}"#]).await.0, [json!({"ageRange": 4, "lower": null})]);
}

#[tokio::test]
async fn fields_that_no_record_has_yet_are_null_in_any_expression() {
    let sql = "select a + 1 as n, upper(b) as t, c.d.e as deep, cast(f as timestamp) as at, g['h'] as h, \
               case when i > 3 then 'x' else j end as k, coalesce(l, 7) as seven, m || 'x' as joined, \
               date_trunc('hour', cast(o as timestamp)) as hour, round(p, 2) as rounded, \
               regexp_replace(q, 'a', 'b') as replaced, substr(r, 1, 2) as cut, length(s) as long, \
               extract(year from cast(t as timestamp)) as year, abs(u) as magnitude, u in (1, 2) as member, \
               w like 'a%' as alike, x between 1 and 2 as inside, not y as inverse \
               from input";
    let rules = rulebook(sql, &[reject("n > 5 and t = 'x' or at < timestamp '2020-01-01'", "never")]);
    let (rows, rejected, filtered) = rows(&rules, &["{}"]).await;
    assert_eq!((rows.len(), rejected, filtered), (1, vec![], 0));
    assert_eq!(rows[0]["seven"], json!(7));
}

#[test]
fn what_rules_must_not_do_is_refused_with_place_and_remedy() {
    let refused = [
        ("select a from input; select b from input", "single select"),
        ("delete from input", "not a select"),
        ("select count(*) as n from input", "aggregate"),
        ("select a from input group by a", "group by"),
        ("select distinct a from input", "distinct"),
        ("select a from input union all select b from input", "union"),
        ("select row_number() over () as n from input", "window"),
        ("select a from input limit 1", "limit"),
        ("select a from input order by a", "order by"),
        ("select a from input join other on true", "joins"),
        ("select a from input, other", "only `input`"),
        ("select a from trips", "unknown table `trips`"),
        ("select unnest(a) as a from input", "unnest"),
        ("select a from (select 1 as a)", "input"),
        ("select (select 1) as a from input", "subqueries"),
        ("with x as (select 1) select a from input", "`with`"),
        ("select now() as at from input", "_arrived_at"),
        ("select current_timestamp as at from input", "_arrived_at"),
        ("select current_date as at from input", "_arrived_at"),
        ("select random() as r from input", "replay"),
        ("select uuid() as r from input", "replay"),
        ("select upper(a) from input", "as some_name"),
        ("select a as _shard from input", "added by Caudal"),
        ("select a as b, c as B from input", "two result columns"),
        ("select nosuch(a) as b from input", "nosuch"),
        ("select approx_median(a) as b from input", "judged alone"),
        ("selct a from input", "Expected"),
        ("select a frm input", "Expected"),
        ("", "no statement"),
    ];
    for (sql, part) in refused {
        let error = Rulebook::compile(sql, &[]).map(|_| ()).expect_err(sql);
        assert!(error.to_string().contains(part), "{sql}: {error}");
    }
    let error = Rulebook::compile("select a,\n  now() as at\nfrom input", &[]).unwrap_err();
    assert_eq!(error.position, Some(Position { line: 2, column: 3 }));
    let error = Rulebook::compile("select a from input", &[reject("a <", "x")]).unwrap_err();
    assert_eq!(error.place, Place::Reject(0));
    let error = Rulebook::compile("select a from input", &[reject("a < 1 b", "x")]).unwrap_err();
    assert!(error.to_string().starts_with("reject[0].when line 1 column 7"), "{error}");
}

#[tokio::test]
async fn a_filter_keeps_drops_or_names_the_fault() {
    let filter = Filter::compile("travel_time > 3600 and \"_id\".\"$oid\" is not null").unwrap();
    let given = [
        r#"{"travel_time":4000,"_id":{"$oid":"a"}}"#,
        r#"{"travel_time":10,"_id":{"$oid":"a"}}"#,
        r#"{"_id":{"$oid":"a"}}"#,
        "[]",
    ];
    let verdicts = filter.apply(&records(&given)).await.unwrap();
    assert_eq!(verdicts[..3], [Verdict::Keep, Verdict::Drop, Verdict::Drop]);
    assert!(matches!(&verdicts[3], Verdict::Fault(reason) if reason.contains("an array")), "{verdicts:?}");
    assert!(Filter::compile("count(*) > 1").is_err());
    assert!(Filter::compile("a >").is_err());
}

#[test]
fn the_version_changes_with_the_rules_only() {
    let version = |sql: &str, rejects: &[RejectRule]| rulebook(sql, rejects).version().to_owned();
    let first = version("select a from input", &[]);
    assert_eq!(first.len(), 12);
    assert_eq!(first, version("select a from input", &[]));
    assert_ne!(first, version("select a  from input", &[]));
    assert_ne!(first, version("select a from input", &[reject("a > 1", "x")]));
    assert_ne!(
        version("select a from input", &[reject("a > 1", "y")]),
        version("select a from input", &[reject("a > 1", "x")])
    );
}

#[tokio::test]
async fn tests_of_a_topology_pass_or_say_what_came_instead() {
    let rules = rulebook(TRIPS, &[reject("seconds < 60", "shorter than a minute")]);
    let test = |text: Value| -> RuleTest { serde_json::from_value(text).unwrap() };
    let tests = [
        test(
            json!({"given": [{"travel_time": 12}], "expect": {"rejected": 1, "reasons": ["shorter than a minute"]}}),
        ),
        test(
            json!({"name": "seconds", "given": [{"travel_time": 99}], "expect": {"rows": [{"seconds": 99.0}], "rejected": 0}}),
        ),
        test(
            json!({"given": [{"travel_time": 99}], "expect": {"rows": [{"seconds": 98, "nope": 1}], "count": 2}}),
        ),
    ];
    let results = run_tests(&rules, None, &tests).await;
    assert!(results[0].passed && results[1].passed, "{results:?}");
    assert_eq!((results[0].name.as_str(), results[1].name.as_str()), ("test 1", "seconds"));
    let explanation = &results[2].explanation;
    assert!(explanation.contains("column seconds: expected 98, got 99"), "{explanation}");
    assert!(explanation.contains("no column nope"), "{explanation}");
    assert!(explanation.contains("rows: expected 2, got 1"), "{explanation}");
    let filter = Filter::compile("travel_time > 3600").unwrap();
    let filtered = [test(json!({"given": [{"travel_time": 99}], "expect": {"filtered": 1, "count": 0}}))];
    assert!(run_tests(&rules, Some(&filter), &filtered).await[0].passed);
}

#[tokio::test]
async fn offsets_are_read_with_and_without_colon() {
    let rules = rulebook("select cast(at as timestamp) as at from input", &[]);
    let given = [
        r#"{"at":"2019-06-01T00:00:00.000+0200"}"#,
        r#"{"at":"2019-06-01T00:00:00+02:00"}"#,
        r#"{"at":"2019-05-31T22:00:00Z"}"#,
        r#"{"at":"2019-05-31 22:00:00"}"#,
        r#"{"at":"2019-05-31T20:00:00-02"}"#,
    ];
    let (rows, rejected, _) = rows(&rules, &given).await;
    assert_eq!(rejected, []);
    assert!(rows.iter().all(|row| *row == json!({"at": "2019-05-31T22:00:00Z"})), "{rows:?}");
}

#[tokio::test]
async fn the_same_records_give_the_same_rows_in_any_batches() {
    let given: Vec<String> = (0..300)
        .map(|n| match n % 7 {
            0 => format!("{{\"v\":{n}}}"),
            1 => format!("{{\"v\":\"{n}\"}}"),
            2 => "{\"w\":{\"x\":[1,2]}}".to_owned(),
            3 => format!("{{\"w\":{n}}}"),
            4 => "[]".to_owned(),
            5 => format!("{{\"v\":{n},\"w\":null}}"),
            _ => "{}".to_owned(),
        })
        .collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let sql = "select cast(v as bigint) * 2 as d, w is null as empty from input";
    let whole = rows(&rulebook(sql, &[]), &given).await;
    for size in [1, 3, 50] {
        let rules = rulebook(sql, &[]);
        let (mut all, mut refused, mut filtered) = (Vec::new(), 0, 0);
        for part in given.chunks(size) {
            let (rows, rejected, left_out) = rows(&rules, part).await;
            all.extend(rows);
            refused += rejected.len();
            filtered += left_out;
        }
        assert_eq!((&all, refused, filtered), (&whole.0, whole.1.len(), whole.2), "batches of {size}");
    }
}
