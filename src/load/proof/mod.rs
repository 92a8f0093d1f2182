//! Proves from where records arrived that each accepted one arrived once and in order.
//!
//! ```text
//!  ledgers ───────────────────────────────────┐
//!  raw node ─▶ findings ──────────────────────┤ compare ─▶ assemble ─▶ proof
//!  tables, quarantines, dead letters ─▶ findings ┘
//! ```
//!
//! Each raw node holds every accepted record. Of tables, quarantines and dead-letter queues together each
//! holds some, and every record is in one of them.

mod assembly;
mod comparison;
mod dead_letters;
mod error;
mod findings;
mod marks;
mod places;
mod sighting;
mod waiting;

#[cfg(test)]
mod planted_tests;

pub use error::ProofError;

use super::{
    admin::Admin,
    aws_endpoint::AwsEndpoint,
    ledger::Ledger,
    outcome::{Latency, Proof},
    scenario::ProofSpec,
};
use crate::{pipeline::catalog::Catalog, query::Trouble};
use assembly::{Group, Unseen, assemble};
use comparison::compare;
use dead_letters::DeadLetters;
use findings::Findings;
use places::{Hops, Places};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use waiting::{Step, Waiting};

/// How often the daemon is asked whether anything is on its way.
const POLL: Duration = Duration::from_millis(250);
/// Longest wait for what is on its way, unless the scenario says otherwise.
const WITHIN: Duration = Duration::from_secs(60);

/// Where a proof looks.
#[derive(Debug, Clone)]
pub struct ProofSources {
    /// The daemon's data folder.
    pub data: PathBuf,
    /// Without it nobody tells when nothing is on its way.
    pub admin: Option<Admin>,
    /// The endpoint by which dead letters are read; without it they are only counted.
    pub aws: Option<AwsEndpoint>,
    /// When the run began, milliseconds since the epoch: records with an earlier `at` are of another one.
    pub began_ms: i64,
}

/// Proves runs against one daemon.
#[derive(Debug)]
pub struct Prover {
    spec: ProofSpec,
    admin: Option<Admin>,
    places: Places,
    dead_letters: DeadLetters,
    /// What loaders had filtered when the run began.
    filtered_before: u64,
}

/// What a look at all places has shown.
struct Look {
    groups: Vec<Group>,
    hops: Hops,
}

impl Prover {
    /// Looks whether all places are there that a scenario names.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn begin(spec: ProofSpec, sources: ProofSources) -> Result<Self, ProofError> {
        let catalog = Catalog::load(&sources.data).map_err(Trouble::from)?;
        error::check_names(&spec, &catalog)?;
        let within = spec.within.map_or(WITHIN, |within| within.0);
        let dead_letters = DeadLetters::find(
            &spec.dead_letter,
            sources.aws,
            sources.admin.clone(),
            within,
            sources.began_ms,
        )
        .await?;
        let places = Places { data: sources.data, began_ms: sources.began_ms };
        let mut prover = Self { spec, admin: sources.admin, places, dead_letters, filtered_before: 0 };
        prover.filtered_before = prover.filtered().await;
        Ok(prover)
    }

    /// Looks until every accepted record was found, until nothing is on its way any more, or until the
    /// scenario's time is over. `ended` is when the last record was planned.
    ///
    /// # Errors
    /// See [`ProofError`]; that records are missing is no error but the proof's answer.
    pub async fn prove(
        &mut self,
        ledgers: &[Ledger],
        ended: Instant,
    ) -> Result<(Proof, BTreeMap<String, Latency>), ProofError> {
        let within = self.spec.within.map_or(WITHIN, |within| within.0);
        let mut waiting = Waiting::since(Instant::now(), ended + within);
        let look = loop {
            let quiet = self.is_quiet().await;
            let begun = Instant::now();
            let step = waiting.step(quiet, begun);
            if step == Step::Wait {
                sleep(POLL).await;
                continue;
            }
            match self.look(ledgers).await {
                Ok(look) if step == Step::LookLast || look.is_complete() => break look,
                Ok(_) => {}
                // Compaction has removed a file between listing and reading.
                Err(ProofError::Query(Trouble::Vanished(_))) if step == Step::Look => {}
                Err(error) => return Err(error),
            }
            waiting.looked(begun, Instant::now());
        };
        self.dead_letters.give_back().await;
        let drained = waiting.quiet_since().unwrap_or_else(Instant::now).saturating_duration_since(ended);
        let proof = assemble(ledgers, &look.groups, drained);
        Ok((proof, look.hops.latencies()))
    }

    /// Whether no node holds anything but what stays there; unknown while the daemon does not tell.
    async fn is_quiet(&self) -> bool {
        let Some(admin) = &self.admin else { return false };
        let asked_at_ms = crate::pipeline::now_ms();
        let Ok(mut health) = admin.health().await else { return false };
        // What is shown may have been seen before the last record was sent.
        let mut tries = 0;
        while health.observed_at_ms <= asked_at_ms && tries < 20 {
            sleep(POLL).await;
            tries += 1;
            health = match admin.health().await {
                Ok(health) => health,
                Err(_) => return false,
            };
        }
        let stays = |name: &str| self.spec.dead_letter.iter().any(|queue| queue == name);
        let nodes = health.nodes.iter().filter(|(name, _)| !stays(name));
        nodes.map(|(_, node)| node.unfinished()).sum::<u64>() == 0
    }

    async fn look(&mut self, ledgers: &[Ledger]) -> Result<Look, ProofError> {
        let mut look = Look { groups: Vec::new(), hops: Hops::default() };
        for node in &self.spec.raw {
            let mut findings = Findings::of(ledgers);
            self.places.raw(node, &mut findings, &mut look.hops).await?;
            look.groups.push(Group::new(compare(ledgers, &findings, self.spec.order), &findings, true));
        }
        if self.spec.warehouse.is_empty() && self.spec.dead_letter.is_empty() {
            return Ok(look);
        }
        let mut findings = Findings::of(ledgers);
        for table in &self.spec.warehouse {
            self.places.table(table, &mut findings, &mut look.hops).await?;
            self.places.quarantine(table, &mut findings).await?;
        }
        let mut unseen = self.dead_letters.look(&mut findings).await?;
        let filtered = self.filtered().await.saturating_sub(self.filtered_before);
        if filtered > 0 {
            unseen.push(Unseen { place: "filtered".to_owned(), records: filtered });
        }
        let comparison = compare(ledgers, &findings, self.spec.order);
        // Without a table nobody has said where all records go.
        let holds_all = !self.spec.warehouse.is_empty();
        let mut group = Group::new(comparison, &findings, holds_all);
        group.unseen = unseen;
        look.groups.push(group);
        Ok(look)
    }

    /// Records that the rules of the tables' loaders have left out since their data folder was made.
    async fn filtered(&self) -> u64 {
        let Some(admin) = &self.admin else { return 0 };
        let (Ok(health), Ok(catalog)) = (admin.health().await, Catalog::load(&self.places.data)) else {
            return 0;
        };
        let loaders = catalog.loaders.iter().filter(|(_, entry)| self.spec.warehouse.contains(&entry.table));
        let tallies = loaders.filter_map(|(name, _)| health.nodes.get(name)?.observation.tally);
        tallies.map(|tally| tally.filtered).sum()
    }
}

impl Look {
    /// Nothing that was accepted is missing.
    fn is_complete(&self) -> bool {
        self.groups.iter().all(|group| group.missing() == 0)
    }
}
