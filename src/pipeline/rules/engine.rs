//! Runs a checked `select` over records: groups them by shape, plans once for each shape, and
//! isolates the records that the engine cannot evaluate.

use super::{
    InputRecord, RuleError,
    error::{Place, engine_reason},
    input,
    reading::{fits, shape_of},
    record::POSITION_COLUMN,
    shape::{MOST_FIELDS, Merging, Shape},
    source::Planner,
    statement::Wanted,
};
use datafusion::{
    arrow::{
        array::{Array, UInt32Array},
        datatypes::DataType,
        record_batch::RecordBatch,
    },
    common::DataFusionError,
    physical_plan::ExecutionPlan,
    sql::sqlparser::ast::Select,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Shapes with their plans that are remembered from batch to batch.
const REMEMBERED: usize = 16;
/// From this many shapes in a batch on, differing scalars are read as text instead.
const STRICT_SHAPES: usize = 16;

/// A `select` ready to run over any records.
#[derive(Debug)]
pub(super) struct Engine {
    select: Select,
    wanted: Wanted,
    /// Paths that the SQL mentions: always columns, though of unknown type while no record has them.
    mentioned: Vec<Vec<String>>,
    planner: Planner,
    known: Mutex<Vec<Known>>,
}

/// A shape seen before, with its plan.
#[derive(Debug, Clone)]
struct Known {
    shape: Shape,
    plan: Option<Arc<Plan>>,
}

#[derive(Debug)]
struct Plan {
    physical: Arc<dyn ExecutionPlan>,
    schema: datafusion::arrow::datatypes::SchemaRef,
}

/// Records of one batch that share a shape.
#[derive(Debug)]
struct Group {
    known: Known,
    positions: Vec<u32>,
}

/// What a run gave.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// Result rows, each with its record's position.
    pub(super) batches: Vec<RecordBatch>,
    /// Positions of records that cannot be judged, with the reason.
    pub(super) faults: Vec<(u32, String)>,
}

impl Engine {
    /// Plans the select once over records without any field, which finds what is wrong with it.
    pub(super) fn new(
        select: Select,
        wanted: Wanted,
        mentioned: Vec<Vec<String>>,
        place: Place,
    ) -> Result<Self, RuleError> {
        let planner = Planner::new();
        let engine = Self { select, wanted, mentioned, planner, known: Mutex::default() };
        let shape = engine.with_mentioned(Shape::empty());
        let planned = futures::FutureExt::now_or_never(engine.plan(&shape));
        match planned {
            Some(Ok(_)) => Ok(engine),
            Some(Err(error)) => Err(RuleError::new(place, engine_reason(&error))),
            None => Err(RuleError::new(place, "the engine did not plan at once")),
        }
    }

    /// Judges every record: each is in a result batch, at fault, or left out by `where`.
    pub(super) async fn run(&self, records: &[InputRecord]) -> Ran {
        let (mut groups, mut ran) = self.grouped(records);
        for group in &mut groups {
            if group.positions.is_empty() {
                continue;
            }
            let plan = match &group.known.plan {
                Some(plan) => Arc::clone(plan),
                None => match self.plan(&group.known.shape).await {
                    Ok(plan) => Arc::clone(group.known.plan.insert(Arc::new(plan))),
                    Err(error) => {
                        let reason = format!("the rules do not fit the record: {}", engine_reason(&error));
                        ran.faults.extend(group.positions.iter().map(|position| (*position, reason.clone())));
                        continue;
                    }
                },
            };
            let (batches, faults) = input::decode(records, &group.positions, &plan.schema);
            ran.faults.extend(faults);
            for batch in batches {
                self.evaluate(&plan, batch, &mut ran).await;
            }
        }
        self.remember(groups);
        ran
    }

    fn with_mentioned(&self, mut shape: Shape) -> Shape {
        for path in &self.mentioned {
            shape.require(path);
        }
        shape
    }

