//! The canonical form of a request, over which its signature goes.

use super::{claim::Claim, digest::sha256_hex};
use std::{borrow::Cow, fmt::Write as _};

/// A request as it came, for who verifies it.
#[derive(Debug, Clone)]
pub struct SignedRequest<'r> {
    pub method: &'r str,
    /// As it stands in the request line, without the query.
    pub path: &'r str,
    pub query: &'r str,
    /// Names in lower case; a header that came twice is there twice. HTTP/2's authority as
    /// `host` and `:authority`.
    pub headers: Cow<'r, [(String, String)]>,
    pub body: &'r [u8],
}

impl SignedRequest<'_> {
    /// The values of a header, with commas between.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| trimmed(value));
        let first = values.next()?;
        Some(values.fold(first, |all, value| all + "," + &value))
    }

    /// The decoded value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        pairs(self.query).find(|(known, _)| known == name.as_bytes()).map(|(_, value)| text(value))
    }

    /// The request as it is signed. The digest is that of the body that came, whatever a header says
    /// of it: so a body that was changed has no valid signature.
    pub(super) fn canonical(&self, claim: &Claim) -> String {
        let mut headers = String::new();
        for name in &claim.signed_headers {
            let value = self.header(name).unwrap_or_default();
            // Writing to a string does not fail.
            let _ = writeln!(headers, "{name}:{value}");
        }
        format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            self.method,
            canonical_path(self.path),
            canonical_query(self.query),
            claim.signed_headers.join(";"),
            sha256_hex(self.body)
        )
    }
}

/// Without spaces at the ends, each run of spaces within as one.
fn trimmed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The path without empty and dotted segments, each encoded once more than it came.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            plain => segments.push(plain),
        }
    }
    let ends_in_slash = path.ends_with('/') && !segments.is_empty();
    let encoded: Vec<String> = segments.into_iter().map(|segment| encoded(segment.as_bytes())).collect();
    format!("/{}{}", encoded.join("/"), if ends_in_slash { "/" } else { "" })
}

/// Names and values in the one way of encoding them, sorted; without the signature itself.
fn canonical_query(query: &str) -> String {
    let signed = pairs(query).filter(|(name, _)| name != b"X-Amz-Signature");
    let mut pairs: Vec<(String, String)> =
        signed.map(|(name, value)| (encoded(&name), encoded(&value))).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Decoded names and values.
fn pairs(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent escapes undone; what is none stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digit = |at: usize| others.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escape = (*first == b'%').then(|| Some(digit(0)? * 16 + digit(1)?)).flatten();
        match escape.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    bytes
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_the_published_vectors_say() {
        for (path, canonical) in [
            ("/", "/"),
            ("/example/..", "/"),
            ("/./", "/"),
            ("/./example", "/example"),
            ("//", "/"),
            ("//example//", "/example/"),
            ("/example1/example2/../..", "/"),
            ("/\u{1234}", "/%E1%88%B4"),
            ("/-._~0123456789abcdefghijklmnopqrstuvwxyz", "/-._~0123456789abcdefghijklmnopqrstuvwxyz"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn parameters_are_sorted_by_name_then_value_and_encoded_in_one_way() {
        assert_eq!(canonical_query("Param2=value2&Param1=value1"), "Param1=value1&Param2=value2");
        assert_eq!(canonical_query("Param1=value2&Param1=Value1"), "Param1=Value1&Param1=value2");
        assert_eq!(canonical_query("a=b%2fc&X-Amz-Signature=x&empty"), "a=b%2Fc&empty=");
        assert_eq!(canonical_query("%E1%88%B4=bar"), "%E1%88%B4=bar");
        assert_eq!(canonical_query("a=%zz%"), "a=%25zz%25");
    }
}
