//! Repair: what can be done without hiding a loss.

use super::losses::{find_losses, read_losses, write_losses};
use crate::storage::diagnosis::{Examination, Finding, Loss, Remedy, Repaired};
use crate::storage::frame;
use crate::storage::log_file::{self, FIRST_FRAME, FileHeader, FileKind};
use crate::storage::manifest::{self, ManifestKeeper};
use crate::storage::recovery::{self, failed};
use crate::storage::{OpenError, disk, opening, snapshot};
use std::io;
use std::path::Path;

/// Repairs what an examination found. What costs records is done only with `accept_loss`: the damaged
/// files are kept as `*.damaged` and the lost sequences written to `LOSSES.json`. Blocking.
///
/// # Errors
/// When the folder cannot be opened after the repair, with what is still wrong.
pub fn repair(folder: &Path, examination: &Examination, accept_loss: bool) -> Result<Repaired, OpenError> {
    let lock = opening::lock(folder)?;
    let mut repaired = Repaired::default();
    let manifest = manifest::newest(folder)?.unwrap_or_default();
    let mut keeper = ManifestKeeper::new(folder, manifest);
    for finding in &examination.findings {
        if let Some(action) = harmless(folder, finding, &mut keeper)? {
            repaired.actions.push(action);
        }
    }
    let salvaged = accept_loss && !examination.damaged.is_empty();
    if salvaged {
        for number in &examination.damaged {
            repaired.actions.extend(salvage(folder, *number, &mut keeper)?);
        }
        let failure = failed("writing the manifest in", folder);
        keeper.change(|manifest| (manifest.clean, manifest.durable_lsn) = (false, 0)).map_err(failure)?;
    }
    let recovered = recovery::recover(folder)?;
    let mut losses = read_losses(folder)?.map(|(losses, _)| losses).unwrap_or_default();
    if salvaged {
        for loss in find_losses(folder, &recovered.state)? {
            add_loss(&mut losses, loss);
        }
        write_losses(folder, &losses)?;
    }
    // The tail was written anew by the recovery; nothing else of its outcome is kept.
    let failure = failed("writing the manifest in", folder);
    keeper.change(|manifest| manifest.durable_lsn = recovered.lsn).map_err(failure)?;
    repaired.losses = losses;
    drop(lock);
    Ok(repaired)
}

fn add_loss(losses: &mut Vec<Loss>, loss: Loss) {
    if !losses.contains(&loss) {
        losses.push(loss);
    }
}

fn harmless(
    folder: &Path,
    finding: &Finding,
    keeper: &mut ManifestKeeper,
) -> Result<Option<String>, OpenError> {
    let path = &finding.path;
    let done = match finding.remedy {
        Remedy::RebuildIndex => {
            disk::remove(path).map_err(failed("removing", path))?;
            format!("removed {}: it is built again when it is needed", path.display())
        }
        Remedy::RewriteManifest => {
            keeper.change(|_| {}).map_err(failed("writing", path))?;
            format!("wrote {} again from its other copy", path.display())
        }
        Remedy::DropSnapshot => {
            disk::remove(path).map_err(failed("removing", path))?;
            let named = |lsn: &u64| snapshot::snapshot_path(folder, *lsn) != *path;
            keeper
                .change(|manifest| manifest.snapshots.retain(named))
                .map_err(failed("writing the manifest in", folder))?;
            format!("removed {}: the next start replays more of the log", path.display())
        }
        Remedy::CutTail => format!("cut {} at byte {}", path.display(), finding.offset),
        Remedy::SetAside | Remedy::Restore => return Ok(None),
    };
    Ok(Some(done))
}

/// Keeps the whole frames of a damaged or missing file in a file of the same number.
fn salvage(folder: &Path, number: u64, keeper: &mut ManifestKeeper) -> Result<Vec<String>, OpenError> {
    let path = log_file::log_path(folder, number);
    let manifest_salt = keeper.current().files.get(&number).copied();
    let image = match log_file::image(&path) {
        Ok(image) => image,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed("reading", &path)(error)),
    };
    let header = FileHeader::decode(&image).ok().filter(|header| header.number == number);
    let Some(salt) = header.map(|header| header.salt).or(manifest_salt) else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    let (mut at, mut lsn, mut frames) = (FIRST_FRAME, 0, 0_u64);
    while let Some(frame) = frame::later_frame(&image, at, salt, lsn) {
        if log_file::entries(&frame).is_ok() {
            let (from, to) = (usize::try_from(frame.offset), usize::try_from(frame.end()));
            let whole = from.ok().zip(to.ok()).and_then(|(from, to)| image.get(from..to.min(image.len())));
            kept.extend_from_slice(whole.unwrap_or_default());
            kept.resize(kept.len().next_multiple_of(frame::FRAME_ALIGNMENT), 0);
            frames += 1;
        }
        (at, lsn) = (frame.end(), frame.header.lsn + 1);
    }
    let origin_salt = manifest_salt.unwrap_or(salt);
    let size = FIRST_FRAME + kept.len() as u64;
    let header = FileHeader { kind: FileKind::Salvaged, number, salt, origin_salt, size };
    let mut actions = Vec::new();
    if !image.is_empty() {
        let aside = path.with_extension("damaged");
        disk::rename(&path, &aside).map_err(failed("setting aside", &path))?;
        actions.push(format!("set {} aside as {}", path.display(), aside.display()));
    }
    disk::replace(&path, &[&header.encode(), &kept]).map_err(failed("writing", &path))?;
    let index = log_file::index_path(folder, number);
    disk::remove(&index).map_err(failed("removing", &index))?;
    let change = keeper.change(|manifest| {
        manifest.files.insert(number, salt);
    });
    change.map_err(failed("writing the manifest in", folder))?;
    actions.push(format!("kept {frames} whole commits of {}", path.display()));
    Ok(actions)
}
