//! `caudal test`: the tests written in a topology.

use super::{check::load, output::print};
use crate::{
    error::Failure,
    pipeline::rules::{Filter, Rulebook, TestResult, run_tests},
    topology::{PlannedNode, Section},
};
use std::{fmt::Write as _, path::PathBuf};

/// Arguments of `caudal test`.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// The topology file (.toml, .yaml or .yml)
    #[arg(value_name = "FILE")]
    pub topology: PathBuf,
}

pub(super) fn run(arguments: &TestArguments) -> Result<(), Failure> {
    let plan = load(&arguments.topology)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::fault("starting the runtime", error))?;
    let mut total = 0;
    let mut failed = 0;
    for node in &plan.nodes {
        let results = runtime.block_on(test(node))?;
        if results.is_empty() {
            continue;
        }
        total += results.len();
        failed += results.iter().filter(|result| !result.passed).count();
        print(&report(&node.name, &results))?;
    }
    match (failed, total) {
        (0, 0) => print(&format!(
            "{}: no tests; write them as [[loader.NAME.test]] with given and expect\n",
            arguments.topology.display()
        )),
        (0, _) => print(&format!("{total} passed\n")),
        _ => Err(Failure::TestsFailed { failed, total }),
    }
}

async fn test(node: &PlannedNode) -> Result<Vec<TestResult>, Failure> {
    let Section::Loader(loader) = &node.section else { return Ok(Vec::new()) };
    if loader.tests.is_empty() {
        return Ok(Vec::new());
    }
    let compiling = |error| Failure::fault(format!("compiling the rules of {:?}", node.name), error);
    let rulebook = Rulebook::compile(&loader.sql, &loader.reject).map_err(compiling)?;
    let condition = node.from.as_ref().and_then(|from| from.condition.as_deref());
    let filter = condition.map(Filter::compile).transpose().map_err(compiling)?;
    Ok(run_tests(&rulebook, filter.as_ref(), &loader.tests).await)
}

fn report(node: &str, results: &[TestResult]) -> String {
    let mut text = format!("loader {node}\n");
    for result in results {
        let verdict = if result.passed { "pass" } else { "FAIL" };
        let _ = writeln!(text, "  {verdict}  {}", result.name);
        if !result.passed {
            for line in result.explanation.lines() {
                let _ = writeln!(text, "        {line}");
            }
        }
    }
    text
}
