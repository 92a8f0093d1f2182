//! TOML into the located tree.

use super::{Entry, Node, Position, Value, lines::Lines};
use crate::topology::fault::Problem;
use indexmap::IndexMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reads the text; on faults of syntax, all that were found.
pub(super) fn read(text: &str) -> Result<Node, Vec<(Position, Problem)>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut reader = Reader { lines, problems: Vec::new() };
        let root = reader.table(table.get_ref(), Position { line: 1, column: 1 });
        return if reader.problems.is_empty() { Ok(root) } else { Err(reader.problems) };
    }
    let faults = errors.iter().map(|error| {
        let position = error.span().map_or_else(Position::default, |span| lines.position(span.start));
        (position, Problem::Syntax { message: one_line(error.message()) })
    });
    Err(faults.collect())
}

fn one_line(message: &str) -> String {
    message.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

struct Reader<'a> {
    lines: Lines<'a>,
    problems: Vec<(Position, Problem)>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, position: Position) -> Node {
        let mut fields: Vec<_> = table.iter().collect();
        // The crate sorts by name; people mean the order of the file.
        fields.sort_by_key(|(key, _)| key.span().start);
        let mut entries = IndexMap::new();
        for (key, value) in fields {
            let key_position = self.lines.position(key.span().start);
            let node = self.value(value);
            entries.insert(key.get_ref().to_string(), Entry { key: key_position, node });
        }
        Node { value: Value::Table(entries), position }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Node {
        let position = self.lines.position(value.span().start);
        let read = match value.get_ref() {
            DeValue::String(text) => {
                // A line break right after the opening quotes is not part of the text.
                let line = position.line + usize::from(self.lines.breaks_after_quotes(value.span().start));
                return Node::long_text(text.to_string(), position, line);
            }
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(value) => Value::Integer(value),
                Err(_) => self.refuse(position, &format!("{integer} is too large a number")),
            },
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(value) if value.is_finite() => Value::Number(value),
                _ => self.refuse(position, &format!("{float} is not a finite number")),
            },
            // JSON has no dates, so neither has a topology: they are texts.
            DeValue::Datetime(moment) => return Node::text(moment.to_string(), position),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => return self.table(table, position),
        };
        Node { value: read, position }
    }

    fn refuse(&mut self, position: Position, message: &str) -> Value {
        self.problems.push((position, Problem::Syntax { message: message.to_owned() }));
        Value::Null
    }
}
