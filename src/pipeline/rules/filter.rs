//! A condition on the edge between two nodes.

use super::{
    InputRecord, RuleError, Verdict,
    engine::{Engine, Ran, positions_of},
    error::Place,
    record::POSITION_COLUMN,
    rulebook::{own_column, wanted_fields, without_hidden},
    statement::{checked_condition, checked_select},
};
use datafusion::{
    arrow::{array::AsArray, record_batch::RecordBatch},
    sql::sqlparser::ast::{CastKind, DataType, Expr, Ident, SelectItem},
};

const KEEP_COLUMN: &str = "_caudal_keep";

/// A compiled condition. Cheap to share; remembers the shapes of records between batches.
#[derive(Debug)]
pub struct Filter {
    engine: Engine,
    condition: String,
}

impl Filter {
    /// Checks and compiles a condition over the fields of records.
    ///
    /// # Errors
    /// [`RuleError`] with what is wrong, where, and the remedy.
    pub fn compile(condition: &str) -> Result<Self, RuleError> {
        let text = condition.to_owned();
        let (condition, references) = checked_condition(condition, Place::Condition)?;
        let mut select = checked_select("select 0 as nothing from input")?.select;
        let keep = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Nested(Box::new(condition))),
            data_type: DataType::Boolean,
            array: false,
            format: None,
        };
        select.projection = vec![
            own_column(POSITION_COLUMN),
            SelectItem::ExprWithAlias { expr: keep, alias: Ident::with_quote('"', KEEP_COLUMN) },
        ];
        let wanted = wanted_fields(&references.paths, false);
        let mentioned = without_hidden(references.paths);
        Ok(Self { engine: Engine::new(select, wanted, mentioned, Place::Condition)?, condition: text })
    }

    /// The condition as it was written.
    pub fn condition(&self) -> &str {
        &self.condition
    }

    /// Judges each record, in the order given.
    ///
    /// # Errors
    /// [`RuleError`] when the engine fails at more than a record.
    pub async fn apply(&self, records: &[InputRecord]) -> Result<Vec<Verdict>, RuleError> {
        let Ran { batches, faults } = self.engine.run(records).await;
        let mut verdicts = vec![Verdict::Drop; records.len()];
        for position in batches.iter().flat_map(kept) {
            set(&mut verdicts, position, Verdict::Keep);
        }
        for (position, reason) in faults {
            set(&mut verdicts, position, Verdict::Fault(reason));
        }
        Ok(verdicts)
    }
}

fn kept(batch: &RecordBatch) -> Vec<u32> {
    let keep = batch.column_by_name(KEEP_COLUMN).and_then(|column| column.as_boolean_opt());
    let Some(keep) = keep else { return Vec::new() };
    positions_of(batch).zip(keep).filter_map(|(position, keep)| keep?.then_some(position)).collect()
}

fn set(verdicts: &mut [Verdict], position: u32, verdict: Verdict) {
    if let Some(slot) = usize::try_from(position).ok().and_then(|position| verdicts.get_mut(position)) {
        *slot = verdict;
    }
}
