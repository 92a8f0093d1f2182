//! Files of this machine as an object store whose puts outlive a power cut.

use super::publish::{Existing, Folders, flush_folder, folder_of, publish, stage};
use super::upload::DurableUpload;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use std::{fmt, fs::File, io, ops::Range, path::Path, sync::Arc};

/// The local file system from its root. Reads are `object_store`'s own; whatever it writes is
/// published only when flushed, as `object_store` 0.13 itself never flushes.
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
        _ => Error::Generic { store: "files", source: format!("{shown}: {error}").into() },
    }
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

    /// Makes what another call has linked under `to` outlive a power cut.
    async fn flush_link(&self, to: &ObjectPath, from: Option<&ObjectPath>) -> Result<()> {
        let path = self.files.path_to_filesystem(to)?;
        let left = from.map(|from| self.files.path_to_filesystem(from)).transpose()?;
        let folders = Arc::clone(&self.folders);
        blocking(move || {
            let flush = || {
                File::open(&path)?.sync_all()?;
                let folder = folder_of(&path)?;
                folders.make(folder)?;
                flush_folder(folder)?;
                left.as_deref().map(folder_of).transpose()?.map_or(Ok(()), flush_folder)
            };
            flush().map_err(|error| file_error(&path, error))
        })
        .await
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
            let put = || {
                let (file, staged) = stage(&path, &folders)?;
                let written = payload.iter().try_for_each(|piece| io::Write::write_all(&mut &file, piece));
                if let Err(error) = written {
                    let _ = std::fs::remove_file(&staged);
                    return Err(error);
                }
                publish(&file, &staged, &path, existing)
            };
            put().map_err(|error| file_error(&path, error))
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
            Ok((file, staged)) => Ok(DurableUpload::new(file, staged, path)),
            Err(error) => Err(file_error(&path, error)),
        });
        Ok(Box::new(upload.await?))
    }

    async fn get_opts(&self, at: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(at, options).await
    }

    async fn get_ranges(&self, at: &ObjectPath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(at, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&ObjectPath>,
        offset: &ObjectPath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.flush_link(to, None).await
    }

    async fn rename_opts(&self, from: &ObjectPath, to: &ObjectPath, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        self.flush_link(to, Some(from)).await
    }
}
