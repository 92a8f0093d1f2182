//! Why rules cannot be used.

use datafusion::{common::DataFusionError, sql::sqlparser::tokenizer::Span};
use std::fmt;

/// Rules that cannot be compiled, or an engine that cannot run them. A record never causes this:
/// what is wrong with a record is a reason in its [`super::Rejected`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// Which text is at fault.
    pub place: Place,
    /// What is wrong and what to do about it.
    pub message: String,
    /// Where in that text, when known.
    pub position: Option<Position>,
}

/// The text that a [`RuleError`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The `sql` of the rules.
    Select,
    /// The `when` of the reject rule with this index.
    Reject(usize),
    /// The `where` of an edge.
    Condition,
}

/// A place in a text; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl RuleError {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), position: None }
    }

    pub(super) fn at(place: Place, span: Span, message: impl Into<String>) -> Self {
        let position =
            (span.start.line > 0).then_some(Position { line: span.start.line, column: span.start.column });
        Self { place, message: message.into(), position }
    }

    /// An error of the SQL parser, whose text ends in the position.
    pub(super) fn unparsable(place: Place, message: &str) -> Self {
        let message = message.trim_start_matches("sql parser error: ");
        let Some((what, place_text)) = message.rsplit_once(" at Line: ") else {
            return Self::new(place, message);
        };
        let mut numbers = place_text.split(", Column: ").map(|number| number.trim().parse().ok());
        let position = match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(line), Some(column)) => Some(Position { line, column }),
            _ => None,
        };
        Self { place, message: what.to_owned(), position }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select => out.write_str("sql"),
            Self::Reject(index) => write!(out, "reject[{index}].when"),
            Self::Condition => out.write_str("where"),
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.place)?;
        if let Some(Position { line, column }) = self.position {
            write!(out, " line {line} column {column}")?;
        }
        write!(out, ": {}", self.message)
    }
}

impl std::error::Error for RuleError {}

/// Longest reason kept; longer engine messages are cut.
const LONGEST_REASON: usize = 400;

/// One line of an engine error, without wrappers and backtraces.
pub(super) fn engine_reason(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    let known = [
        "Arrow error: ",
        "Cast error: ",
        "Execution error: ",
        "Error during planning: ",
        "Schema error: ",
        "Optimizer rule 'simplify_expressions' failed",
        "External error: ",
    ];
    let mut reason = line;
    while let Some(rest) = known.iter().find_map(|prefix| reason.strip_prefix(prefix)) {
        reason = rest;
    }
    if reason.contains("GROUP BY clause") {
        return "aggregates are not supported, since every record is judged alone; aggregate when you query the table".to_owned();
    }
    reason.chars().take(LONGEST_REASON).collect()
}
