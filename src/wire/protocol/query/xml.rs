//! The typed tree to XML.

use super::Query;
use crate::wire::protocol::{
    Content, Name, Output, QueryName, Row, ServiceError, Timestamp, blob, decimal::Digits,
};

/// Writes the answers of one operation.
#[derive(Debug)]
pub struct Xml<'q> {
    query: &'q Query,
    operation: &'q str,
    out: String,
}

impl<'q> Xml<'q> {
    /// `<OPERATIONResponse>` with `<OPERATIONResult>`, if there is one, and the request's id.
    pub fn response(
        query: &'q Query,
        operation: &'q str,
        output: Option<&Output>,
        request_id: &str,
    ) -> Vec<u8> {
        let mut xml = Self { query, operation, out: String::with_capacity(256) };
        xml.begin("Response");
        if let Some(output) = output {
            xml.out.push_str(&format!("<{operation}Result>"));
            xml.fields(output);
            xml.out.push_str(&format!("</{operation}Result>"));
        }
        xml.out.push_str("<ResponseMetadata>");
        xml.element("RequestId", request_id);
        xml.out.push_str(&format!("</ResponseMetadata></{operation}Response>"));
        xml.out.into_bytes()
    }

    /// `<ErrorResponse>`.
    pub fn error(query: &'q Query, error: &ServiceError, request_id: &str) -> Vec<u8> {
        let mut xml = Self { query, operation: "Error", out: String::with_capacity(256) };
        xml.begin("Response");
        xml.out.push_str("<Error>");
        xml.element("Type", error.fault());
        xml.element("Code", &(query.told)(error.code).code);
        xml.element("Message", &error.message);
        xml.out.push_str("<Detail/></Error>");
        xml.element("RequestId", request_id);
        xml.out.push_str("</ErrorResponse>");
        xml.out.into_bytes()
    }

    fn begin(&mut self, ending: &str) {
        let (operation, namespace) = (self.operation, self.query.namespace);
        self.out.push_str(&format!("<?xml version=\"1.0\"?><{operation}{ending} xmlns=\"{namespace}\">"));
    }

    fn fields(&mut self, output: &Output) {
        for (name, value) in &output.0 {
            self.member(name, value);
        }
    }

    fn member(&mut self, name: &'static str, value: &Content) {
        let element = || (self.query.element)(self.operation, name);
        match value {
            Content::List(items) => {
                let QueryName { name, .. } = element();
                items.iter().for_each(|item| self.item(name, item));
            }
            Content::Rows(rows) => {
                let QueryName { name, .. } = element();
                for place in 0..rows.count() {
                    self.out.push_str(&format!("<{name}>"));
                    rows.tell(place, self);
                    self.out.push_str(&format!("</{name}>"));
                }
            }
            Content::Map(entries) => {
                let QueryName { name, key } = element();
                for (entry, value) in entries {
                    self.out.push_str(&format!("<{name}>"));
                    self.element(key, entry);
                    self.item("Value", value);
                    self.out.push_str(&format!("</{name}>"));
                }
            }
            value => self.item(name, value),
        }
    }

    fn item(&mut self, name: &'static str, value: &Content) {
        match value {
            Content::Text(text) => self.element(name, text),
            Content::Blob(bytes) => self.base64(name, bytes),
            Content::Integer(number) => self.element(name, &number.to_string()),
            Content::Double(number) => self.element(name, &number.to_string()),
            Content::Boolean(is) => self.element(name, &is.to_string()),
            Content::Timestamp(time) => self.element(name, &time.seconds().to_string()),
            Content::Structure(output) => {
                self.out.push_str(&format!("<{name}>"));
                self.fields(output);
                self.out.push_str(&format!("</{name}>"));
            }
            nested => self.member(name, nested),
        }
    }

    fn base64(&mut self, name: &str, bytes: &[u8]) {
        let mut encoded = Vec::new();
        blob::encode(bytes, &mut encoded);
        self.element(name, &String::from_utf8_lossy(&encoded));
    }

    fn element(&mut self, name: &str, text: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        escape(text, &mut self.out);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

impl Row for Xml<'_> {
    fn text(&mut self, name: &'static Name, text: &str) {
        self.element(name.text, text);
    }

    fn number(&mut self, name: &'static Name, _length: usize, digits: &dyn Fn() -> Digits) {
        self.element(name.text, digits().as_str());
    }

    fn blob(&mut self, name: &'static Name, bytes: &[u8]) {
        self.base64(name.text, bytes);
    }

    fn timestamp(&mut self, name: &'static Name, time: Timestamp) {
        self.element(name.text, &time.seconds().to_string());
    }
}

/// Appends a text; what XML 1.0 cannot hold becomes the replacement character.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A parser would make a line feed of it.
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            plain => out.push(plain),
        }
    }
}
