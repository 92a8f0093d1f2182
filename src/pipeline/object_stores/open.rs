//! From the address in a topology to a store that can be written to.

use super::DurableFiles;
use object_store::{
    ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    path::Path as ObjectPath,
};
use std::{
    fmt,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// A store and the folder in it that an address names.
#[derive(Clone)]
pub struct OpenedStore {
    /// Covers the whole file system or bucket: object paths start with `prefix`.
    pub store: Arc<dyn ObjectStore>,
    pub prefix: ObjectPath,
    /// The address in full, with a slash at its end: `file:///data/raw/` or `s3://bucket/prefix/`.
    pub url: Url,
}

impl fmt::Debug for OpenedStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OpenedStore").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Why an address names no usable store. Never holds credentials.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "store {address:?} is no address; write file://FOLDER, file:///ABSOLUTE/FOLDER or s3://BUCKET/PREFIX"
    )]
    Address { address: String },
    #[error("store {address:?} has scheme {scheme:?}; known are file and s3")]
    Scheme { address: String, scheme: String },
    #[error(
        "store {address:?} holds credentials; leave them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Credentials { address: String },
    #[error("store {address:?} has {part:?} in its path; write the folder without it")]
    Part { address: String, part: String },
    #[error("store {address:?} names no bucket; write s3://BUCKET/PREFIX")]
    Bucket { address: String },
    #[error("making folder {folder}: {source}; choose a folder that can be written to")]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("folder {folder} cannot be used as a store: {source}")]
    Path { folder: PathBuf, source: object_store::path::Error },
    #[error("bucket {bucket}: {source}; check the AWS_* environment variables")]
    Unusable { bucket: String, source: object_store::Error },
}

/// An address taken apart, before anything is opened.
enum Address {
    Folder(PathBuf),
    Bucket { bucket: String, prefix: String },
}

/// The address without what may stand before an `@`.
fn without_credentials(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://...@{rest}"),
        (None, Some((_, rest))) => format!("...@{rest}"),
        _ => address.to_owned(),
    }
}

fn folder(address: &str, rest: &str, data: &Path) -> Result<PathBuf, StoreError> {
    let written = Path::new(rest);
    for part in written.components() {
        if matches!(part, Component::ParentDir | Component::CurDir | Component::Prefix(_)) {
            let part = part.as_os_str().to_string_lossy().into_owned();
            return Err(StoreError::Part { address: address.to_owned(), part });
        }
    }
    let joined = data.join(written);
    std::path::absolute(&joined).map_err(|source| StoreError::Folder { folder: joined, source })
}

fn bucket(address: &str, rest: &str) -> Result<Address, StoreError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || !bucket.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
        return Err(StoreError::Bucket { address: address.to_owned() });
    }
    let prefix = prefix.trim_matches('/');
    if let Some(part) = prefix.split('/').find(|part| matches!(*part, "." | "..")) {
        return Err(StoreError::Part { address: address.to_owned(), part: part.to_owned() });
    }
    Ok(Address::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

fn read_address(address: &str, data: &Path) -> Result<Address, StoreError> {
    let shown = without_credentials(address);
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(StoreError::Address { address: shown });
    };
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err(StoreError::Credentials { address: shown });
    }
    if rest.trim_matches('/').is_empty() {
        return Err(StoreError::Address { address: shown });
    }
    if let Some(part) = rest.chars().find(|c| matches!(c, '?' | '#' | '*' | '\\') || c.is_control()) {
        return Err(StoreError::Part { address: shown, part: part.to_string() });
    }
    match scheme {
        "file" => folder(&shown, rest, data).map(Address::Folder),
        "s3" => bucket(&shown, rest),
        _ => Err(StoreError::Scheme { address: shown, scheme: scheme.to_owned() }),
    }
}

/// Checks an address without opening or making anything.
///
/// # Errors
/// See [`StoreError`].
pub fn check_address(address: &str) -> Result<(), StoreError> {
    read_address(address, Path::new("/")).map(|_| ())
}

/// The folder of this machine that an address names, which need not exist; `None` for other stores and
/// for what is no address.
pub fn local_folder(address: &str, data: &Path) -> Option<PathBuf> {
    match read_address(address, data).ok()? {
        Address::Folder(folder) => Some(folder),
        Address::Bucket { .. } => None,
    }
}

/// Opens the store an address names; relative `file://` folders lie below `data`. Folders are made.
///
/// # Errors
/// When the address is malformed, the folder cannot be made or the environment's AWS settings are
/// unusable. A bucket is not contacted before it is first used.
pub fn open_store(address: &str, data: &Path) -> Result<OpenedStore, StoreError> {
    match read_address(address, data)? {
        Address::Folder(folder) => open_folder(folder),
        Address::Bucket { bucket, prefix } => open_bucket(address, &bucket, &prefix),
    }
}

fn open_folder(folder: PathBuf) -> Result<OpenedStore, StoreError> {
    let files = DurableFiles::new();
    if let Err(source) = files.make_folder(&folder) {
        return Err(StoreError::Folder { folder, source });
    }
    let prefix = match ObjectPath::from_absolute_path(&folder) {
        Ok(prefix) => prefix,
        Err(source) => return Err(StoreError::Path { folder, source }),
    };
    let url = Url::from_directory_path(&folder)
        .map_err(|()| StoreError::Address { address: folder.display().to_string() })?;
    Ok(OpenedStore { store: Arc::new(files), prefix, url })
}

fn open_bucket(address: &str, bucket: &str, prefix: &str) -> Result<OpenedStore, StoreError> {
    let retry =
        RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
    let endpoints = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let endpoint = endpoints.iter().find_map(|key| builder.get_config_value(key));
    let builder = match endpoint {
        // A server of one's own: the bucket is in the path, as its name is in nobody's DNS.
        Some(endpoint) => builder
            .with_virtual_hosted_style_request(false)
            .with_allow_http(endpoint.to_ascii_lowercase().starts_with("http://")),
        None => builder,
    };
    let store =
        builder.build().map_err(|source| StoreError::Unusable { bucket: bucket.to_owned(), source })?;
    let slash = if prefix.is_empty() { "" } else { "/" };
    let url = Url::parse(&format!("s3://{bucket}/{prefix}{slash}"))
        .map_err(|_| StoreError::Address { address: without_credentials(address) })?;
    Ok(OpenedStore { store: Arc::new(store), prefix: ObjectPath::from(prefix), url })
}
