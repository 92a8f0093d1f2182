//! Trips as Madrid's public bicycles publish them, made from a seed.

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// One trip and what the tests need to know of it.
#[derive(Debug, Clone)]
pub struct Trip {
    /// `_id.$oid`: 24 hex digits, unique for a seed.
    pub id: String,
    /// `travel_time`.
    pub seconds: i64,
    /// `idunplug_station`.
    pub origin: i64,
    /// The record as it is posted, in the publisher's own spacing.
    pub line: String,
}

/// An endless source of trips: about 7 % last less than a minute and about 6 % more than an hour.
#[derive(Debug)]
pub struct Trips {
    random: SmallRng,
    family: u32,
    made: u64,
}

impl Trips {
    pub fn seeded(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let family = random.random();
        Self { random, family, made: 0 }
    }

    fn seconds(&mut self) -> i64 {
        match self.random.random_range(0..100) {
            0..7 => self.random.random_range(4..60),
            7..13 => self.random.random_range(3_601..600_000),
            _ => self.random.random_range(60..3_601),
        }
    }
}

impl Iterator for Trips {
    type Item = Trip;

    fn next(&mut self) -> Option<Trip> {
        self.made += 1;
        let id = format!("{:08x}{:016x}", self.family, self.made);
        let seconds = self.seconds();
        let random = &mut self.random;
        let origin = random.random_range(1..=213);
        let hour = random.random_range(0..24);
        let zip = if random.random_bool(0.4) { format!("280{:02}", hour + 1) } else { String::new() };
        let day_code: String = (0..4).map(|_| format!("{:016x}", random.random::<u64>())).collect();
        // The publisher adds a field now and then.
        let track = if random.random_ratio(1, 500) { r#", "track" : { "type" : "none" }"# } else { "" };
        let line = format!(
            r#"{{ "_id" : {{ "$oid" : "{id}" }}, "user_day_code" : "{day_code}", "idplug_base" : {}, "user_type" : {}{track}, "idunplug_base" : {}, "travel_time" : {seconds}, "idunplug_station" : {origin}, "ageRange" : {}, "idplug_station" : {}, "unplug_hourTime" : {{ "$date" : "2019-06-01T{hour:02}:00:00.000+0200" }}, "zip_code" : "{zip}" }}"#,
            random.random_range(1..=30),
            random.random_range(0..=3),
            random.random_range(1..=30),
            random.random_range(0..=6),
            random.random_range(1..=213),
        );
        Some(Trip { id, seconds, origin, line })
    }
}

/// Records as NDJSON.
pub fn lines(trips: &[Trip]) -> Vec<u8> {
    let mut body = Vec::new();
    for trip in trips {
        body.extend_from_slice(trip.line.as_bytes());
        body.push(b'\n');
    }
    body
}

/// Records as one JSON array.
pub fn array(trips: &[Trip]) -> Vec<u8> {
    let records: Vec<&str> = trips.iter().map(|trip| trip.line.as_str()).collect();
    format!("[{}]", records.join(",\n")).into_bytes()
}

/// A number from the environment, such as the seed of a run.
pub fn number_from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a whole number")),
        Err(_) => otherwise,
    }
}

#[test]
fn generated_trips_repeat_and_have_short_and_long_ones() {
    let first: Vec<Trip> = Trips::seeded(7).take(5_000).collect();
    let again: Vec<Trip> = Trips::seeded(7).take(5_000).collect();
    assert!(first.iter().zip(&again).all(|(one, other)| one.line == other.line));
    let short = first.iter().filter(|trip| trip.seconds < 60).count();
    let long = first.iter().filter(|trip| trip.seconds > 3_600).count();
    assert!((250..450).contains(&short), "{short} of 5,000 last less than a minute");
    assert!((200..400).contains(&long), "{long} of 5,000 last more than an hour");
    for trip in &first {
        let record: serde_json::Value = serde_json::from_str(&trip.line).unwrap();
        assert_eq!(record["_id"]["$oid"], trip.id.as_str());
        assert_eq!(record["travel_time"], trip.seconds);
    }
}
