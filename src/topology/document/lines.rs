//! From an offset in a text to a line and column.

use super::Position;

/// Where the lines of a text begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, starts: std::iter::once(0).chain(breaks.map(|(place, _)| place + 1)).collect() }
    }

    /// Whether a text of several lines that opens at `offset` begins on the next line.
    pub(super) fn breaks_after_quotes(&self, offset: usize) -> bool {
        let opening = self.text.get(offset..).unwrap_or_default();
        let inner = opening.strip_prefix("\"\"\"").or_else(|| opening.strip_prefix("'''"));
        inner.is_some_and(|inner| inner.starts_with('\n') || inner.starts_with("\r\n"))
    }

    /// The line and column of a byte offset; columns count characters.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }
}
