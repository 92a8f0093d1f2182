//! Finding and listing streams.

use super::{Directory, DirectoryError, StreamIdentity, StreamResource};
use crate::pipeline::now_ms;
use std::{ops::Bound, sync::Arc};

/// How a caller names a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector<'a> {
    Name(&'a str),
    Arn(&'a str),
    Id(&'a str),
}

impl Directory {
    /// The stream that a caller of this account and region means.
    ///
    /// # Errors
    /// [`DirectoryError::StreamNotFound`].
    pub fn find(
        &self,
        account: &str,
        region: &str,
        selector: Selector<'_>,
    ) -> Result<Arc<StreamResource>, DirectoryError> {
        let identity = match selector {
            Selector::Name(name) => StreamIdentity::new(account, region, name),
            Selector::Arn(arn) => {
                let unreadable = || StreamIdentity::new(account, region, arn);
                StreamIdentity::of_arn(arn).unwrap_or_else(unreadable)
            }
            Selector::Id(id) => {
                let found = self.reading().values().find(|resource| resource.id == id).cloned();
                let found = found.filter(|resource| !resource.is_over(now_ms()));
                let unknown = || DirectoryError::StreamNotFound(StreamIdentity::new(account, region, id));
                return found.ok_or_else(unknown);
            }
        };
        self.get(&identity).ok_or(DirectoryError::StreamNotFound(identity))
    }

    /// A stream by its identity.
    pub fn get(&self, identity: &StreamIdentity) -> Option<Arc<StreamResource>> {
        let found = self.reading().get(identity).cloned();
        found.filter(|resource| !resource.is_over(now_ms()))
    }

    /// The streams of an account and region by name, at most `most` after the name `after`; true when
    /// there are more.
    pub fn list(
        &self,
        account: &str,
        region: &str,
        after: Option<&str>,
        most: usize,
    ) -> (Vec<Arc<StreamResource>>, bool) {
        let now_ms = now_ms();
        let from = StreamIdentity::new(account, region, after.unwrap_or_default());
        let streams = self.reading();
        let following = streams.range((Bound::Excluded(from), Bound::Unbounded));
        let own = following
            .map(|(_, resource)| resource)
            .take_while(|resource| {
                let identity = &resource.identity;
                (identity.account.as_str(), identity.region.as_str()) == (account, region)
            })
            .filter(|resource| !resource.is_over(now_ms));
        let mut listed: Vec<_> = own.take(most.saturating_add(1)).cloned().collect();
        let has_more = listed.len() > most;
        listed.truncate(most);
        (listed, has_more)
    }

    /// All streams of an account and region.
    pub(super) fn all_of(&self, account: &str, region: &str) -> Vec<Arc<StreamResource>> {
        self.list(account, region, None, usize::MAX).0
    }
}
