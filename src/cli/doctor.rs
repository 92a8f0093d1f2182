//! `caudal doctor`: verifies a data folder, explains what it finds, repairs when asked.

mod words;

use super::output::print;
use crate::{
    error::Failure,
    settings::Settings,
    storage::{Examination, OpenError, Progress, doctor},
};
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

/// Arguments of `caudal doctor`.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArguments {
    /// The data folder; no daemon may be using it [default: data]
    #[arg(value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Repair what can be repaired without losing a record
    #[arg(long)]
    pub repair: bool,
    /// With --repair: also set damaged parts aside; what is lost is written down in LOSSES.json
    #[arg(long, requires = "repair")]
    pub accept_loss: bool,
}

pub(super) fn run(arguments: &DoctorArguments) -> Result<(), Failure> {
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => Settings::load(None)?.data,
    };
    if !folder.is_dir() {
        return Err(Failure::Configuration(format!(
            "{} is not a folder; name the data folder of a daemon, as in `caudal doctor data`",
            folder.display()
        )));
    }
    let examination = examine(&folder)?;
    print(&words::examination(&folder, &examination))?;
    if !arguments.repair {
        return verdict(&folder, &examination);
    }
    match doctor::repair(&folder, &examination, arguments.accept_loss) {
        Ok(repaired) => print(&words::repaired(&repaired))?,
        // What costs no record was repaired; the rest is told again below.
        Err(OpenError::Corrupt { .. } | OpenError::Missing { .. })
            if !arguments.accept_loss && !examination.is_harmless() => {}
        Err(error) => return Err(refused(error)),
    }
    let examination = examine(&folder)?;
    print(&format!("\nafter the repair:\n{}", words::examination(&folder, &examination)))?;
    verdict(&folder, &examination)
}

fn examine(folder: &Path) -> Result<Examination, Failure> {
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return doctor::examine(folder, |_| {}).map_err(refused);
    }
    let examination = doctor::examine(folder, |progress: &Progress| {
        let name = progress.path.file_name().unwrap_or_default().to_string_lossy();
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(terminal, "\r\x1b[2K{} of {} files: {name}", progress.files_done, progress.files);
        let _ = terminal.flush();
    });
    let _ = write!(terminal, "\r\x1b[2K");
    examination.map_err(refused)
}

fn refused(error: OpenError) -> Failure {
    match error {
        OpenError::Locked { path } => Failure::Configuration(format!(
            "{} is in use by a daemon; stop it, then ask the doctor again",
            path.display()
        )),
        error => error.into(),
    }
}

/// Clean when nothing needs a hand: a torn tail is mended by the next start.
fn verdict(folder: &Path, examination: &Examination) -> Result<(), Failure> {
    let open = examination.findings.iter().filter(|finding| !words::mends_itself(finding)).count();
    if open == 0 {
        return Ok(());
    }
    let harmless = examination.is_harmless();
    Err(Failure::Damaged { folder: folder.to_owned(), found: words::remedy(folder, examination), harmless })
}
