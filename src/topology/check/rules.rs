//! Whether SQL and conditions can be compiled.

use crate::{
    pipeline::{
        Source,
        rules::{Filter, RejectRule, RuleError, Rulebook},
    },
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
    },
};

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    for (name, section) in &spec.queue {
        check_condition(section.from.as_ref(), &KeyPath::of(["queue", name]), faults);
    }
    for (name, section) in &spec.raw {
        check_condition(section.from.as_ref(), &KeyPath::of(["raw", name]), faults);
    }
    for (name, section) in &spec.loader {
        let path = KeyPath::of(["loader", name]);
        check_condition(section.from.as_ref(), &path, faults);
        check_rules(&section.sql, &section.reject, &path, faults);
    }
    for (name, section) in &spec.workers {
        let path = KeyPath::of(["workers", name, "run"]);
        let run = &section.run;
        let choices = [
            ("\"rules\"", run.rules.is_some()),
            ("\"http\"", run.http.is_some()),
            ("\"command\"", run.command.is_some()),
        ];
        let given: Vec<&str> =
            choices.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        if given.len() != 1 {
            let given = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
            faults.add(&path, &Problem::RunChoice { given });
        }
        if let Some(rules) = &run.rules {
            check_rules(&rules.sql, &rules.reject, &path.field("rules"), faults);
        }
    }
}

fn check_condition(source: Option<&Source>, path: &KeyPath, faults: &mut Faults<'_>) {
    let Some(condition) = source.and_then(Source::condition) else { return };
    if let Err(error) = Filter::compile(condition) {
        let path = path.field("from").field("where");
        faults.add_within(&path, line(&error), &bad_condition(condition, &error));
    }
}

/// The SQL first; then each condition by itself, so that each fault has its own line.
fn check_rules(sql: &str, reject: &[RejectRule], path: &KeyPath, faults: &mut Faults<'_>) {
    if let Err(error) = Rulebook::compile(sql, &[]) {
        let message = error.message.clone();
        faults.add_within(&path.field("sql"), line(&error), &Problem::BadSql { message });
        return;
    }
    for (index, rule) in reject.iter().enumerate() {
        if let Err(error) = Rulebook::compile(sql, std::slice::from_ref(rule)) {
            let path = path.field("reject").item(index).field("when");
            faults.add_within(&path, line(&error), &bad_condition(&rule.when, &error));
        }
    }
}

fn bad_condition(condition: &str, error: &RuleError) -> Problem {
    Problem::BadCondition { condition: condition.to_owned(), message: error.message.clone() }
}

/// The line of the text that the fault stands on.
fn line(error: &RuleError) -> Option<usize> {
    usize::try_from(error.position?.line).ok()
}
