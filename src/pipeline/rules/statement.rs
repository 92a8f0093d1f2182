//! SQL text as a checked statement: a single `select` from `input` that gives one row at most
//! for each record and always gives it again.

use super::{
    RuleError,
    error::Place,
    record::{POSITION_COLUMN, REASON_COLUMN, SEQUENCE_COLUMN, SHARD_COLUMN},
    references::{self, References},
};
use datafusion::sql::sqlparser::{
    ast::{
        Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, Spanned, Statement, TableFactor,
        TableWithJoins,
    },
    dialect::GenericDialect,
    parser::Parser,
    tokenizer::{Span, Token},
};
use std::collections::HashSet;

/// Name of the only table that rules read.
pub(super) const INPUT: &str = "input";

/// Which fields of a record SQL needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The result has a `*`.
    All,
    Named(HashSet<String>),
}

impl Wanted {
    pub(super) fn includes(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(field),
        }
    }
}

/// A checked `select` whose result columns all have names.
#[derive(Debug, Clone)]
pub(super) struct CheckedSelect {
    pub(super) select: Select,
    /// Names of the explicit result columns with their expressions.
    pub(super) columns: Vec<(String, Expr)>,
    pub(super) has_wildcard: bool,
    pub(super) references: References,
}

/// Parses and checks the `sql` of rules.
///
/// # Errors
/// What is refused, where, and the remedy.
pub(super) fn checked_select(sql: &str) -> Result<CheckedSelect, RuleError> {
    let place = Place::Select;
    let mut select = only_select(sql)?;
    refuse_clauses(&select)?;
    let table = input_table(&select.from, select.select_token.0.span)?;
    let mut references = references::of(&select, place, table.as_deref())?;
    let mut columns = Vec::new();
    let mut has_wildcard = false;
    for item in &mut select.projection {
        match named(item)? {
            Named::Wildcard(excluded) => {
                has_wildcard = true;
                references.paths.extend(excluded.into_iter().map(|name| vec![name]));
            }
            Named::Column(name, expression) => columns.push((name, *expression)),
        }
    }
    refuse_names(&columns)?;
    Ok(CheckedSelect { select, columns, has_wildcard, references })
}

/// Parses and checks a condition.
///
/// # Errors
/// What is refused, where, and the remedy.
pub(super) fn checked_condition(text: &str, place: Place) -> Result<(Expr, References), RuleError> {
    let unparsable = |error: datafusion::sql::sqlparser::parser::ParserError| {
        RuleError::unparsable(place, &error.to_string())
    };
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(unparsable)?;
    let condition = parser.parse_expr().map_err(unparsable)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let message =
            format!("`{rest}` is left over after the condition; write one condition, joined by and/or");
        return Err(RuleError::at(place, rest.span, message));
    }
    let references = references::of(&condition, place, None)?;
    Ok((condition, references))
}

fn only_select(sql: &str) -> Result<Select, RuleError> {
    let place = Place::Select;
    let statements = Parser::parse_sql(&GenericDialect {}, sql)
        .map_err(|error| RuleError::unparsable(place, &error.to_string()))?;
    let mut statements = statements.into_iter();
    let Some(first) = statements.next() else {
        return Err(RuleError::new(place, "there is no statement; write `select ... from input`"));
    };
    if let Some(second) = statements.next() {
        let message = "several statements are given; write a single select from input";
        return Err(RuleError::at(place, second.span(), message));
    }
    let span = first.span();
    let Statement::Query(query) = first else {
        return Err(RuleError::at(place, span, "this is not a select; write `select ... from input`"));
    };
    let Query { with, body, order_by, limit_clause, fetch, locks, pipe_operators, .. } = *query;
    let refused = [
        (with.is_some(), "`with` is not supported; write its expressions into the select itself"),
        (order_by.is_some(), "`order by` is not supported: rows keep the order of their records; remove it"),
        (
            limit_clause.is_some() || fetch.is_some(),
            "`limit` is not supported, since every record is judged alone; use `where`",
        ),
        (!locks.is_empty(), "`for update` is not supported; remove it"),
        (!pipe_operators.is_empty(), "`|>` is not supported; write a plain select"),
    ];
    if let Some((_, message)) = refused.iter().find(|(present, _)| *present) {
        return Err(RuleError::at(place, span, *message));
    }
    match *body {
        SetExpr::Select(select) => Ok(*select),
        SetExpr::SetOperation { op, .. } => {
            let message = format!(
                "`{}` is not supported, since it can give a record several rows; write a single select",
                op.to_string().to_lowercase()
            );
            Err(RuleError::at(place, span, message))
        }
        _ => Err(RuleError::at(place, span, "this is not a plain select; write `select ... from input`")),
    }
}

