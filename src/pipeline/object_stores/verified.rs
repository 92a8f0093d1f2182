//! Files that are read against the checksums beside them: what is handed on is what was written, or an
//! error that names file and place.

use super::checksums::{HEADER, SUM, bytes_per_sum, crc32, sums_of};
use bytes::Bytes;
use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

/// A file that is replaced more often than this while it is opened is given up.
const OPENINGS: u32 = 16;

/// A file that is not what was written. Whoever reads it pays; nothing of it is handed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged at byte {offset}: {what}; restore it from a copy, or remove {} if another program has \
     written it anew",
    .path.display(),
    hidden_name(.path)
)]
pub struct Damage {
    pub path: PathBuf,
    /// First byte of the part that does not match.
    pub offset: u64,
    pub what: String,
}

impl Damage {
    /// The damage that an error is about, however it was wrapped.
    pub fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(damage) = error.downcast_ref::<Self>() {
                return Some(damage);
            }
            // An `io::Error` shows the source of what it holds, not what it holds.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(held) => Some(held),
                None => error.source(),
            };
        }
        None
    }
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage)
    }
}

/// The checksums of an opened file.
#[derive(Debug)]
struct OpenedSums {
    file: File,
    bytes_per_sum: u64,
}

/// An opened file with its checksums, if it has some. Both stay what they were at the opening, even if
/// the file is replaced.
#[derive(Debug)]
pub struct VerifiedFile {
    file: File,
    path: PathBuf,
    length: u64,
    sums: Option<OpenedSums>,
}

/// What the checksums beside a file say of it.
enum Beside {
    None,
    Sums(OpenedSums),
    /// The file was replaced since it was opened.
    Replaced,
}

impl VerifiedFile {
    /// Opens a file. Blocking.
    ///
    /// # Errors
    /// When it cannot be opened, or its checksums are damaged or of another length.
    pub fn open(path: &Path) -> io::Result<Self> {
        for _ in 0..OPENINGS {
            if let Some(opened) = Self::over(File::open(path)?, path)? {
                return Ok(opened);
            }
        }
        Err(io::Error::other(format!("{} is replaced all the time", path.display())))
    }

    /// Adds its checksums to a file that was just opened; `None` when it was replaced meanwhile. Blocking.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn over(file: File, path: &Path) -> io::Result<Option<Self>> {
        let length = file.metadata()?.len();
        let sums = match beside(&file, path)? {
            Beside::None => None,
            Beside::Sums(sums) => Some(sums),
            Beside::Replaced => return Ok(None),
        };
        let opened = Self { file, path: path.to_owned(), length, sums };
        opened.check_lengths()?;
        Ok(Some(opened))
    }

    pub fn is_summed(&self) -> bool {
        self.sums.is_some()
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are best read at once: whole parts, about as many as asked for.
    pub fn piece(&self, about: u64) -> u64 {
        let part = self.sums.as_ref().map_or(1, |sums| sums.bytes_per_sum);
        (about / part).max(1) * part
    }

    fn damage(&self, offset: u64, what: impl Into<String>) -> io::Error {
        Damage { path: self.path.clone(), offset, what: what.into() }.into()
    }

    fn check_lengths(&self) -> io::Result<()> {
        let Some(sums) = &self.sums else { return Ok(()) };
        let expected = HEADER as u64 + SUM as u64 * self.length.div_ceil(sums.bytes_per_sum);
        let found = sums.file.metadata()?.len();
        if found == expected {
            return Ok(());
        }
        let parts = found.saturating_sub(HEADER as u64) / SUM as u64;
        let offset = self.length.min(parts.saturating_mul(sums.bytes_per_sum));
        let (length, each, name) = (self.length, sums.bytes_per_sum, hidden_name(&self.path));
        Err(self
            .damage(offset, format!("it has {length} bytes, {name} has {parts} checksums of {each} each")))
    }

    /// Reads a part of the file, all of which must be there. Blocking.
    ///
    /// # Errors
    /// [`Damage`] within an `io::Error`, or what reading gives.
    pub fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let Some(sums) = &self.sums else {
            let mut bytes = vec![0; length_of(&range)?];
            self.file.read_exact_at(&mut bytes, range.start)?;
            return Ok(bytes.into());
        };
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let part = sums.bytes_per_sum;
        let (first, next) = (range.start / part, range.end.div_ceil(part));
        let covered = first * part..(next.saturating_mul(part)).min(self.length.max(range.end));
        let mut bytes = vec![0; length_of(&covered)?];
        self.file.read_exact_at(&mut bytes, covered.start)?;
        let mut expected = vec![0; length_of(&(first..next))?.saturating_mul(SUM)];
        sums.file.read_exact_at(&mut expected, HEADER as u64 + SUM as u64 * first)?;
        let size = usize::try_from(part).unwrap_or(usize::MAX);
        for ((nth, bytes), expected) in (first..).zip(bytes.chunks(size)).zip(expected.chunks(SUM)) {
            if crc32(bytes).to_be_bytes() != expected {
                let what = format!("its bytes do not match their checksum in {}", hidden_name(&self.path));
                return Err(self.damage(nth * part, what));
            }
        }
        let from = length_of(&(covered.start..range.start))?;
        Ok(Bytes::from(bytes).slice(from..from + length_of(&range)?))
    }
}

/// Opens the checksums that belong to this very file. They are removed before a file gets other bytes and
/// written after, so those found while the name still leads to the file are its own.
fn beside(file: &File, path: &Path) -> io::Result<Beside> {
    let Some(sums) = sums_of(path) else { return Ok(Beside::None) };
    let opened = match File::open(&sums) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Beside::None),
        Err(error) => return Err(error),
    };
    if !leads_to(path, file)? {
        return Ok(Beside::Replaced);
    }
    let mut header = [0; HEADER];
    let read = match opened.read_exact_at(&mut header, 0) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        read => read.ok().and_then(|()| bytes_per_sum(header)),
    };
    match read {
        Some(bytes_per_sum) => {
            Ok(Beside::Sums(OpenedSums { file: opened, bytes_per_sum: u64::from(bytes_per_sum) }))
        }
        None => {
            let what = format!("its checksums cannot be read: {} has no header", hidden_name(path));
            Err(Damage { path: path.to_owned(), offset: 0, what }.into())
        }
    }
}

/// Whether a name (still) stands for an opened file.
pub fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn hidden_name(path: &Path) -> String {
    let name = sums_of(path).unwrap_or_default();
    name.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn length_of(range: &Range<u64>) -> io::Result<usize> {
    usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)
}

/// Reads a whole file against its checksums. Blocking.
///
/// # Errors
/// [`Damage`] within an `io::Error`, or what reading gives.
pub fn read_file(path: &Path) -> io::Result<Bytes> {
    let file = VerifiedFile::open(path)?;
    file.read(0..file.length())
}
