//! Every field of a scenario file as Markdown, from the schema that checks it.

use super::schema::schema;
use crate::topology::{Definitions, fields};

const OPENING: &str = "\
# Fields of a scenario file

A scenario is a load test, in TOML (or YAML): what is sent where and when, what goes wrong meanwhile, and what must \
hold. `caudal load SCENARIO.toml` runs it; those in [scenarios/](scenarios/) are ready to run. Unknown fields are \
refused. Sizes and times carry their unit: `\"64MiB\"` (B, KB, MB, GB, KiB, MiB, GiB, TiB), `\"10s\"` (ms, s, m, h, d). \
`${NAME}` in a text stands for an environment variable, `$${` for a plain `${`. Rates are records per second.

This page is what `caudal schema --scenario --markdown` prints; `caudal schema --scenario` prints the JSON Schema for \
editors.
";

/// Each table with its place in the schema.
const SECTIONS: [(&str, &str); 7] = [
    ("[scenario]", "/properties/scenario"),
    ("[target]", "/properties/target"),
    ("[records]", "/properties/records"),
    ("[[stage]]", "/properties/stage/items"),
    ("[[fault]]", "/properties/fault/items"),
    ("[proof]", "/properties/proof"),
    ("[thresholds]", "/properties/thresholds"),
];

/// The page.
pub fn reference() -> String {
    let sections = SECTIONS.map(|(heading, place)| (heading.to_owned(), place.to_owned()));
    fields(OPENING, &Definitions::of(schema()), sections)
}
