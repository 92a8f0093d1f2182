//! Object stores by address: folders of this machine, flushed before anything relies on them, and S3.

mod durable_files;
mod open;
mod publish;
mod upload;

#[cfg(test)]
mod tests;

pub use durable_files::DurableFiles;
pub use open::{OpenedStore, StoreError, check_address, open_store};
pub use publish::replace_file;
