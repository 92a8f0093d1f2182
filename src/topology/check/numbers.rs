//! Bounds: what must not be nothing, and what must not be above another.

use crate::{
    pipeline::{
        ingress::IngressSection,
        queue::QueueSection,
        stream::{Limits, StreamSection},
        workers::WorkersSection,
    },
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
    },
    units::{ByteSize, Span},
};

pub(super) const MOST_SHARDS: u32 = 1024;
/// A batch lies in memory whole, and is settled in one commit.
const MOST_MESSAGES: u32 = 10_000;
/// A record is stored in one frame of the log.
const LARGEST_RECORD: ByteSize = ByteSize(16 << 20);

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    let topology = KeyPath::of(["topology"]);
    let mut bounds = Bounds { faults };
    bounds.some_time(&topology.field("drain_deadline"), spec.topology.drain_deadline);
    for (name, section) in &spec.ingress {
        check_ingress(section, &KeyPath::of(["ingress", name]), &mut bounds);
    }
    for (name, section) in &spec.stream {
        check_stream(section, largest_batch(spec, name), &KeyPath::of(["stream", name]), &mut bounds);
    }
    for (name, section) in &spec.queue {
        check_queue(section, &KeyPath::of(["queue", name]), &mut bounds);
    }
    for (name, section) in &spec.workers {
        check_workers(spec, section, &KeyPath::of(["workers", name]), &mut bounds);
    }
    for (name, section) in &spec.raw {
        let roll = KeyPath::of(["raw", name, "roll"]);
        bounds.some_bytes(&roll.field("bytes"), section.roll.bytes);
        bounds.some_time(&roll.field("age"), section.roll.age);
    }
    for (name, section) in &spec.loader {
        let path = KeyPath::of(["loader", name]);
        bounds.some_bytes(&path.field("commit").field("bytes"), section.commit.bytes);
        bounds.some_time(&path.field("commit").field("age"), section.commit.age);
        bounds.some_time(&path.field("compact").field("every"), section.compact.every);
        bounds.some_bytes(&path.field("compact").field("target"), section.compact.target);
    }
}

/// Adds faults to what is out of bounds.
pub(super) struct Bounds<'a, 'f> {
    pub faults: &'a mut Faults<'f>,
}

