//! Reads of an object store answered from verified files.

use super::durable_files::{blocking, file_error};
use super::verified::VerifiedFile;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{GetResult, GetResultPayload, Result};
use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes read and verified at a time.
const PIECE: u64 = 1 << 20;

/// The answer with its bytes verified as they are handed on; `None` when the file was replaced since it
/// was opened, and is to be opened again. Files without checksums are handed on as they are.
///
/// # Errors
/// When the checksums are damaged or of another length.
pub async fn verified(answer: GetResult) -> Result<Option<GetResult>> {
    let GetResult { payload, meta, range, attributes } = answer;
    let GetResultPayload::File(file, path) = payload else {
        return Ok(Some(GetResult { payload, meta, range, attributes }));
    };
    let Some((opened, path)) = blocking(move || over(file, path)).await? else { return Ok(None) };
    let payload = match opened {
        Opened::Plain(file) => GetResultPayload::File(file, path),
        Opened::Summed(file) => GetResultPayload::Stream(pieces(file, path, range.clone())),
    };
    Ok(Some(GetResult { payload, meta, range, attributes }))
}

enum Opened {
    Plain(File),
    Summed(VerifiedFile),
}

fn over(file: File, path: PathBuf) -> Result<Option<(Opened, PathBuf)>> {
    let failed = |error| file_error(&path, error);
    let plain = file.try_clone().map_err(failed)?;
    let Some(opened) = VerifiedFile::over(file, &path).map_err(failed)? else { return Ok(None) };
    let opened = if opened.is_summed() { Opened::Summed(opened) } else { Opened::Plain(plain) };
    Ok(Some((opened, path)))
}

fn pieces(file: VerifiedFile, path: PathBuf, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    let piece = file.piece(PIECE);
    let Range { start, end } = range;
    let shared = Arc::new((file, path));
    let next = move |at: u64| {
        let shared = Arc::clone(&shared);
        async move {
            if at >= end {
                return Ok(None);
            }
            // Pieces end where parts do, so that no part is read twice.
            let until = ((at / piece + 1).saturating_mul(piece)).min(end);
            let bytes = blocking(move || {
                let (file, path) = &*shared;
                file.read(at..until).map_err(|error| file_error(path, error))
            });
            Ok(Some((bytes.await?, until)))
        }
    };
    futures::stream::try_unfold(start, next).boxed()
}

/// Several parts of one file; `None` when one of them reaches beyond its end. Blocking.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn ranges(path: &Path, ranges: &[Range<u64>]) -> Result<Option<Vec<Bytes>>> {
    let failed = |error| file_error(path, error);
    let file = VerifiedFile::open(path).map_err(failed)?;
    if ranges.iter().any(|range| range.start > range.end || range.end > file.length()) {
        return Ok(None);
    }
    ranges
        .iter()
        .map(|range| file.read(range.clone()))
        .collect::<std::io::Result<_>>()
        .map(Some)
        .map_err(failed)
}

/// Finds out whether a file has lost its end. Blocking.
///
/// # Errors
/// When it has, or it cannot be read.
pub fn verify_end(path: &Path) -> Result<()> {
    let failed = |error| file_error(path, error);
    let file = VerifiedFile::open(path).map_err(failed)?;
    file.read(file.length().saturating_sub(1)..file.length()).map(drop).map_err(failed)
}
