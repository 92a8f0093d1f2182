//! The secret that whoever uses verbs from another machine must know.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, hint::black_box};

/// Fewest characters: what is shorter can be guessed.
const SHORTEST: usize = 16;

/// A secret. It is never shown: not in a log, not in a dump of the settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that cannot be a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token has at least {SHORTEST} visible ASCII characters without spaces; make one with `openssl rand -hex 32`"
)]
pub struct BadToken;

impl Token {
    /// # Errors
    /// [`BadToken`] when it is too short or has other characters than visible ASCII.
    pub fn new(text: &str) -> Result<Self, BadToken> {
        let is_fit = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_fit { Ok(Self(text.to_owned())) } else { Err(BadToken) }
    }

    /// The secret itself, to be sent to a daemon.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not tell how much of `given` is right.
    pub fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        // Each byte given is looked at, against the secret as often as it takes.
        let pairs = given.iter().zip(own.iter().cycle());
        let differences =
            pairs.fold(0_u8, |differences, (left, right)| black_box(differences | (left ^ right)));
        black_box(differences == 0) & (given.len() == own.len())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(not shown)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("not shown")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(D::Error::custom)
    }
}
