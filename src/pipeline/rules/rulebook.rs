//! Business rules: a `select` and its reject rules, compiled once and applied to batch after batch.

use super::{
    InputRecord, Outcome, OutcomeApart, RejectRule, Rejected, RuleError,
    engine::{Engine, Ran},
    error::Place,
    record::{POSITION_COLUMN, REASON_COLUMN, SEQUENCE_COLUMN, SHARD_COLUMN},
    references::HIDDEN,
    result::{self, Faults},
    statement::{CheckedSelect, Wanted, checked_condition, checked_select},
    substitution::substituted,
};
use datafusion::{
    arrow::{error::ArrowError, record_batch::RecordBatch},
    sql::sqlparser::ast::{CaseWhen, Expr, Ident, SelectItem, Value, helpers::attached_token::AttachedToken},
};
use md5::{Digest, Md5};

/// Hexadecimal digits of a version.
const VERSION_DIGITS: usize = 12;

/// Compiled rules. Cheap to share; remembers the shapes of records between batches.
#[derive(Debug)]
pub struct Rulebook {
    engine: Engine,
    reasons: Vec<String>,
    columns: Vec<String>,
    has_wildcard: bool,
    version: String,
}

impl Rulebook {
    /// Checks and compiles rules, as far as that can be done without records.
    ///
    /// # Errors
    /// [`RuleError`] with what is wrong, where, and the remedy.
    pub fn compile(sql: &str, rejects: &[RejectRule]) -> Result<Self, RuleError> {
        let mut checked = checked_select(sql)?;
        let columns: Vec<String> = checked.columns.iter().map(|(name, _)| name.clone()).collect();
        let flags = reject_flags(&mut checked, rejects)?;
        let CheckedSelect { mut select, has_wildcard, references, .. } = checked;
        select.projection.extend([SHARD_COLUMN, SEQUENCE_COLUMN, POSITION_COLUMN].map(own_column));
        select.projection.extend(flags);
        let wanted = wanted_fields(&references.paths, has_wildcard);
        let mentioned = without_hidden(references.paths);
        let engine = Engine::new(select, wanted, mentioned, Place::Select)?;
        let reasons = rejects.iter().map(|rule| rule.reason.clone()).collect();
        Ok(Self { engine, reasons, columns, has_wildcard, version: version_of(sql, rejects) })
    }

    /// Twelve hexadecimal digits that change with the SQL or the reject rules.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Names of the explicit result columns, in order; with a `*` there are more.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the result takes over fields by `*`.
    pub fn has_wildcard(&self) -> bool {
        self.has_wildcard
    }

    /// Applies the rules to records. What is wrong with a record rejects it and never fails the batch.
    ///
    /// # Errors
    /// [`RuleError`] when the engine fails at more than a record.
    pub async fn apply(&self, records: &[InputRecord]) -> Result<Outcome, RuleError> {
        let (rows, mut faults) = self.judged(records).await?;
        let kept = result::joined(&self.columns, &rows, &mut faults)
            .and_then(|rows| result::without_positions(&rows))
            .map_err(broken)?;
        let rejected = rejections(faults);
        let filtered = records.len().saturating_sub(kept.num_rows() + rejected.len());
        Ok(Outcome { rows: kept, rejected, filtered })
    }

    /// Like [`Rulebook::apply`], but keeps apart rows whose columns have different types, so that no
    /// record changes how another's values are written.
    ///
    /// # Errors
    /// [`RuleError`] when the engine fails at more than a record.
    pub async fn apply_apart(&self, records: &[InputRecord]) -> Result<OutcomeApart, RuleError> {
        let (rows, faults) = self.judged(records).await?;
        let rows =
            rows.iter().map(result::without_positions).collect::<Result<Vec<_>, _>>().map_err(broken)?;
        let rejected = rejections(faults);
        let kept: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let filtered = records.len().saturating_sub(kept + rejected.len());
        Ok(OutcomeApart { rows, rejected, filtered })
    }

    /// Rows in plain types with their positions, and the positions of rejected records.
    async fn judged(&self, records: &[InputRecord]) -> Result<(Vec<RecordBatch>, Faults), RuleError> {
        let Ran { batches, mut faults } = self.engine.run(records).await;
        let mut kept = Vec::with_capacity(batches.len());
        for batch in &batches {
            for part in result::plain(batch, &mut faults) {
                let (rows, refused) = result::split(&part, &self.reasons).map_err(broken)?;
                kept.push(rows);
                faults.extend(refused);
            }
        }
        Ok((kept, faults))
    }
}

fn broken(error: ArrowError) -> RuleError {
    RuleError::new(Place::Select, error.to_string())
}

fn rejections(faults: Faults) -> Vec<Rejected> {
    let mut rejected: Vec<Rejected> = faults.into_iter().filter_map(rejection).collect();
    rejected.sort_by_key(|rejected| rejected.index);
    rejected
}

fn rejection((position, reason): (u32, String)) -> Option<Rejected> {
    Some(Rejected { index: usize::try_from(position).ok()?, reason })
}

fn version_of(sql: &str, rejects: &[RejectRule]) -> String {
    let mut hash = Md5::new();
    let parts = rejects.iter().flat_map(|rule| [&rule.when, &rule.reason]);
    for part in std::iter::once(sql).chain(parts.map(String::as_str)) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digits = hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    digits.chars().take(VERSION_DIGITS).collect()
}

/// The fields to read of a record: all of them for a wildcard, else those mentioned.
pub(super) fn wanted_fields(paths: &[Vec<String>], has_wildcard: bool) -> Wanted {
    if has_wildcard {
        return Wanted::All;
    }
    Wanted::Named(paths.iter().filter_map(|path| path.first().cloned()).collect())
}

pub(super) fn without_hidden(mut paths: Vec<Vec<String>>) -> Vec<Vec<String>> {
    paths.retain(|path| path.first().is_some_and(|first| !HIDDEN.contains(&first.as_str())));
    paths
}

/// A column of Caudal's own, kept under its name.
pub(super) fn own_column(name: &str) -> SelectItem {
    SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', name)))
}

/// `case when FIRST then 0 when SECOND then 1 ... end`; adds what the conditions read to the references.
fn reject_flags(
    checked: &mut CheckedSelect,
    rejects: &[RejectRule],
) -> Result<Option<SelectItem>, RuleError> {
    let mut conditions = Vec::with_capacity(rejects.len());
    for (index, rule) in rejects.iter().enumerate() {
        let (condition, references) = checked_condition(&rule.when, Place::Reject(index))?;
        let condition = substituted(condition, &references, &checked.columns);
        let is_result = |name: &String| checked.columns.iter().any(|(column, _)| column == name);
        let of_input =
            references.paths.into_iter().filter(|path| path.first().is_some_and(|first| !is_result(first)));
        checked.references.paths.extend(of_input.collect::<Vec<_>>());
        let number = Expr::Value(Value::Number(index.to_string(), false).into());
        conditions.push(CaseWhen { condition: Expr::Nested(Box::new(condition)), result: number });
    }
    if conditions.is_empty() {
        return Ok(None);
    }
    let case = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: None,
    };
    Ok(Some(SelectItem::ExprWithAlias { expr: case, alias: Ident::with_quote('"', REASON_COLUMN) }))
}
