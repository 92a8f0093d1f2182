//! Trips as Madrid's public bicycles publish them; the key is the user of a day. About 7 % last less than a
//! minute and about 6 % more than an hour.

use super::json::{Object, hexadecimal, padded};
use super::mixed;
use rand::{Rng, rngs::SmallRng};

const STATIONS: u64 = 213;
const BASES: u64 = 30;

pub(super) fn write(object: &mut Object<'_>, key: u64, random: &mut SmallRng) {
    let (head, tail): (u64, u64) = (random.random(), random.random());
    object.object("_id", |id| {
        id.write("$oid", |out| {
            out.push(b'"');
            hexadecimal(head, 8, out);
            hexadecimal(tail, 16, out);
            out.push(b'"');
        });
    });
    object.write("user_day_code", |out| {
        out.push(b'"');
        for part in 0..4 {
            hexadecimal(mixed(key ^ (part << 60)), 16, out);
        }
        out.push(b'"');
    });
    object.number("idplug_base", random.random_range(1..=BASES));
    object.number("user_type", random.random_range(0..=3));
    object.number("idunplug_base", random.random_range(1..=BASES));
    let seconds = match random.random_range(0..100) {
        0..7 => random.random_range(4..60),
        7..13 => random.random_range(3_601..600_000),
        _ => random.random_range(60..3_601),
    };
    object.number("travel_time", seconds);
    object.number("idunplug_station", random.random_range(1..=STATIONS));
    object.number("ageRange", random.random_range(0..=6));
    object.number("idplug_station", random.random_range(1..=STATIONS));
    let (hour, zip) = (random.random_range(0..24), random.random_range(1..=55));
    object.object("unplug_hourTime", |time| {
        time.write("$date", |out| {
            out.extend_from_slice(b"\"2019-06-01T");
            padded(hour, 2, out);
            out.extend_from_slice(b":00:00.000+0200\"");
        });
    });
    object.write("zip_code", |out| {
        out.extend_from_slice(b"\"280");
        padded(zip, 2, out);
        out.push(b'"');
    });
}
