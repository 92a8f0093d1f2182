//! The verbs, their help and their dispatch.

use super::{
    CheckArguments, DoctorArguments, GraphArguments, LoadArguments, QueryArguments, ReloadArguments,
    RunArguments, SchemaArguments, SimulateArguments, TestArguments, check, doctor, graph, load, query,
    reload, run, schema, simulate, test,
};
use crate::{
    error::Failure,
    telemetry::{LogFormat, logs},
};

const OVERVIEW: &str = "\
Example:
  caudal check topologies/bicimad.toml     every fault at once, with its line
  caudal run topologies/bicimad.toml       start the daemon; Ctrl-C drains and stops it
  curl --data-binary @trips.jsonl http://127.0.0.1:8080/streams/trips/records
  caudal query \"select origin, count(*) from warehouse.trips group by 1 order by 2 desc limit 5\"

Exit codes: 0 clean, 1 fault, 2 bad configuration, 3 forced stop, 4 storage failure";

const RUN: &str = "\
Examples:
  caudal run topologies/bicimad.toml
  caudal run topologies/bicimad.toml --data /srv/caudal --ingress 127.0.0.1:8080 --admin 0
  CAUDAL__STORAGE__TAIL=64MiB caudal run topology.toml --log-format json

Stop it with Ctrl-C or SIGTERM: it drains upstream first and exits 0; a second signal stops at once (3).
After a change of the file, `caudal reload` or SIGHUP switches to it while records flow.";

const RELOAD: &str = "\
Example:
  caudal reload --data /srv/caudal
  reloaded bicimad in 0.4 s
    added       raw gold
    replaced    loader facts: reject
    kept        7 nodes

The daemon reads the file again that it was started with: checks it, builds what is new beside what runs,
switches, and drains the old. No port closes; what has faults or cannot be changed while it runs leaves
everything as it is, and the exit code is 2. SIGHUP does the same and logs how it went.";

const CHECK: &str = "\
Example:
  caudal check topologies/bicimad.toml
  topologies/bicimad.toml: ok, 9 nodes (1 implicit)

Faults go to standard error as FILE:LINE: KEY: MESSAGE, all at once, and the exit code is 2:
  topologies/x.toml:12: stream.trips.retention: \"24\" is not a length of time such as \"10s\" (ms, s, m, h, d)";

const TEST: &str = "\
Example:
  caudal test topologies/bicimad.toml

A test stands beside the rules it tests:
  [[loader.facts.test]]
  name   = \"a trip of less than a minute is rejected\"
  given  = [{ travel_time = 12 }]
  expect = { rejected = 1 }";

const GRAPH: &str = "\
Examples:
  caudal graph topologies/bicimad.toml
  caudal graph topologies/bicimad.toml --format mermaid > graph.mmd";

const QUERY: &str = "\
Examples:
  caudal query \"show tables\"
  caudal query \"select origin, count(*) from warehouse.trips group by 1 order by 2 desc limit 5\"
  caudal query \"select \\\"_id\\\"['\\$oid'] as id from raw.bronze\" --format json
  caudal query \"select reason, count(*) from quarantine.trips group by 1\" --data /srv/caudal --format csv

It only reads, beside a running daemon or without one. Names with capitals or hyphens need double quotes.";

const SCHEMA: &str = "\
Examples:
  caudal schema > caudal.schema.json       for your editor, such as taplo or VS Code
  caudal schema --markdown                 a page to read
  caudal schema --scenario                 the same for scenarios of `caudal load`";

const DOCTOR: &str = "\
Examples:
  caudal doctor data                           verify and explain
  caudal doctor data --repair                  repair what costs no record
  caudal doctor data --repair --accept-loss    also set damaged parts aside, and say what is lost
  caudal doctor data --seal                    write checksums for objects and table files that have none

It reads the log, every raw object and every file of every table, and names what does not match its checksum.
Exit codes: 0 nothing to do, 1 something to repair that costs no record, 4 records are at stake.";

