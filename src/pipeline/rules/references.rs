//! Which fields an expression reads, and which functions it must not call.

use super::{
    RuleError,
    error::Place,
    record::{ARRIVED_AT_COLUMN, KEY_COLUMN, POSITION_COLUMN, SEQUENCE_COLUMN, SHARD_COLUMN},
    statement::INPUT,
};
use datafusion::sql::sqlparser::{
    ast::{
        AccessExpr, ExcludeSelectItem, Expr, Function, Ident, ObjectName, ObjectNamePart, Spanned, Subscript,
        Value, Visit, Visitor, WildcardAdditionalOptions,
    },
    tokenizer::Span,
};
use std::{collections::HashSet, ops::ControlFlow};

/// Columns that are there for SQL to read although they are no fields of the record.
pub(super) const HIDDEN: [&str; 5] =
    [SHARD_COLUMN, SEQUENCE_COLUMN, ARRIVED_AT_COLUMN, KEY_COLUMN, POSITION_COLUMN];

/// Functions whose answer depends on more than the record.
const FICKLE: [&str; 14] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "today",
    "localtime",
    "localtimestamp",
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "shuffle",
    "array_shuffle",
    "version",
];

/// The usual aggregates, refused with their position; the plan is searched for all others.
const AGGREGATES: [&str; 16] = [
    "count",
    "sum",
    "avg",
    "mean",
    "min",
    "max",
    "median",
    "stddev",
    "var",
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "bool_and",
    "bool_or",
    "approx_distinct",
];

/// What SQL reads of a record.
#[derive(Debug, Clone, Default)]
pub(super) struct References {
    /// Paths of fields, outermost first.
    pub(super) paths: Vec<Vec<String>>,
    /// Identifiers that are names of nested fields, not of columns.
    pub(super) nested: HashSet<Span>,
}

/// Collects the fields that `node` reads.
///
/// # Errors
/// When it calls what rules must not call, with the remedy.
pub(super) fn of<V: Visit>(node: &V, place: Place, alias: Option<&str>) -> Result<References, RuleError> {
    let mut collector = Collector { found: References::default(), place, alias };
    match node.visit(&mut collector) {
        ControlFlow::Continue(()) => Ok(collector.found),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Leaves the hidden columns out of a wildcard; gives the names that it leaves out already.
pub(super) fn hide_hidden(options: &mut WildcardAdditionalOptions) -> Vec<String> {
    let mut excluded: Vec<ObjectName> = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    if let Some(except) = options.opt_except.take() {
        let names = std::iter::once(except.first_element).chain(except.additional_elements);
        excluded.extend(names.map(|name| ObjectName::from(vec![name])));
    }
    let named: Vec<String> = excluded.iter().filter_map(last_part).collect();
    excluded.retain(|name| last_part(name).is_none_or(|name| !HIDDEN.contains(&name.as_str())));
    excluded.extend(HIDDEN.map(|name| ObjectName::from(vec![Ident::with_quote('"', name)])));
    options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded));
    named
}

fn last_part(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(|ident| ident.value.clone())
}

struct Collector<'a> {
    found: References,
    place: Place,
    alias: Option<&'a str>,
}

impl Collector<'_> {
    fn add(&mut self, idents: &[Ident]) {
        let path = match idents.split_first() {
            Some((first, rest)) if !rest.is_empty() && self.is_table(&first.value) => rest,
            _ => idents,
        };
        self.found.paths.push(path.iter().map(|ident| ident.value.clone()).collect());
    }

    fn is_table(&self, name: &str) -> bool {
        name == INPUT || self.alias == Some(name)
    }

    /// `root.a['b']`: the path as far as it is constant.
    fn add_access(&mut self, root: &Expr, chain: &[AccessExpr]) {
        let mut path = match root {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(path) => path.clone(),
            _ => Vec::new(),
        };
        let mut constant = !path.is_empty();
        for step in chain {
            match step {
                AccessExpr::Dot(Expr::Identifier(field)) => {
                    self.found.nested.insert(field.span);
                    if constant {
                        path.push(field.clone());
                    }
                }
                AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => match &value.value {
                    Value::SingleQuotedString(field) if constant => path.push(Ident::new(field)),
                    _ => constant = false,
                },
                _ => constant = false,
            }
        }
        if !path.is_empty() {
            self.add(&path);
        }
    }

    fn refuse(&self, span: Span, message: impl Into<String>) -> ControlFlow<RuleError> {
        ControlFlow::Break(RuleError::at(self.place, span, message))
    }

    fn check(&self, function: &Function) -> ControlFlow<RuleError> {
        let name = function.name.to_string().trim_matches('"').to_lowercase();
        let span = function.name.span();
        if FICKLE.contains(&name.as_str()) {
            let message = format!(
                "`{name}` gives another answer on each replay; use `{ARRIVED_AT_COLUMN}`, the time the record arrived, or a field of the record"
            );
            return self.refuse(span, message);
        }
        if name == "unnest" {
            return self.refuse(span, "`unnest` can give a record several rows; keep the array as a column");
        }
        if AGGREGATES.contains(&name.as_str()) && function.over.is_none() {
            let message = format!(
                "the aggregate `{name}` is not supported, since every record is judged alone; aggregate when you query the table"
            );
            return self.refuse(span, message);
        }
        if function.over.is_some() {
            let message =
                format!("the window function `{name}` is not supported, since every record is judged alone");
            return self.refuse(span, message);
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Collector<'_> {
    type Break = RuleError;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<RuleError> {
        match expression {
            Expr::Identifier(name) if self.found.nested.contains(&name.span) => {}
            Expr::Identifier(name) => self.add(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(path) => self.add(path),
            Expr::CompoundFieldAccess { root, access_chain } => self.add_access(root, access_chain),
            Expr::Function(function) => return self.check(function),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                return self.refuse(
                    expression.span(),
                    "subqueries are not supported; rules judge each record alone",
                );
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
