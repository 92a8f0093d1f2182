//! The engine's side: plans over a table `input` whose one batch is given anew for each run.

use super::statement::INPUT;
use datafusion::{
    arrow::{datatypes::SchemaRef, record_batch::RecordBatch},
    catalog::streaming::StreamingTable,
    common::{
        DataFusionError,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    execution::{
        SessionStateDefaults, TaskContext, context::SessionContext, runtime_env::RuntimeEnv,
        session_state::SessionStateBuilder,
    },
    logical_expr::{Expr, LogicalPlan, Volatility},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, collect, execution_plan::reset_plan_states,
        stream::RecordBatchStreamAdapter, streaming::PartitionStream,
    },
    prelude::SessionConfig,
    sql::{
        parser::Statement as EngineStatement,
        sqlparser::ast::{Query, Select, SetExpr, Statement},
    },
};
use std::{collections::HashMap, fmt, sync::Arc};
use tokio::sync::Mutex;

/// Plans and executes; one session, tuned for small batches.
pub(super) struct Planner {
    /// Locked while the table `input` stands for one shape.
    session: Mutex<SessionContext>,
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
}

impl fmt::Debug for Planner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Planner")
    }
}

/// The batch that one execution reads.
#[derive(Debug)]
struct Given(RecordBatch);

/// The table `input`: yields the batch given to the execution.
#[derive(Debug)]
struct GivenInput(SchemaRef);

impl PartitionStream for GivenInput {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }

    fn execute(&self, task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let given = task.session_config().get_extension::<Given>();
        let batch = given.map(|given| Ok(given.0.clone()));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), futures::stream::iter(batch)))
    }
}

impl Planner {
    pub(super) fn new() -> Self {
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_collect_statistics(false)
            .with_information_schema(false);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let runtime = Arc::new(RuntimeEnv::default());
        // Records come from the log: no file formats and no table functions, which an idle daemon would
        // only carry about. Aggregates and windows are known, so that they can be refused by what they are.
        let state = SessionStateBuilder::new()
            .with_config(config.clone())
            .with_runtime_env(Arc::clone(&runtime))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .build();
        Self { session: Mutex::new(SessionContext::new_with_state(state)), config, runtime }
    }

    /// Plans the select over records of this schema.
    pub(super) async fn plan(
        &self,
        select: &Select,
        schema: SchemaRef,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let table = StreamingTable::try_new(Arc::clone(&schema), vec![Arc::new(GivenInput(schema))])?;
        let session = self.session.lock().await;
        session.deregister_table(INPUT)?;
        session.register_table(INPUT, Arc::new(table))?;
        let state = session.state();
        let logical =
            state.statement_to_plan(EngineStatement::Statement(Box::new(statement(select)))).await?;
        refuse_fickle(&logical)?;
        state.create_physical_plan(&logical).await
    }

    /// Runs a plan over one batch.
    pub(super) async fn execute(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        batch: RecordBatch,
    ) -> Result<Vec<RecordBatch>, DataFusionError> {
        let task = TaskContext::new(
            None,
            "rules".to_owned(),
            self.config.clone().with_extension(Arc::new(Given(batch))),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::clone(&self.runtime),
        );
        // A plan keeps the measures of each run for as long as it lives; each run has one of its own.
        collect(reset_plan_states(Arc::clone(plan))?, Arc::new(task)).await
    }
}

fn statement(select: &Select) -> Statement {
    Statement::Query(Box::new(Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select.clone()))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }))
}

/// Refuses functions whose answer depends on more than their arguments, and whatever joins rows.
fn refuse_fickle(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Unnest(_)) {
            refused = Some("aggregates, windows and unnest are not supported, since every record is judged alone".to_owned());
        }
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    refused = Some(format!(
                        "`{}` gives another answer on each replay; use `_arrived_at`, the time the record arrived",
                        call.func.name()
                    ));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    refused.map_or(Ok(()), |message| Err(DataFusionError::Plan(message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{
        arrow::{
            array::Int64Array,
            datatypes::{DataType, Field, Schema},
        },
        sql::sqlparser::{dialect::GenericDialect, parser::Parser},
    };

    /// What a plan and all below it have measured.
    fn measures(plan: &Arc<dyn ExecutionPlan>) -> usize {
        let own = plan.metrics().map_or(0, |measures| measures.iter().count());
        own + plan.children().into_iter().map(measures).sum::<usize>()
    }

    #[tokio::test]
    async fn a_plan_that_is_run_again_and_again_keeps_nothing_of_its_runs() {
        let sql = "select seconds + 1 as later from input where seconds > 1";
        let parsed = Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0);
        let Statement::Query(query) = parsed else { panic!("{parsed}") };
        let SetExpr::Select(select) = *query.body else { panic!("{query}") };
        let schema = Arc::new(Schema::new(vec![Field::new("seconds", DataType::Int64, true)]));
        let planner = Planner::new();
        let plan = planner.plan(&select, Arc::clone(&schema)).await.unwrap();
        let before = measures(&plan);
        for _ in 0..100 {
            let column = Arc::new(Int64Array::from(vec![1, 2, 3]));
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
            let rows = planner.execute(&plan, batch).await.unwrap();
            assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
        }
        assert_eq!(measures(&plan), before);
    }
}
