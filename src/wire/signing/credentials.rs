//! The access keys that are known here, with their secrets.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{collections::BTreeMap, fmt};

/// Access key ids with their secrets, written `ID:SECRET`, with commas between several. No secret is
/// ever shown: not in a log, not in a dump of the settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, String>);

/// A text that cannot be credentials. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "credential {0} is not ID:SECRET (an id of 3 to 128 letters and digits, a secret of 8 characters or more, without spaces, commas and colons); write commas between several"
)]
pub struct BadCredentials(usize);

const SHORTEST_SECRET: usize = 8;

impl Credentials {
    /// # Errors
    /// [`BadCredentials`] with the place of the first that cannot be read, counted from 1.
    pub fn parse(text: &str) -> Result<Self, BadCredentials> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let read = pairs.enumerate().map(|(at, pair)| {
            let is_fit = |id: &str, secret: &str| {
                (3..=128).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && secret.len() >= SHORTEST_SECRET
                    && secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            };
            match pair.split_once(':') {
                Some((id, secret)) if is_fit(id, secret) => Ok((id.to_owned(), secret.to_owned())),
                _ => Err(BadCredentials(at + 1)),
            }
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Whether none are configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn secret(&self, access_key: &str) -> Option<&str> {
        self.0.get(access_key).map(String::as_str)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Credentials({} not shown)", self.0.len())
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { "not:shown-here" })
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_credentials_are_read_and_never_shown() {
        let credentials =
            Credentials::parse("AKIDEXAMPLE:wJalr/XUt+nFEMI, 000000000001:another/secret").unwrap();
        assert_eq!(credentials.secret("000000000001"), Some("another/secret"));
        assert_eq!(credentials.secret("nobody"), None);
        let shown = format!("{credentials:?} {}", serde_json::to_string(&credentials).unwrap());
        assert!(!shown.contains("wJalr") && !shown.contains("another"), "{shown}");
        assert!(Credentials::parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_credential_is_named_by_its_place_and_not_repeated() {
        for bad in
            ["ok1:longenough,hunter2hunter2", "ok1:longenough,id:short", "ok1:longenough,a b:longenough"]
        {
            let told = Credentials::parse(bad).unwrap_err().to_string();
            assert!(told.contains("credential 2") && !told.contains("hunter"), "{told}");
        }
    }
}
