//! Finds one field of a JSON value by its pointer, without building the value.

use super::ConditionError;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// A JSON pointer (RFC 6901), read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    tokens: Vec<String>,
}

impl Pointer {
    /// Reads a pointer such as `/station/id`; `None` when it does not begin with a slash.
    pub(super) fn read(text: &str) -> Option<Self> {
        let tokens = text.strip_prefix('/')?.split('/');
        let tokens = tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        Some(Self { text: text.to_owned(), tokens })
    }

    /// The same for the pointer of a stream's section.
    pub(super) fn of_partition_key(text: &str) -> Result<Self, ConditionError> {
        Self::read(text).ok_or_else(|| ConditionError {
            field: text.to_owned(),
            what: "partition_key is not a JSON pointer; write it as \"/name\"".to_owned(),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The field's bytes in a valid JSON value; `None` when it is missing.
    pub(super) fn find<'v>(&self, value: &'v [u8]) -> Option<&'v RawValue> {
        let mut deserializer = serde_json::Deserializer::from_slice(value);
        Finder { tokens: &self.tokens }.deserialize(&mut deserializer).ok().flatten()
    }
}

/// A field as a partition key: text as it is, numbers and booleans as written; others are none.
pub(super) fn as_key(field: &RawValue) -> Option<Cow<'_, str>> {
    match field.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<TextOrOwned<'_>>(field.get()).ok().map(|text| text.0),
        b'{' | b'[' | b'n' => None,
        _ => Some(field.get().into()),
    }
}

#[derive(serde::Deserialize)]
struct TextOrOwned<'t>(#[serde(borrow)] Cow<'t, str>);

struct Finder<'p> {
    tokens: &'p [String],
}

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.tokens.is_empty() {
            return <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Err(A::Error::custom("no token")) };
        let mut found = None;
        // The last of several equal names counts, as when a tree is built.
        while let Some(matches) = map.next_key_seed(IsName(token))? {
            if matches {
                found = map.next_value_seed(Finder { tokens: rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Err(A::Error::custom("no token")) };
        let wanted: Option<usize> = token.parse().ok().filter(|_| token == "0" || !token.starts_with('0'));
        let mut found = None;
        let mut index = 0;
        loop {
            if Some(index) == wanted {
                let Some(value) = items.next_element_seed(Finder { tokens: rest })? else { break };
                found = value;
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            index += 1;
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether a name in an object is the wanted one.
struct IsName<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(pointer: &str, value: &str) -> Option<String> {
        Pointer::read(pointer).unwrap().find(value.as_bytes()).map(|field| field.get().to_owned())
    }

    #[test]
    fn a_field_is_found_as_it_was_sent() {
        let value = r#"{"a": {"b/c": [10, {"x": "y z"}, 1.50]}, "t": true, "": 7, "é\n": "q"}"#;
        assert_eq!(find("/a/b~1c/1/x", value).as_deref(), Some("\"y z\""));
        assert_eq!(find("/a/b~1c/2", value).as_deref(), Some("1.50"));
        assert_eq!(find("/t", value).as_deref(), Some("true"));
        assert_eq!(find("/", value).as_deref(), Some("7"));
        assert_eq!(find("/é\n", value).as_deref(), Some("\"q\""));
        for missing in ["/b", "/a/b", "/t/x", "/a/b~1c/3", "/a/b~1c/01", "/a/b~1c/x"] {
            assert_eq!(find(missing, value), None, "{missing}");
        }
        assert_eq!(find("/a", "[1]"), None);
        assert_eq!(Pointer::read("a"), None);
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        assert_eq!(find("/a", r#"{"a":1,"a":2}"#).as_deref(), Some("2"));
    }

    #[test]
    fn keys_are_texts_numbers_and_booleans() {
        let key = |value: &str| {
            let raw: &RawValue = serde_json::from_str(value).unwrap();
            as_key(raw).map(Cow::into_owned)
        };
        assert_eq!(key(r#""caf\u00e9""#).as_deref(), Some("café"));
        assert_eq!(key("12345678901234567890123").as_deref(), Some("12345678901234567890123"));
        assert_eq!(key("false").as_deref(), Some("false"));
        for none in ["null", "{}", "[1]"] {
            assert_eq!(key(none), None);
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c/~]{0,2}".prop_map(serde_json::Value::String),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
                proptest::collection::btree_map("[a-c/~]{0,2}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_tree_would_give(
            value in json(), tokens in proptest::collection::vec("[a-c]{0,2}|~0|~1|[0-3]", 1..4)
        ) {
            let pointer = format!("/{}", tokens.join("/"));
            let found = find(&pointer, &value.to_string());
            prop_assert_eq!(found, value.pointer(&pointer).map(ToString::to_string));
        }
    }
}