impl Bounds<'_, '_> {
    pub(super) fn within(&mut self, path: &KeyPath, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            let range = match most {
                u32::MAX => format!("it must be at least {least}"),
                _ => format!("it must be {least} to {most}"),
            };
            self.faults.add(path, &Problem::OutOfRange { value: value.to_string(), range });
        }
    }

    pub(super) fn some(&mut self, path: &KeyPath, value: u32) {
        self.within(path, value, 1, u32::MAX);
    }

    fn some_bytes(&mut self, path: &KeyPath, value: ByteSize) {
        if value.0 == 0 {
            let range = "it must be at least one byte".to_owned();
            self.faults.add(path, &Problem::OutOfRange { value: value.to_string(), range });
        }
    }

    pub(super) fn some_time(&mut self, path: &KeyPath, value: Span) {
        if value.0.is_zero() {
            let range = "it must be at least a millisecond".to_owned();
            self.faults.add(path, &Problem::OutOfRange { value: value.to_string(), range });
        }
    }

    pub(super) fn in_order<T: PartialOrd + ToString>(
        &mut self,
        path: &KeyPath,
        least: (&'static str, T),
        most: (&'static str, T),
    ) {
        if least.1 > most.1 {
            let problem = Problem::MinAboveMax {
                least_name: least.0,
                least: least.1.to_string(),
                most_name: most.0,
                most: most.1.to_string(),
            };
            self.faults.add(path, &problem);
        }
    }

    pub(super) fn refuse(&mut self, path: &KeyPath, value: impl ToString, range: &str) {
        let problem = Problem::OutOfRange { value: value.to_string(), range: range.to_owned() };
        self.faults.add(path, &problem);
    }
}

fn check_ingress(section: &IngressSection, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.some_bytes(&path.field("max_body"), section.max_body);
    bounds.in_order(
        &path.field("max_body"),
        ("max_body", section.max_body),
        ("max_expanded", section.max_expanded),
    );
    bounds.some(&path.field("max_records"), section.max_records);
    bounds.some(&path.field("waiting"), section.waiting);
    bounds.some_time(&path.field("idempotency_window"), section.idempotency_window);
    for (index, check) in section.check.iter().enumerate() {
        if let (Some(least), Some(most)) = (check.at_least, check.at_most) {
            let path = path.field("check").item(index).field("at_least");
            bounds.in_order(&path, ("at_least", least), ("at_most", most));
        }
    }
}

fn check_stream(section: &StreamSection, largest_batch: u32, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.within(&path.field("shards"), section.shards, 1, MOST_SHARDS);
    bounds.some_time(&path.field("retention"), section.retention);
    if let Some(bytes) = section.retention_bytes {
        bounds.some_bytes(&path.field("retention_bytes"), bytes);
    }
    let max_record = path.field("max_record");
    bounds.some_bytes(&max_record, section.max_record);
    if section.max_record > LARGEST_RECORD {
        let range = format!("it must be at most {LARGEST_RECORD}");
        bounds.faults.add(&max_record, &Problem::OutOfRange { value: section.max_record.to_string(), range });
    }
    if let Some(limits) = &section.limits {
        check_limits(limits, section.max_record, largest_batch, &path.field("limits"), bounds);
    }
}

/// The rule on bursts: whatever is admitted as one must fit into the burst, or it would be refused
/// for ever. A record is admitted whole, so the burst of bytes (stated, or one second's worth of
/// `bytes_per_second`) is at least `max_record`. Workers hand a batch on whole, so the burst of
/// records is at least the largest `batch` of the workers that write to the stream. An ingress
/// admits record by record, so its `max_records` does not count.
fn check_limits(
    limits: &Limits,
    max_record: ByteSize,
    largest_batch: u32,
    path: &KeyPath,
    bounds: &mut Bounds<'_, '_>,
) {
    if let Some(rate) = limits.records_per_second {
        bounds.some(&path.field("records_per_second"), rate);
        let (field, burst) = match limits.burst_records {
            Some(burst) => ("burst_records", burst),
            None => ("records_per_second", rate),
        };
        if limits.burst_records.is_some() {
            bounds.some(&path.field(field), burst);
        }
        if burst > 0 && burst < largest_batch {
            let what = "a batch of the workers that write here".to_owned();
            let problem = Problem::BurstBelowBatch {
                burst: burst.to_string(),
                what,
                needed: largest_batch.to_string(),
            };
            bounds.faults.add(&path.field(field), &problem);
        }
    } else if limits.burst_records.is_some() {
        let problem =
            Problem::BurstWithoutRate { burst_name: "burst_records", rate_name: "records_per_second" };
        bounds.faults.add(&path.field("burst_records"), &problem);
    }
    if let Some(rate) = limits.bytes_per_second {
        bounds.some_bytes(&path.field("bytes_per_second"), rate);
        let (field, burst) = match limits.burst_bytes {
            Some(burst) => ("burst_bytes", burst),
            None => ("bytes_per_second", rate),
        };
        if rate.0 > 0 && burst < max_record {
            let what = "a record of max_record".to_owned();
            let problem =
                Problem::BurstBelowBatch { burst: burst.to_string(), what, needed: max_record.to_string() };
            bounds.faults.add(&path.field(field), &problem);
        }
    } else if limits.burst_bytes.is_some() {
        let problem = Problem::BurstWithoutRate { burst_name: "burst_bytes", rate_name: "bytes_per_second" };
        bounds.faults.add(&path.field("burst_bytes"), &problem);
    }
}

fn largest_batch(spec: &TopologySpec, stream: &str) -> u32 {
    let writers = spec.workers.values().filter(|workers| workers.to.as_deref() == Some(stream));
    writers.map(|workers| workers.batch).max().unwrap_or(1)
}

fn check_queue(section: &QueueSection, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.some_time(&path.field("visibility_timeout"), section.visibility_timeout);
    bounds.some_time(&path.field("retention"), section.retention);
    if section.retention.0 > std::time::Duration::ZERO && section.retention <= section.visibility_timeout {
        let problem = Problem::RetentionTooShort {
            retention: section.retention.to_string(),
            visibility_timeout: section.visibility_timeout.to_string(),
        };
        bounds.faults.add(&path.field("retention"), &problem);
    }
    if let Some(letter) = &section.dead_letter {
        bounds.some(&path.field("dead_letter").field("max_receives"), letter.max_receives);
    }
}

fn check_workers(spec: &TopologySpec, section: &WorkersSection, path: &KeyPath, bounds: &mut Bounds<'_, '_>) {
    bounds.within(&path.field("batch"), section.batch, 1, MOST_MESSAGES);
    let retry = path.field("retry").field("base");
    bounds.some_time(&retry, section.retry.base);
    bounds.in_order(&retry, ("base", section.retry.base), ("max", section.retry.max));
    let Some(http) = &section.run.http else { return };
    let timeout = path.field("run").field("http").field("timeout");
    bounds.some_time(&timeout, http.timeout);
    if let Some(queue) = spec.queue.get(&section.from)
        && http.timeout >= queue.visibility_timeout
    {
        let problem = Problem::TimeoutTooLong {
            timeout: http.timeout.to_string(),
            queue: section.from.clone(),
            visibility_timeout: queue.visibility_timeout.to_string(),
        };
        bounds.faults.add(&timeout, &problem);
    }
}
