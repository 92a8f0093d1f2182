//! Orders with one to five lines; the key is the customer.

use super::json::{Object, hexadecimal};
use rand::{Rng, rngs::SmallRng};

const ARTICLES: u64 = 5_000;
const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];

pub(super) fn write(object: &mut Object<'_>, key: u64, random: &mut SmallRng) {
    let id: u64 = random.random();
    object.write("order", |out| {
        out.push(b'"');
        hexadecimal(id, 16, out);
        out.push(b'"');
    });
    object.number("customer", key);
    let currency = CURRENCIES.get(random.random_range(0..CURRENCIES.len())).copied().unwrap_or_default();
    object.text("currency", currency);
    let mut total = 0;
    let lines = random.random_range(1..=5);
    object.write("lines", |out| {
        out.push(b'[');
        for line in 0..lines {
            if line > 0 {
                out.push(b',');
            }
            let (quantity, cents) = (random.random_range(1..=4), random.random_range(99..20_000));
            total += quantity * cents;
            let mut object = Object::open(out);
            object.number("article", random.random_range(1..=ARTICLES));
            object.number("quantity", quantity);
            object.hundredths("price", cents);
            object.close();
        }
        out.push(b']');
    });
    object.hundredths("total", total);
}
