//! From a file to a scenario, or to everything that is wrong with it.

use super::{
    About, Fault as Trouble, ProofSpec, Records, Scenario, Stage, Target, Thresholds, arrival::Arrival,
    check, schema::schema,
};
use crate::topology::{self, Definitions, Environment, Fault, Faults, Language, Shaped};
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What a file says, as far as it can be used: a faulty part hides no fault of another.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Draft {
    pub scenario: Option<About>,
    pub target: Option<Target>,
    pub records: Option<Records>,
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
    #[serde(rename = "fault")]
    pub faults: Vec<Trouble>,
    pub proof: Option<ProofSpec>,
    pub thresholds: Thresholds,
}

/// Reads and checks a scenario file (TOML or YAML); references are looked up in the process's environment. Files
/// that it names lie beside it.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(path: &Path) -> Result<Scenario, Vec<Fault>> {
    let (text, language) = topology::read_file(path)?;
    load_text(path, &text, language, &|name| std::env::var(name).ok())
}

/// Checks a scenario's text.
///
/// # Errors
/// Every fault of the text, in its order.
pub fn load_text(
    file: &Path,
    text: &str,
    language: Language,
    environment: Environment<'_>,
) -> Result<Scenario, Vec<Fault>> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let definitions = Definitions::of(without_needs(schema()));
    let check = |draft: &Draft, _: &Shaped, faults: &mut Faults<'_>| check::check(draft, &folder, faults);
    let draft: Draft = topology::read_text(file, (text, language), environment, &definitions, check)?;
    // What is missing was told, so nothing is.
    draft.finished(&folder).ok_or_else(Vec::new)
}

/// The same without fields that must be given at the root: whether they are is checked with the rest, so that the
/// other tables are.
fn without_needs(mut schema: Json) -> Json {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("required");
    }
    schema
}

impl Draft {
    fn finished(self, folder: &Path) -> Option<Scenario> {
        let mut scenario = Scenario {
            scenario: self.scenario?,
            target: self.target?,
            records: self.records?,
            stages: self.stages,
            faults: self.faults,
            proof: self.proof,
            thresholds: self.thresholds,
        };
        let beside = |path: &mut PathBuf| *path = folder.join(&*path);
        scenario.scenario.topology.iter_mut().for_each(beside);
        if let Records::File { path, .. } = &mut scenario.records {
            beside(path);
        }
        for stage in &mut scenario.stages {
            if let Arrival::Trace { file, .. } = &mut stage.arrival {
                beside(file);
            }
        }
        Some(scenario)
    }
}
