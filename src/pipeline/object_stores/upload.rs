//! A file written in parts and published at the end.

use super::checksums::Sums;
use super::durable_files::{blocking, file_error};
use super::publish::{Existing, Folders};
use super::sealing::publish_sealed;
use futures::FutureExt;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use std::{fs::File, os::unix::fs::FileExt, path::PathBuf, sync::Arc};

/// Parts go to their place in the staged file in any order; `complete` flushes and publishes it.
#[derive(Debug)]
pub struct DurableUpload {
    file: Arc<File>,
    /// Taken when the upload is completed or given up.
    staged: Option<PathBuf>,
    path: PathBuf,
    offset: u64,
    /// Parts are handed over in order, so that they are summed before anything else touches them.
    sums: Sums,
    folders: Arc<Folders>,
}

impl DurableUpload {
    pub fn new(file: File, staged: PathBuf, path: PathBuf, folders: Arc<Folders>) -> Self {
        let (file, staged) = (Arc::new(file), Some(staged));
        Self { file, staged, path, offset: 0, sums: Sums::default(), folders }
    }

    fn take_staged(&mut self) -> Result<PathBuf> {
        let used = || std::io::Error::other("the upload has already ended");
        self.staged.take().ok_or_else(|| file_error(&self.path, used()))
    }
}

#[async_trait::async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let start = self.offset;
        self.offset += data.content_length() as u64;
        data.iter().for_each(|piece| self.sums.add(piece));
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || {
            let mut at = start;
            for piece in &data {
                file.write_all_at(piece, at).map_err(|error| file_error(&path, error))?;
                at += piece.len() as u64;
            }
            Ok(())
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.take_staged()?;
        let (file, path, folders) = (Arc::clone(&self.file), self.path.clone(), Arc::clone(&self.folders));
        let sums = std::mem::take(&mut self.sums);
        blocking(move || {
            publish_sealed(&file, &staged, &path, Existing::Replace, sums, &folders)
                .map_err(|error| file_error(&path, error))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self.take_staged()?;
        let path = self.path.clone();
        blocking(move || std::fs::remove_file(&staged).map_err(|error| file_error(&path, error))).await
    }
}

impl Drop for DurableUpload {
    fn drop(&mut self) {
        if let Some(staged) = self.staged.take() {
            // Unlinking is quick, and a leftover would only take room.
            let _ = std::fs::remove_file(staged);
        }
    }
}
