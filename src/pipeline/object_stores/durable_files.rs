//! Files of this machine as an object store whose puts outlive a power cut.

use super::checksums::{holds_sums, place_of_sums, sums_of};
use super::publish::{Existing, Folders, flush_folder, folder_of, stage};
use super::sealing::{carry, clear, encoded_sums, remove_sums, write_sealed};
use super::upload::DurableUpload;
use super::verified::Damage;
use super::verified_reads::{ranges as verified_ranges, verified, verify_end};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::ready, stream::BoxStream};
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    RenameTargetMode, Result, local::LocalFileSystem, path::Path as ObjectPath,
};
use std::{
    fmt,
    fs::File,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A file that is replaced more often than this while it is opened is given up.
const OPENINGS: u32 = 16;

/// The local file system from its root. Whatever it writes is published only when flushed, as
/// `object_store` 0.13 itself never flushes, and has its checksums beside it in `.NAME.crc`. Whatever it
/// reads is held against the checksums that lie there; a file without them is read as it is. Listings
/// leave checksums out.
#[derive(Debug, Clone)]
pub struct DurableFiles {
    files: Arc<LocalFileSystem>,
    folders: Arc<Folders>,
}

impl Default for DurableFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for DurableFiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DurableFiles(file:///)")
    }
}

/// An I/O error as the store's callers know them.
pub(super) fn file_error(path: &Path, error: io::Error) -> Error {
    let (shown, kind) = (path.display().to_string(), error.kind());
    match kind {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path: shown, source: error.into() },
        io::ErrorKind::NotFound => Error::NotFound { path: shown, source: error.into() },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path: shown, source: error.into() },
        _ => match Damage::within(&error) {
            Some(damage) => Error::Generic { store: "files", source: Box::new(damage.clone()) },
            None => Error::Generic { store: "files", source: format!("{shown}: {error}").into() },
        },
    }
}

/// Checksums are no objects of their own.
fn is_listed(at: &ObjectPath) -> bool {
    !at.filename().is_some_and(holds_sums)
}

/// Runs file work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|source| Error::JoinError { source })?
}

impl DurableFiles {
    pub fn new() -> Self {
        Self { files: Arc::new(LocalFileSystem::new()), folders: Arc::new(Folders::default()) }
    }

    /// Makes a folder and flushes the way to it. Blocking.
    ///
    /// # Errors
    /// When it cannot be made or flushed.
    pub fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.folders.make(folder)
    }

    fn refused(&self, operation: &str) -> Error {
        Error::NotImplemented { operation: operation.to_owned(), implementer: self.to_string() }
    }

    /// A part that is not there is damage if the file should be longer.
    async fn explained(&self, at: &ObjectPath, error: Error) -> Error {
        match self.files.path_to_filesystem(at) {
            Ok(path) if !matches!(error, Error::NotFound { .. }) => {
                blocking(move || verify_end(&path)).await.err().unwrap_or(error)
            }
            _ => error,
        }
    }

    /// What comes before a file gets a second or another name: its checksums, and room for them there.
    async fn before_link(&self, from: &ObjectPath, to: &ObjectPath, existing: Existing) -> Result<Link> {
        let from = self.files.path_to_filesystem(from)?;
        let to = self.files.path_to_filesystem(to)?;
        blocking(move || {
            File::open(&from).map_err(|error| file_error(&from, error))?;
            let sums = encoded_sums(&from).map_err(|error| file_error(&from, error))?;
            let cleared = clear(&to, existing, sums.as_deref().unwrap_or_default());
            cleared.map_err(|error| file_error(&to, error))?;
            Ok(Link { from, to, sums })
        })
        .await
    }

    /// Makes a new name outlive a power cut, and then that of its checksums.
    async fn after_link(&self, link: Link, leaves: bool) -> Result<()> {
        let folders = Arc::clone(&self.folders);
        blocking(move || link.settle(leaves, &folders).map_err(|error| file_error(&link.to, error))).await
    }
}

/// A file that gets a second or another name, and its checksums.
struct Link {
    from: PathBuf,
    to: PathBuf,
    sums: Option<Vec<u8>>,
}