const SIMULATE: &str = "\
Examples:
  caudal simulate --all                                every named trace, held against its targets
  caudal simulate --all --versus aws,hpa-keda,knative,flink,numaflow
  caudal simulate --trace step10x --html step.html     with a page of charts and every decision
  caudal simulate --topology topologies/bicimad.toml --pool review --trace monday.csv --service 20ms
  caudal simulate --seeds 200 --seed 7                 random traces

It runs the daemon's own policy code on a virtual clock: nothing is started, nothing is sent.
Costs are worker-seconds over those of an oracle that knows the trace; a \"!\" marks a missed target.";

const LOAD: &str = "\
Examples:
  caudal load topologies/scenarios/smoke.toml                   starts a daemon, drives it, proves what arrived
  caudal load topologies/scenarios/spike10x.toml --html spike.html --json spike.json
  caudal load topologies/scenarios/soak.toml --short 0.05       the same in a twentieth of the time
  caudal load scenario.toml --url http://127.0.0.1:4566         a daemon or an emulator that runs already
  caudal load topologies/scenarios/steady.toml --find-max       the highest rate that keeps the thresholds
  caudal load --compare before.json after.json --tolerance 5

Latency counts from the planned send time, so that a target that stalls cannot hide it; what could not be
sent counts too. Ctrl-C ends the stages, and proves and tells what there is; a second one ends at once.
Exit codes: 0 every threshold held, 1 one was not or the run ended early, 2 a scenario with faults.";

/// Caudal takes records over HTTP, keeps them durably, and carries them to raw store and warehouse.
///
/// One topology file says what feeds what; one daemon runs it.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "caudal", version, after_help = OVERVIEW, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be asked of Caudal.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Verb {
    /// Start the daemon that a topology describes
    #[command(after_help = RUN)]
    Run(RunArguments),
    /// Let a running daemon read its topology again and change to it
    #[command(after_help = RELOAD)]
    Reload(ReloadArguments),
    /// Report every fault of a topology at once
    #[command(after_help = CHECK)]
    Check(CheckArguments),
    /// Run the tests written in a topology
    #[command(after_help = TEST)]
    Test(TestArguments),
    /// Draw a topology as text and as Mermaid
    #[command(after_help = GRAPH)]
    Graph(GraphArguments),
    /// Answer SQL from warehouse, quarantine and raw objects
    #[command(after_help = QUERY)]
    Query(QueryArguments),
    /// Print the JSON Schema of topology files, or of scenario files
    #[command(after_help = SCHEMA)]
    Schema(SchemaArguments),
    /// Rehearse the scaling of a pool against a trace, and score it
    #[command(after_help = SIMULATE, arg_required_else_help = true)]
    Simulate(SimulateArguments),
    /// Drive a daemon or an emulator with a load, prove what arrived, and hold it against thresholds
    #[command(after_help = LOAD, arg_required_else_help = true)]
    Load(LoadArguments),
    /// Verify a data folder: every checksum, every gap; repair it when asked
    #[command(after_help = DOCTOR)]
    Doctor(DoctorArguments),
}

impl Cli {
    /// Does what is asked.
    ///
    /// # Errors
    /// Whatever ends the process otherwise than cleanly; see [`Failure::exit_code`].
    pub fn dispatch(self) -> Result<(), Failure> {
        if !matches!(self.verb, Verb::Run(_)) {
            // The daemon logs as its settings say. Other verbs speak through their output.
            logs::start(LogFormat::default(), "warn")?;
        }
        match self.verb {
            Verb::Run(arguments) => run::run(&arguments),
            Verb::Reload(arguments) => reload::run(&arguments),
            Verb::Check(arguments) => check::run(&arguments),
            Verb::Test(arguments) => test::run(&arguments),
            Verb::Graph(arguments) => graph::run(&arguments),
            Verb::Schema(arguments) => schema::run(&arguments),
            Verb::Query(arguments) => query::run(&arguments),
            Verb::Simulate(arguments) => simulate::run(&arguments),
            Verb::Load(arguments) => load::run(&arguments),
            Verb::Doctor(arguments) => doctor::run(&arguments),
        }
    }
}