fn refuse_clauses(select: &Select) -> Result<(), RuleError> {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !by.is_empty() || !modifiers.is_empty(),
    };
    let refused = [
        (
            select.distinct.is_some(),
            "`distinct` is not supported, since every record is judged alone; remove it",
        ),
        (
            grouped,
            "`group by` is not supported, since every record is judged alone; group when you query the table",
        ),
        (select.having.is_some(), "`having` is not supported; use `where`"),
        (select.top.is_some(), "`top` is not supported, since every record is judged alone; use `where`"),
        (select.into.is_some(), "`into` is not supported; the node's `table` or `to` says where rows go"),
        (
            select.qualify.is_some() || !select.named_window.is_empty(),
            "windows are not supported, since every record is judged alone",
        ),
        (
            !select.lateral_views.is_empty(),
            "`lateral view` is not supported, since it can give a record several rows",
        ),
        (
            select.prewhere.is_some()
                || !select.connect_by.is_empty()
                || !select.cluster_by.is_empty()
                || !select.distribute_by.is_empty()
                || !select.sort_by.is_empty()
                || select.value_table_mode.is_some()
                || select.exclude.is_some(),
            "only `select ... from input where ...` is supported",
        ),
    ];
    match refused.iter().find(|(present, _)| *present) {
        Some((_, message)) => Err(RuleError::at(Place::Select, select.span(), *message)),
        None => Ok(()),
    }
}

/// Checks that `input` is all that is read; gives its alias.
fn input_table(from: &[TableWithJoins], select: Span) -> Result<Option<String>, RuleError> {
    let refuse = |span, message: String| Err(RuleError::at(Place::Select, span, message));
    let [table] = from else {
        let message = if from.is_empty() {
            "`from input` is missing"
        } else {
            "several tables are read; rules read only `input`"
        };
        return refuse(select, message.to_owned());
    };
    if let Some(join) = table.joins.first() {
        return refuse(join.relation.span(), "joins are not supported; rules read only `input`".to_owned());
    }
    match &table.relation {
        TableFactor::Table { name, alias, args: None, sample: None, version: None, .. } => {
            if name.to_string().trim_matches('"') != INPUT {
                return refuse(
                    table.relation.span(),
                    format!("unknown table `{name}`; rules read only `input`"),
                );
            }
            Ok(alias.as_ref().map(|alias| alias.name.value.clone()))
        }
        other => refuse(other.span(), "rules read only the plain table `input`".to_owned()),
    }
}

enum Named {
    /// With the names it excludes.
    Wildcard(Vec<String>),
    Column(String, Box<Expr>),
}

/// Gives a result column its name; hides the hidden columns from a wildcard.
fn named(item: &mut SelectItem) -> Result<Named, RuleError> {
    let span = item.span();
    let (expression, alias) = match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            return Ok(Named::Wildcard(references::hide_hidden(options)));
        }
        SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => (Expr::Identifier(name.clone()), name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => match path.last() {
            Some(last) => (Expr::CompoundIdentifier(path.clone()), last.clone()),
            None => {
                return Err(RuleError::at(Place::Select, span, "an empty name cannot be a result column"));
            }
        },
        SelectItem::UnnamedExpr(other) => {
            let message = format!("the result column `{other}` has no name; add `as some_name`");
            return Err(RuleError::at(Place::Select, span, message));
        }
        SelectItem::ExprWithAliases { .. } => {
            return Err(RuleError::at(Place::Select, span, "give each result column one name"));
        }
    };
    let name = alias.value.clone();
    *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias: Ident::with_quote('"', &name) };
    Ok(Named::Column(name, Box::new(expression)))
}

fn refuse_names(columns: &[(String, Expr)]) -> Result<(), RuleError> {
    let mut seen = HashSet::new();
    for (name, expression) in columns {
        let refuse = |message: String| Err(RuleError::at(Place::Select, expression.span(), message));
        if [SHARD_COLUMN, SEQUENCE_COLUMN, POSITION_COLUMN, REASON_COLUMN].contains(&name.as_str()) {
            return refuse(format!(
                "the result column `{name}` is added by Caudal; remove it or name it otherwise"
            ));
        }
        if !seen.insert(name.to_lowercase()) {
            return refuse(format!(
                "two result columns are named `{name}` (case does not count); rename one"
            ));
        }
    }
    Ok(())
}
