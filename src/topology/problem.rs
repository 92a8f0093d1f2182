//! Every rule that a topology can break: one variant each, named after the rule.

use super::suggestion::hint;
use crate::pipeline::Kind;
use std::path::PathBuf;

/// What is wrong with one value. Its text names the value and the remedy; where it stands is
/// the [`Fault`](super::Fault)'s.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    // The file.
    #[error("the file cannot be read: {cause}")]
    Unreadable { cause: String },
    #[error("the name of {file:?} must end in .toml, .yaml or .yml", file = .file.display().to_string())]
    UnknownLanguage { file: PathBuf },
    #[error("{message}")]
    Syntax { message: String },
    #[error("the environment variable {name} is not set; set it, or write \"$${{\" for a plain \"${{\"")]
    MissingVariable { name: String },
    #[error(
        "{reference:?} does not refer to an environment variable as \"${{NAME}}\" does; \
         write \"$${{\" for a plain \"${{\""
    )]
    BadReference { reference: String },

    // The shape of values.
    #[error("unknown field{}; known are {}", hint(.suggestion.as_ref()), .known.join(", "))]
    UnknownField { suggestion: Option<String>, known: Vec<String> },
    #[error("the field {field:?} is missing{}", because(.meaning))]
    MissingField { field: String, meaning: Option<String> },
    #[error("{found} is not {expected}")]
    WrongType { found: String, expected: String },
    #[error("{value} is not {expected}")]
    BadUnit { value: String, expected: String },
    #[error("{value:?} is unknown{}; use one of {}", hint(.suggestion.as_ref()), quoted(.allowed))]
    UnknownValue { value: String, suggestion: Option<String>, allowed: Vec<String> },
    #[error("{value} is out of range: {range}")]
    OutOfRange { value: String, range: String },
    #[error("{message}")]
    Malformed { message: String },

    // Names and edges.
    #[error("{name:?} is no name for a node: {why}")]
    BadName { name: String, why: &'static str },
    #[error("the name {name:?} is taken by the {kind} of line {line}; give each node a name of its own", kind = noun(*.kind))]
    DuplicateName { name: String, kind: Kind, line: usize },
    #[error("there is no {wanted} named {name:?}{}", hint(.suggestion.as_ref()))]
    UnknownTarget { name: String, wanted: &'static str, suggestion: Option<String> },
    #[error("{name:?} is {kind}; {wanted}", kind = article(*.kind))]
    WrongKind { name: String, kind: Kind, wanted: &'static str },
    #[error("{name:?} is named twice; remove one")]
    DuplicateTarget { name: String },
    #[error("records would go round for ever: {}; remove one of these edges", .nodes.join(" -> "))]
    Cycle { nodes: Vec<String> },
    #[error("nothing feeds this {kind}; {remedy}", kind = noun(*.kind))]
    Unfed { kind: Kind, remedy: &'static str },
    #[error("it reads {from:?} and is also fed by {}; remove \"from\", or let them feed {from:?}", .feeders.join(", "))]
    TwoSources { from: String, feeders: Vec<String> },
    #[error("the topology has no ingress, so nothing can come in; add [ingress.NAME] with to = \"STREAM\"")]
    NoIngress,
    #[error("dead letters would come back: {}; let the last queue keep its messages", .queues.join(" -> "))]
    DeadLetterLoop { queues: Vec<String> },
    #[error(
        "{queue:?} has fifo = {is} and {of:?}, whose dead letters come there, has fifo = {wants}; give both the \
         same, or name another dead-letter queue"
    )]
    DeadLetterOrder { queue: String, is: bool, of: String, wants: bool },

    // Numbers and times.
    #[error("{least_name} = {least} is above {most_name} = {most}; raise {most_name} or lower {least_name}")]
    MinAboveMax { least_name: &'static str, least: String, most_name: &'static str, most: String },
    #[error(
        "a burst of {burst} is smaller than {what} ({needed}), which could then never pass; set it to {needed} or more"
    )]
    BurstBelowBatch { burst: String, what: String, needed: String },
    #[error("{burst_name} does nothing without {rate_name}; set {rate_name} or remove it")]
    BurstWithoutRate { burst_name: &'static str, rate_name: &'static str },
    #[error(
        "messages would be dropped after {retention} while a worker may hold them for {visibility_timeout}; set retention above visibility_timeout"
    )]
    RetentionTooShort { retention: String, visibility_timeout: String },
    #[error(
        "the answer may take {timeout}, but the queue {queue:?} hands the messages out again after {visibility_timeout}; \
         set the timeout below it"
    )]
    TimeoutTooLong { timeout: String, queue: String, visibility_timeout: String },

    // Scaling.
    #[error("give exactly one of {known}, not {given}; write each policy as an entry of its own")]
    PolicyChoice { known: String, given: String },
    #[error("the steps cannot be followed: {why}")]
    BadSteps { why: String },
    #[error("{why}")]
    BadSchedule { why: String },

    // Places.
    #[error("{address:?} is not an address to listen on such as \"127.0.0.1:8080\"")]
    BadAddress { address: String },
    #[error("the ingress {other:?} listens on {address} already; choose another port")]
    DuplicatePort { address: String, other: String },
    #[error("{pointer:?} is not a JSON pointer: {why}")]
    BadPointer { pointer: String, why: &'static str },
    #[error("{url:?} is not a place to store at: {why}")]
    BadStore { url: String, why: String },
    #[error("{url:?} is not a server's address such as \"http://127.0.0.1:9000/review\": {why}")]
    BadServer { url: String, why: String },
    #[error("{template:?} has an unknown placeholder {{{placeholder}}}{}; known are {}", hint(.suggestion.as_ref()), .known.join(", "))]
    UnknownPlaceholder {
        template: String,
        placeholder: String,
        suggestion: Option<String>,
        known: Vec<String>,
    },
    #[error("{template:?} is no folder for objects: {why}")]
    BadTemplate { template: String, why: &'static str },
    #[error("{table:?} is no name for a table: {why}")]
    BadTable { table: String, why: &'static str },
    #[error("the {kind} {other:?} writes to the same place; choose another {field}", kind = noun(*.kind))]
    SharedDestination { kind: Kind, other: String, field: &'static str },

    // Rules.
    #[error("the SQL cannot be used: {message}")]
    BadSql { message: String },
    #[error("the condition {condition:?} cannot be used: {message}")]
    BadCondition { condition: String, message: String },
    #[error("give exactly one of \"rules\", \"http\" or \"command\", not {given}")]
    RunChoice { given: String },

    // Programs.
    #[error(
        "the command cannot be started: {why}; give a program and its arguments, such as [\"python3\", \"review.py\"]"
    )]
    BadCommand { why: &'static str },
    #[error("{name:?} is no environment variable to set: {why}")]
    BadVariable { name: String, why: &'static str },
    #[error("{field:?} does nothing {why}")]
    Useless { field: &'static str, why: &'static str },
}

impl Problem {
    /// The names of all rules.
    pub const RULES: [&str; 46] = [
        "unreadable",
        "unknown-language",
        "syntax",
        "missing-variable",
        "bad-reference",
        "unknown-field",
        "missing-field",
        "wrong-type",
        "bad-unit",
        "unknown-value",
        "out-of-range",
        "malformed",
        "bad-name",
        "duplicate-name",
        "unknown-target",
        "wrong-kind",
        "duplicate-target",
        "cycle",
        "unfed",
        "two-sources",
        "no-ingress",
        "dead-letter-loop",
        "dead-letter-order",
        "min-above-max",
        "burst-below-batch",
        "burst-without-rate",
        "retention-too-short",
        "timeout-too-long",
        "policy-choice",
        "bad-steps",
        "bad-schedule",
        "bad-address",
        "duplicate-port",
        "bad-pointer",
        "bad-store",
        "bad-server",
        "unknown-placeholder",
        "bad-template",
        "bad-table",
        "shared-destination",
        "bad-sql",
        "bad-condition",
        "run-choice",
        "bad-command",
        "bad-variable",
        "useless",
    ];

    /// The rule's name, for tests and tools.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::UnknownLanguage { .. } => "unknown-language",
            Self::Syntax { .. } => "syntax",
            Self::MissingVariable { .. } => "missing-variable",
            Self::BadReference { .. } => "bad-reference",
            Self::UnknownField { .. } => "unknown-field",
            Self::MissingField { .. } => "missing-field",
            Self::WrongType { .. } => "wrong-type",
            Self::BadUnit { .. } => "bad-unit",
            Self::UnknownValue { .. } => "unknown-value",
            Self::OutOfRange { .. } => "out-of-range",
            Self::Malformed { .. } => "malformed",
            Self::BadName { .. } => "bad-name",
            Self::DuplicateName { .. } => "duplicate-name",
            Self::UnknownTarget { .. } => "unknown-target",
            Self::WrongKind { .. } => "wrong-kind",
            Self::DuplicateTarget { .. } => "duplicate-target",
            Self::Cycle { .. } => "cycle",
            Self::Unfed { .. } => "unfed",
            Self::TwoSources { .. } => "two-sources",
            Self::NoIngress => "no-ingress",
            Self::DeadLetterLoop { .. } => "dead-letter-loop",
            Self::DeadLetterOrder { .. } => "dead-letter-order",
            Self::MinAboveMax { .. } => "min-above-max",
            Self::BurstBelowBatch { .. } => "burst-below-batch",
            Self::BurstWithoutRate { .. } => "burst-without-rate",
            Self::RetentionTooShort { .. } => "retention-too-short",
            Self::TimeoutTooLong { .. } => "timeout-too-long",
            Self::PolicyChoice { .. } => "policy-choice",
            Self::BadSteps { .. } => "bad-steps",
            Self::BadSchedule { .. } => "bad-schedule",
            Self::BadAddress { .. } => "bad-address",
            Self::DuplicatePort { .. } => "duplicate-port",
            Self::BadPointer { .. } => "bad-pointer",
            Self::BadStore { .. } => "bad-store",
            Self::BadServer { .. } => "bad-server",
            Self::UnknownPlaceholder { .. } => "unknown-placeholder",
            Self::BadTemplate { .. } => "bad-template",
            Self::BadTable { .. } => "bad-table",
            Self::SharedDestination { .. } => "shared-destination",
            Self::BadSql { .. } => "bad-sql",
            Self::BadCondition { .. } => "bad-condition",
            Self::RunChoice { .. } => "run-choice",
            Self::BadCommand { .. } => "bad-command",
            Self::BadVariable { .. } => "bad-variable",
            Self::Useless { .. } => "useless",
        }
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Ingress => "ingress",
        Kind::Stream => "stream",
        Kind::Queue => "queue",
        Kind::Workers => "pool of workers",
        Kind::Raw => "raw store",
        Kind::Loader => "loader",
    }
}

/// `a queue`, `an ingress`.
fn article(kind: Kind) -> String {
    let article = if kind == Kind::Ingress { "an" } else { "a" };
    format!("{article} {}", noun(kind))
}

fn quoted(values: &[String]) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")
}

fn because(meaning: &Option<String>) -> String {
    meaning.as_ref().map(|meaning| format!(": {}", lower_first(meaning))).unwrap_or_default()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
