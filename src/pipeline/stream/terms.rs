//! What a stream goes by: the topology's section, and above it what was set at run time.

use super::{Limits, StreamSection, stream::Meters};
use crate::units::{ByteSize, Span};
use std::sync::Arc;

/// Fields that were set at run time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub retention: Option<Span>,
    pub max_record: Option<ByteSize>,
    /// Limits of each shard, or none whatever the section says.
    pub limits: Option<Option<Limits>>,
}

#[derive(Debug)]
pub(super) struct Terms {
    declared: StreamSection,
    overrides: Overrides,
    effective: Arc<StreamSection>,
    pub meters: Meters,
}

impl Terms {
    pub(super) fn new(declared: StreamSection, meters: Meters) -> Self {
        let effective = Arc::new(declared.clone());
        Self { declared, overrides: Overrides::default(), effective, meters }
    }

    pub(super) fn section(&self) -> Arc<StreamSection> {
        Arc::clone(&self.effective)
    }

    pub(super) fn redefine(&mut self, section: StreamSection) {
        self.declared = section;
        self.settle();
    }

    pub(super) fn set_above(&mut self, overrides: Overrides) {
        self.overrides = overrides;
        self.settle();
    }

    fn settle(&mut self) {
        let Overrides { retention, max_record, limits } = self.overrides.clone();
        let declared = self.declared.clone();
        self.effective = Arc::new(StreamSection {
            retention: retention.unwrap_or(declared.retention),
            max_record: max_record.unwrap_or(declared.max_record),
            limits: limits.unwrap_or(declared.limits),
            ..declared
        });
    }
}
