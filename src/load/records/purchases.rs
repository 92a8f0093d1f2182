//! Purchases of tickets when sales open: few events, most buyers for the first of them. The key is the buyer.

use super::json::{Object, hexadecimal};
use rand::{Rng, rngs::SmallRng};

const EVENTS: u64 = 8;
const ROWS: u64 = 60;
const SEATS: u64 = 40;
const CHANNELS: [&str; 3] = ["web", "app", "partner"];

pub(super) fn write(object: &mut Object<'_>, key: u64, random: &mut SmallRng) {
    let id: u64 = random.random();
    object.write("purchase", |out| {
        out.push(b'"');
        hexadecimal(id, 16, out);
        out.push(b'"');
    });
    // Half want the first event, a quarter the second, and so on.
    let event = u64::from(random.random::<u64>().trailing_zeros()).min(EVENTS - 1) + 1;
    let tickets = random.random_range(1..=4);
    object.number("event", event);
    object.number("buyer", key);
    object.number("tickets", tickets);
    object.number("row", random.random_range(1..=ROWS));
    object.number("seat", random.random_range(1..=SEATS));
    object.hundredths("amount", tickets * (2_500 + 500 * event));
    let channel = CHANNELS.get(random.random_range(0..CHANNELS.len())).copied().unwrap_or_default();
    object.text("channel", channel);
}