    /// Sorts records into groups of one shape; unreadable ones are faults.
    fn grouped(&self, records: &[InputRecord]) -> (Vec<Group>, Ran) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut groups: Vec<Group> =
            known.into_iter().map(|known| Group { known, positions: Vec::new() }).collect();
        let mut ran = Ran::default();
        for (position, record) in (0u32..).zip(records) {
            let fitting =
                groups.iter_mut().find(|group| fits(&record.payload, &group.known.shape, &self.wanted));
            if let Some(group) = fitting {
                group.positions.push(position);
                continue;
            }
            match shape_of(&record.payload, &self.wanted) {
                Ok(shape) if shape.fields() > MOST_FIELDS => {
                    let reason =
                        format!("the record has {} fields; at most {MOST_FIELDS} are read", shape.fields());
                    ran.faults.push((position, reason));
                }
                Ok(shape) => self.place(shape, position, &mut groups),
                Err(reason) => ran.faults.push((position, reason)),
            }
        }
        (groups, ran)
    }

    /// Puts a record into the first group whose shape can grow to hold it, else into a new one.
    fn place(&self, shape: Shape, position: u32, groups: &mut Vec<Group>) {
        let used = groups.iter().filter(|group| !group.positions.is_empty()).count();
        let merging = if used < STRICT_SHAPES { Merging::Alike } else { Merging::Scalars };
        let room = MOST_FIELDS.saturating_sub(shape.fields());
        let roomy = groups
            .iter_mut()
            .find(|group| group.known.shape.accepts(&shape, merging) && group.known.shape.fields() <= room);
        match roomy {
            Some(group) => {
                let grown = std::mem::replace(&mut group.known.shape, Shape::Unknown).merged(shape, merging);
                group.known = Known { shape: grown, plan: None };
                group.positions.push(position);
            }
            None => {
                let known = Known { shape: self.with_mentioned(shape), plan: None };
                groups.push(Group { known, positions: vec![position] });
            }
        }
    }

    /// Keeps the shapes of this batch, the most used first, then older ones.
    fn remember(&self, mut groups: Vec<Group>) {
        groups.retain(|group| group.known.plan.is_some());
        groups.sort_by_key(|group| std::cmp::Reverse(group.positions.len()));
        groups.truncate(REMEMBERED);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            groups.into_iter().map(|group| group.known).collect();
    }

    /// Plans for a shape. Fields of unknown type are tried as null first, which fits nearly any
    /// expression, then as the usual types.
    async fn plan(&self, shape: &Shape) -> Result<Plan, DataFusionError> {
        let mut first_error = None;
        for unknown in [DataType::Null, DataType::Utf8, DataType::Int64, DataType::Float64, DataType::Boolean]
        {
            let schema = input::input_schema(&shape.columns(&unknown));
            match self.planner.plan(&self.select, Arc::clone(&schema)).await {
                Ok(physical) => return Ok(Plan { physical, schema }),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| DataFusionError::Plan("there is nothing to plan".to_owned())))
    }

    /// Evaluates a batch; when the engine fails, halves it until the guilty records are alone.
    async fn evaluate(&self, plan: &Plan, batch: RecordBatch, ran: &mut Ran) {
        let mut open = vec![batch];
        while let Some(part) = open.pop() {
            match self.planner.execute(&plan.physical, part.clone()).await {
                Ok(batches) => ran.batches.extend(batches.into_iter().filter(|batch| batch.num_rows() > 0)),
                Err(error) if part.num_rows() <= 1 => {
                    let reason = engine_reason(&error);
                    ran.faults.extend(positions_of(&part).map(|position| (position, reason.clone())));
                }
                Err(_) => {
                    let half = part.num_rows() / 2;
                    open.push(part.slice(half, part.num_rows() - half));
                    open.push(part.slice(0, half));
                }
            }
        }
    }
}

/// The positions of the records that rows come from.
pub(super) fn positions_of(batch: &RecordBatch) -> impl Iterator<Item = u32> + '_ {
    let column = batch
        .column_by_name(POSITION_COLUMN)
        .and_then(|column| column.as_any().downcast_ref::<UInt32Array>());
    column.into_iter().flat_map(|column| (0..column.len()).map(|row| column.value(row)))
}
