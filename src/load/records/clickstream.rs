//! Page views of a shop; the key is the visitor.

use super::{
    json::{Object, digits, hexadecimal},
    mixed,
};
use rand::{Rng, rngs::SmallRng};

const PAGES: [&str; 6] = ["home", "search", "product", "basket", "checkout", "help"];
/// Of a hundred views, up to which each page has its share.
const SHARES: [u32; 6] = [22, 47, 83, 92, 96, 100];
const AGENTS: [&str; 3] = ["phone", "desktop", "tablet"];
const COUNTRIES: [&str; 6] = ["ES", "FR", "DE", "PT", "IT", "US"];
const PRODUCTS: u64 = 20_000;

pub(super) fn write(object: &mut Object<'_>, key: u64, random: &mut SmallRng) {
    let lot = random.random_range(0..100);
    let page = PAGES.into_iter().zip(SHARES).find(|(_, share)| lot < *share).map_or("help", |(page, _)| page);
    let visitor = mixed(key);
    object.write("visitor", |out| {
        out.push(b'"');
        hexadecimal(visitor, 16, out);
        out.push(b'"');
    });
    object.text("page", page);
    object.write("url", |out| {
        out.extend_from_slice(b"\"/");
        out.extend_from_slice(page.as_bytes());
        if page == "product" {
            out.push(b'/');
            // Few products are looked at often: the square of an even number is skewed to the small ones.
            let even: f64 = random.random();
            digits((even * even * PRODUCTS as f64) as u64 + 1, out);
        }
        out.push(b'"');
    });
    object.text("device", pick(&AGENTS, visitor));
    object.text("country", pick(&COUNTRIES, visitor >> 8));
    object.number("milliseconds", random.random_range(20..1_500));
    object.number("scroll", random.random_range(0..=100));
}

/// What stays the same for one visitor.
fn pick(all: &[&'static str], by: u64) -> &'static str {
    let at = usize::try_from(by % (all.len() as u64).max(1)).unwrap_or_default();
    all.get(at).copied().unwrap_or_default()
}
