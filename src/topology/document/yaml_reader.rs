//! YAML into the located tree, from the parser's events: a tree that is built here can refuse
//! double keys and bound what aliases expand to.

use super::{Entry, Node, Position, Value};
use crate::topology::fault::Problem;
use indexmap::IndexMap;
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::collections::BTreeMap;

/// Most values of a file, with aliases expanded; a topology has hundreds.
const MOST_NODES: usize = 100_000;
const DEEPEST: usize = 64;

type Refusal = (Position, Problem);

/// Reads the text; the first fault of syntax ends it.
pub(super) fn read(text: &str) -> Result<Node, Vec<Refusal>> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0, depth: 0 };
    reader.document().map_err(|refusal| vec![refusal])
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Refusal> {
        let empty = Node { value: Value::Table(IndexMap::new()), position: Position { line: 1, column: 1 } };
        let mut document = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                event if document.is_none() => document = Some(self.node(event, span)?),
                _ => return Err(refusal(span, "a topology is one document; remove what follows \"---\"")),
            }
        }
        Ok(document.filter(|node| node.value != Value::Null).unwrap_or(empty))
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Refusal> {
        self.parser.next_event().transpose().map_err(|error| {
            let position = place(error.marker().line(), error.marker().col());
            (position, Problem::Syntax { message: error.info().to_owned() })
        })
    }

    fn expect(&mut self, opened: Span) -> Result<(Event<'a>, Span), Refusal> {
        self.next()?.ok_or_else(|| refusal(opened, "the file ends within this value"))
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Refusal> {
        let before = self.nodes;
        self.count(1, span)?;
        let position = place(span.start.line(), span.start.col());
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, position),
            Event::Scalar(text, ScalarStyle::Literal, anchor, _) => {
                // The parser gives the place of the first line that is not empty.
                let empty = text.chars().take_while(|letter| *letter == '\n').count();
                (
                    Node::long_text(text.into_owned(), position, position.line.saturating_sub(empty)).value,
                    anchor,
                )
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref())
                    .ok_or_else(|| refusal(span, "the value does not fit its tag"))?;
                (scalar_value(scalar, span)?, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(span)?, anchor),
            Event::MappingStart(anchor, _) => (self.table(span)?, anchor),
            _ => return Err(refusal(span, "a value is missing")),
        };
        let node = Node { value, position };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span, position: Position) -> Result<Node, Refusal> {
        let found = self.anchors.get(&anchor).cloned();
        let (node, size) = found.ok_or_else(|| refusal(span, "an alias of something not yet complete"))?;
        self.count(size, span)?;
        Ok(Node { position, ..node })
    }

    fn list(&mut self, opened: Span) -> Result<Value, Refusal> {
        self.descend(opened)?;
        let mut items = Vec::new();
        loop {
            let (event, span) = self.expect(opened)?;
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, span)?);
        }
        self.depth -= 1;
        Ok(Value::List(items))
    }

    fn table(&mut self, opened: Span) -> Result<Value, Refusal> {
        self.descend(opened)?;
        let mut entries = IndexMap::new();
        loop {
            let (event, span) = self.expect(opened)?;
            let name = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(refusal(span, "a field's name must be a plain text")),
            };
            let key = place(span.start.line(), span.start.col());
            let (event, span) = self.expect(opened)?;
            let node = self.node(event, span)?;
            if entries.insert(name.clone(), Entry { key, node }).is_some() {
                return Err((key, Problem::Syntax { message: format!("the field {name:?} is given twice") }));
            }
        }
        self.depth -= 1;
        Ok(Value::Table(entries))
    }

    fn descend(&mut self, span: Span) -> Result<(), Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(refusal(span, "values lie too deep within each other"));
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Refusal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES {
            return Err(refusal(span, "the aliases of this file expand to too many values"));
        }
        Ok(())
    }
}

fn scalar_value(scalar: Scalar<'_>, span: Span) -> Result<Value, Refusal> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Boolean(value),
        Scalar::Integer(value) => Value::Integer(value),
        Scalar::FloatingPoint(value) if value.is_finite() => Value::Number(value.into_inner()),
        Scalar::FloatingPoint(_) => return Err(refusal(span, "the number is not finite")),
        Scalar::String(text) => Node::text(text.into_owned(), Position::default()).value,
    })
}

fn place(line: usize, column_from_zero: usize) -> Position {
    Position { line, column: column_from_zero + 1 }
}

fn refusal(span: Span, message: &str) -> Refusal {
    (place(span.start.line(), span.start.col()), Problem::Syntax { message: message.to_owned() })
}
