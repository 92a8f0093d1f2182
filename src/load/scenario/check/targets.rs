//! Where records go.

use super::within;
use crate::{
    load::{
        scenario::{Protocol, Target},
        target::largest_batch,
    },
    topology::{Faults, KeyPath, Problem},
};
use url::Url;

const MOST_CONNECTIONS: u32 = 10_000;

pub(super) fn check(target: &Target, faults: &mut Faults<'_>) {
    let path = KeyPath::of(["target"]);
    let most = largest_batch(target.protocol);
    let range = match target.protocol {
        Protocol::Http => format!("an ingress takes 1 to {most} records in one request"),
        Protocol::Kinesis => format!("PutRecords takes 1 to {most} records"),
        Protocol::Sqs => format!("SendMessageBatch takes 1 to {most} messages"),
    };
    within((1..=most).contains(&target.batch), target.batch, &range, &path.field("batch"), faults);
    let range = format!("it must be 1 to {MOST_CONNECTIONS}");
    let is_met = (1..=MOST_CONNECTIONS).contains(&target.connections);
    within(is_met, target.connections, &range, &path.field("connections"), faults);
    let is_met = !target.timeout.0.is_zero();
    within(is_met, target.timeout, "it must be above 0", &path.field("timeout"), faults);
    if let Some(url) = &target.url {
        check_url(url, &path.field("url"), faults);
    }
    check_names(target, &path, faults);
}

fn check_names(target: &Target, path: &KeyPath, faults: &mut Faults<'_>) {
    let (needed, name, other, has_other, why) = match target.protocol {
        Protocol::Http | Protocol::Kinesis => {
            let why = "for it: only protocol = \"sqs\" sends to a queue";
            ("stream", &target.stream, "queue", target.queue.is_some(), why)
        }
        Protocol::Sqs => {
            let why = "for protocol = \"sqs\", which sends to a queue";
            ("queue", &target.queue, "stream", target.stream.is_some(), why)
        }
    };
    let is_missing = match name {
        Some(name) => name.is_empty(),
        // What cannot be read was told.
        None => faults.document().root.at(&path.field(needed)).is_none(),
    };
    if is_missing {
        let meaning = format!("protocol = \"{}\" sends to it, by name", target.protocol.name());
        faults.add(path, &Problem::MissingField { field: needed.to_owned(), meaning: Some(meaning) });
    }
    if has_other {
        faults.add(&path.field(other), &Problem::Useless { field: other, why });
    }
}

fn check_url(url: &str, path: &KeyPath, faults: &mut Faults<'_>) {
    let why = match Url::parse(url) {
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
            "it must start with http:// or https://".to_owned()
        }
        Ok(parsed) if parsed.host_str().is_none_or(str::is_empty) => "it names no server".to_owned(),
        Ok(_) => return,
        Err(error) => error.to_string(),
    };
    faults.add(path, &Problem::BadServer { url: url.to_owned(), why });
}
