//! `caudal doctor`: verifies a data folder, explains what it finds, repairs when asked.

mod data_files;
mod data_words;
mod words;

use super::output::print;
use crate::{
    error::Failure,
    settings::Settings,
    storage::{Examination, OpenError, Progress, doctor},
};
use data_files::DataFiles;
#[cfg(test)]
pub(super) use data_files::examine as examine_data_files;
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
    /// Write checksums for objects and table files that have none, vouching for what they are now
    #[arg(long)]
    pub seal: bool,
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
    let (mut examination, mut data) = examine(&folder)?;
    if arguments.repair {
        match doctor::repair(&folder, &examination, arguments.accept_loss) {
            Ok(repaired) => print(&words::repaired(&repaired))?,
            // What costs no record was repaired; the rest is told again below.
            Err(OpenError::Corrupt { .. } | OpenError::Missing { .. })
                if !arguments.accept_loss && !examination.is_harmless() => {}
            Err(error) => return Err(refused(error)),
        }
    }
    if arguments.seal {
        print(&data_words::sealed(data.seal()?))?;
    }
    if arguments.repair || arguments.seal {
        print("\nafterwards:\n")?;
        (examination, data) = examine(&folder)?;
    }
    verdict(&folder, &examination, &data)
}

/// Examines everything and says what was found.
fn examine(folder: &Path) -> Result<(Examination, DataFiles), Failure> {
    let examination = doctor::examine(folder, |progress: &Progress| {
        show(&progress.path, progress.files_done, progress.files);
    });
    hide();
    let examination = examination.map_err(refused)?;
    print(&words::examination(folder, &examination))?;
    let data = data_files::examine(folder, |progress| {
        show(progress.path, progress.files_done, progress.files);
    });
    hide();
    let data = data?;
    print(&data_words::data_files(&data))?;
    Ok((examination, data))
}

/// One line on a terminal that is written over. That it cannot be shown is no reason to stop.
fn show(path: &Path, done: usize, files: usize) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = write!(terminal, "\r\x1b[2K{done} of {files} files: {name}");
        let _ = terminal.flush();
    }
}

fn hide() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[2K");
    }
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
fn verdict(folder: &Path, examination: &Examination, data: &DataFiles) -> Result<(), Failure> {
    let open = examination.findings.iter().filter(|finding| !words::mends_itself(finding)).count();
    if open == 0 && data.is_whole() {
        return Ok(());
    }
    let of_the_log = (open > 0).then(|| words::remedy(folder, examination));
    let of_data = (!data.is_whole()).then(|| data_words::remedy(data));
    let found = [of_the_log, of_data].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let harmless = examination.is_harmless() && data.is_whole();
    Err(Failure::Damaged { folder: folder.to_owned(), found, harmless })
}