impl Link {
    fn settle(&self, leaves: bool, folders: &Folders) -> io::Result<()> {
        File::open(&self.to)?.sync_all()?;
        let folder = folder_of(&self.to)?;
        folders.make(folder)?;
        flush_folder(folder)?;
        carry(self.sums.as_deref(), &self.to, folders)?;
        if leaves {
            sums_of(&self.from).map_or(Ok(()), |sums| remove_sums(&sums))?;
            flush_folder(folder_of(&self.from)?)?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ObjectStore for DurableFiles {
    async fn put_opts(&self, at: &ObjectPath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let existing = match options.mode {
            PutMode::Overwrite => Existing::Replace,
            PutMode::Create => Existing::Refuse,
            PutMode::Update(_) => return Err(self.refused("put with PutMode::Update")),
        };
        if !options.attributes.is_empty() {
            return Err(self.refused("put with attributes"));
        }
        let path = self.files.path_to_filesystem(at)?;
        let folders = Arc::clone(&self.folders);
        blocking(move || {
            let pieces: Vec<&[u8]> = payload.iter().map(AsRef::as_ref).collect();
            write_sealed(&path, &pieces, existing, &folders).map_err(|error| file_error(&path, error))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        at: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            return Err(self.refused("put in parts with attributes"));
        }
        let path = self.files.path_to_filesystem(at)?;
        let folders = Arc::clone(&self.folders);
        let upload = blocking(move || match stage(&path, &folders) {
            Ok((file, staged)) => Ok(DurableUpload::new(file, staged, path, folders)),
            Err(error) => Err(file_error(&path, error)),
        });
        Ok(Box::new(upload.await?))
    }

    async fn get_opts(&self, at: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        for _ in 0..OPENINGS {
            let answer = match self.files.get_opts(at, options.clone()).await {
                Ok(answer) => answer,
                Err(error) => return Err(self.explained(at, error).await),
            };
            if options.head {
                return Ok(answer);
            }
            if let Some(answer) = verified(answer).await? {
                return Ok(answer);
            }
        }
        Err(Error::Generic { store: "files", source: format!("{at} is replaced all the time").into() })
    }

    async fn get_ranges(&self, at: &ObjectPath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.files.path_to_filesystem(at)?;
        let wanted = ranges.to_vec();
        match blocking(move || verified_ranges(&path, &wanted)).await? {
            Some(parts) => Ok(parts),
            None => match self.files.get_ranges(at, ranges).await {
                Ok(parts) => Ok(parts),
                Err(error) => Err(self.explained(at, error).await),
            },
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        let files = Arc::clone(&self.files);
        // First the checksums: without their file they could accuse one of the same name that comes later.
        let unsealed = locations.and_then(move |at| {
            let path = files.path_to_filesystem(&at);
            blocking(move || {
                let path = path?;
                let removed = place_of_sums(&path).map_or(Ok(()), |sums| remove_sums(&sums));
                removed.map(|()| at).map_err(|error| file_error(&path, error))
            })
        });
        self.files.delete_stream(unsealed.boxed())
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix).try_filter(|object| ready(is_listed(&object.location))).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&ObjectPath>,
        offset: &ObjectPath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = self.files.list_with_offset(prefix, offset);
        listed.try_filter(|object| ready(is_listed(&object.location))).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        let mut listed = self.files.list_with_delimiter(prefix).await?;
        listed.objects.retain(|object| is_listed(&object.location));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        let existing = match options.mode {
            CopyMode::Overwrite => Existing::Replace,
            CopyMode::Create => Existing::Refuse,
        };
        let link = self.before_link(from, to, existing).await?;
        self.files.copy_opts(from, to, options).await?;
        self.after_link(link, false).await
    }

    async fn rename_opts(&self, from: &ObjectPath, to: &ObjectPath, options: RenameOptions) -> Result<()> {
        let existing = match options.target_mode {
            RenameTargetMode::Overwrite => Existing::Replace,
            RenameTargetMode::Create => Existing::Refuse,
        };
        let link = self.before_link(from, to, existing).await?;
        self.files.rename_opts(from, to, options).await?;
        self.after_link(link, true).await
    }
}
