//! Files published together with their checksums, in an order that never accuses a good file.
//!
//! Checksums of other bytes are gone for good before a name gets its new bytes, and the new ones come when
//! these are there for good. So a crash leaves a file with its own checksums or, in between, with none,
//! which is read unverified. Each step is flushed: no order of the file system's own is relied on. Writers of
//! one name within this process take turns, so that no step of one falls between two of another; the data
//! folder's lock keeps other processes out.

use super::{
    checksums::{Sums, place_of_sums, sums_of},
    publish::{Existing, Folders, flush_folder, folder_of, publish, stage},
    verified::leads_to,
};
use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Names that share a turn wait for each other without need: many are cheap.
const TURNS: usize = 256;
static TURN: [Mutex<()>; TURNS] = [const { Mutex::new(()) }; TURNS];

/// The turn of a name. Not to be asked for while another is held.
fn turn_of(path: &Path) -> Option<MutexGuard<'static, ()>> {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let nth = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default();
    TURN.get(nth).map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Publishes a staged file (see [`publish`]) and then its checksums. Blocking.
///
/// # Errors
/// When the file cannot be published. Checksums that cannot be written are an error only where a whole put
/// may be tried again: whoever has won a name must learn that.
pub fn publish_sealed(
    file: &File,
    staged: &Path,
    path: &Path,
    existing: Existing,
    sums: Sums,
    folders: &Folders,
) -> io::Result<()> {
    let encoded = sums.encoded();
    let _turn = turn_of(path);
    if let Err(error) = clear(path, existing, &encoded) {
        let _ = fs::remove_file(staged);
        return Err(error);
    }
    publish(file, staged, path, existing)?;
    let Some(place) = sums_of(path) else { return Ok(()) };
    let written = write_sums(&place, &encoded, file, path, folders);
    match (written, existing) {
        (Err(error), Existing::Refuse) => {
            tracing::warn!(file = %path.display(), %error, "its checksums are not written; it is read unverified");
            Ok(())
        }
        (written, _) => written,
    }
}

/// Replaces a file as a whole, and its checksums: afterwards it is the old one or the new one, whatever
/// happens. Blocking.
///
/// # Errors
/// When the file cannot be written or flushed.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (path, folders) = (std::path::absolute(path)?, Folders::default());
    write_sealed(&path, &[bytes], Existing::Replace, &folders)
}

/// Keeps a damaged file as `NAME.damaged`, for a look, and removes its checksums. Returns its new path.
/// Blocking.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let path = &std::path::absolute(path)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    let aside = PathBuf::from(name);
    place_of_sums(path).map_or(Ok(()), |sums| remove_sums(&sums))?;
    fs::rename(path, &aside)?;
    flush_folder(folder_of(path)?)?;
    Ok(aside)
}

/// Writes and publishes a whole file with its checksums. Blocking.
///
/// # Errors
/// See [`publish_sealed`].
pub fn write_sealed(path: &Path, pieces: &[&[u8]], existing: Existing, folders: &Folders) -> io::Result<()> {
    let sums = Sums::of(pieces.iter().copied());
    let (file, staged) = stage(path, folders)?;
    if let Err(error) = pieces.iter().try_for_each(|piece| (&file).write_all(piece)) {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    publish_sealed(&file, &staged, path, existing, sums, folders)
}

/// Removes checksums that are not those of the bytes to come. Where an existing name is refused, those of a
/// file that is there belong to it and stay.
pub fn clear(path: &Path, existing: Existing, next: &[u8]) -> io::Result<()> {
    let Some(place) = place_of_sums(path) else { return Ok(()) };
    let stays = match existing {
        Existing::Refuse => path.try_exists()?,
        Existing::Replace => match fs::read(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found? == next,
        },
    };
    if stays { Ok(()) } else { remove_sums(&place) }
}

/// Writes the checksums of a file that was just published; keeps them if they are there already.
fn write_sums(place: &Path, encoded: &[u8], file: &File, path: &Path, folders: &Folders) -> io::Result<()> {
    if fs::read(place).is_ok_and(|found| found == encoded) {
        return Ok(());
    }
    let (sums, staged) = stage(place, folders)?;
    if let Err(error) = (&sums).write_all(encoded) {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    publish(&sums, &staged, place, Existing::Replace)?;
    // Somebody else replaced the file since: whose bytes won is not known here.
    if leads_to(path, file)? { Ok(()) } else { remove_sums(place) }
}

/// Removes checksums for good; that there are none is fine.
pub fn remove_sums(place: &Path) -> io::Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => flush_folder(folder_of(place)?),
    }
}

/// Gives a file that was copied or renamed the checksums that the file it came from had. Blocking.
///
/// # Errors
/// When they cannot be read or written.
pub fn carry(encoded: Option<&[u8]>, path: &Path, folders: &Folders) -> io::Result<()> {
    let (Some(encoded), Some(place)) = (encoded, sums_of(path)) else { return Ok(()) };
    let _turn = turn_of(path);
    write_sums(&place, encoded, &File::open(path)?, path, folders)
}

/// The checksums of a file as they lie beside it.
pub fn encoded_sums(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(place) = sums_of(path) else { return Ok(None) };
    match fs::read(place) {
        Ok(encoded) => Ok(Some(encoded)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes checksums of a file that has none, as it is now. Blocking.
///
/// # Errors
/// When the file cannot be read or the checksums not be written.
pub fn seal(path: &Path) -> io::Result<()> {
    const PIECE: usize = 1 << 20;
    let path: PathBuf = std::path::absolute(path)?;
    let Some(place) = sums_of(&path) else { return Ok(()) };
    let file = File::open(&path)?;
    let (mut reader, mut sums, mut piece) = (&file, Sums::default(), vec![0; PIECE]);
    loop {
        match io::Read::read(&mut reader, &mut piece)? {
            0 => break,
            read => sums.add(piece.get(..read).unwrap_or_default()),
        }
    }
    let _turn = turn_of(&path);
    write_sums(&place, &sums.encoded(), &file, &path, &Folders::default())
}
