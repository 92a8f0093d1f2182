//! Whether workers that are programs can be started and stopped as they are described.

use super::numbers::Bounds;
use crate::{
    pipeline::workers::{Run, WorkersSection},
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
    },
    units::{ByteSize, Span},
};

/// Below this no interpreter starts.
const LEAST_MEMORY: ByteSize = ByteSize(1 << 20);

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    for (name, section) in &spec.workers {
        let (run, workers) = (&section.run, KeyPath::of(["workers", name]));
        let path = workers.field("run");
        match &run.command {
            Some(command) => {
                check_command(command, &path.field("command"), faults);
                check_environment(run, &path.field("env"), faults);
                check_bounds(run, spec.topology.drain_deadline, &path, faults);
                check_use(section, &workers, faults);
            }
            None => check_without_command(run, &path, faults),
        }
    }
}

fn check_command(command: &[String], path: &KeyPath, faults: &mut Faults<'_>) {
    if command.first().is_none_or(String::is_empty) {
        faults.add(path, &Problem::BadCommand { why: "it names no program" });
    } else if command.iter().any(|part| part.contains('\0')) {
        faults.add(path, &Problem::BadCommand { why: "a part of it holds a NUL" });
    }
}

fn check_environment(run: &Run, path: &KeyPath, faults: &mut Faults<'_>) {
    for (name, value) in &run.env.0 {
        let why = if name.is_empty() || name.contains(['=', '\0']) {
            "it must have letters, and no \"=\" or NUL"
        } else if name.starts_with("CAUDAL_") {
            "names beginning with \"CAUDAL_\" tell the program its place; choose another"
        } else if value.contains('\0') {
            "its value holds a NUL"
        } else {
            continue;
        };
        faults.add(&path.field(name), &Problem::BadVariable { name: name.clone(), why });
    }
}

fn check_bounds(run: &Run, drain_deadline: Span, path: &KeyPath, faults: &mut Faults<'_>) {
    let mut bounds = Bounds { faults };
    let times = [("start", run.start), ("time", run.time), ("hold", run.hold), ("stop", run.stop)];
    for (name, time) in times {
        if let Some(time) = time {
            bounds.some_time(&path.field(name), time);
        }
    }
    let given = |name: &str, time: Option<Span>| if time.is_some() { path.field(name) } else { path.clone() };
    if !run.pulls {
        let path = if run.time.is_some() { path.field("time") } else { given("hold", run.hold) };
        bounds.in_order(&path, ("time", run.time_limit()), ("hold", run.hold_limit()));
    }
    let deadline = ("topology.drain_deadline", drain_deadline);
    bounds.in_order(&given("stop", run.stop), ("stop", run.stop_limit()), deadline);
    if let Some(memory) = run.memory.filter(|memory| *memory < LEAST_MEMORY) {
        let range = format!("it must be at least {LEAST_MEMORY}");
        bounds.faults.add(&path.field("memory"), &Problem::OutOfRange { value: memory.to_string(), range });
    }
}

/// Fields that do nothing for a program, or for one that receives by itself.
fn check_use(section: &WorkersSection, workers: &KeyPath, faults: &mut Faults<'_>) {
    let run = &section.run;
    if section.heartbeat.is_some() {
        let why = "for a program: run.time says how long it may be silent; remove it";
        faults.add(&workers.field("heartbeat"), &Problem::Useless { field: "heartbeat", why });
    }
    if !run.pulls {
        return;
    }
    let why = "for a program that pulls: nothing passes through its pipes; remove it, or \"pulls\"";
    let path = workers.field("run");
    let given = [
        ("to", section.to.is_some(), workers.field("to")),
        ("ready", run.ready.is_some(), path.field("ready")),
        ("start", run.start.is_some(), path.field("start")),
        ("time", run.time.is_some(), path.field("time")),
        ("hold", run.hold.is_some(), path.field("hold")),
    ];
    for (field, _, path) in given.into_iter().filter(|(_, is_given, _)| *is_given) {
        faults.add(&path, &Problem::Useless { field, why });
    }
}

fn check_without_command(run: &Run, path: &KeyPath, faults: &mut Faults<'_>) {
    let given = [
        ("pulls", run.pulls),
        ("env", !run.env.0.is_empty()),
        ("directory", run.directory.is_some()),
        ("ready", run.ready.is_some()),
        ("start", run.start.is_some()),
        ("time", run.time.is_some()),
        ("hold", run.hold.is_some()),
        ("stop", run.stop.is_some()),
        ("memory", run.memory.is_some()),
    ];
    let why = "without \"command\"; give one, or remove it";
    for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        faults.add(&path.field(field), &Problem::Useless { field, why });
    }
}
