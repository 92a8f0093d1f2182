//! Tokens that clients carry: opaque, complete in themselves, and of no use once changed.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;

/// Bytes of the authentication code that are kept.
const CODE: usize = 16;
/// What every token begins with: its form.
const HEAD: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// The secret that tokens are sealed with. It is kept with the data, so that tokens outlive a restart.
#[derive(Debug, Clone)]
pub(super) struct Seal {
    key: hmac::Key,
}

impl Seal {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// Content as a token for one purpose, filled up with zeroes to `length` bytes before base64.
    pub(super) fn close(&self, purpose: &str, content: &[u8], length: usize) -> String {
        let mut bytes = Vec::with_capacity(length.max(HEAD.len() + 4 + content.len() + CODE));
        bytes.extend_from_slice(&HEAD);
        bytes.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().max(length.saturating_sub(CODE)), 0);
        let code = self.code(purpose, &bytes);
        bytes.extend(code.as_ref().iter().take(CODE));
        BASE64_STANDARD.encode(bytes)
    }

    /// The content of a token that was sealed here for this purpose.
    pub(super) fn open(&self, purpose: &str, token: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_STANDARD.decode(token).ok()?;
        let (sealed, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE)?)?;
        let expected = self.code(purpose, sealed);
        let is_ours =
            expected.as_ref().iter().zip(code).fold(0, |seen, (ours, theirs)| seen | (ours ^ theirs));
        let rest = sealed.strip_prefix(&HEAD).filter(|_| is_ours == 0)?;
        let (length, content) = rest.split_first_chunk::<4>()?;
        content.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?).map(<[u8]>::to_vec)
    }

    fn code(&self, purpose: &str, bytes: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_whole_for_its_purpose_and_under_its_secret() {
        let seal = Seal::new(b"secret");
        let token = seal.close("iterator", b"content", 152);
        assert_eq!(BASE64_STANDARD.decode(&token).unwrap().len(), 152);
        assert_eq!(seal.open("iterator", &token).as_deref(), Some(b"content".as_slice()));
        assert_eq!(seal.open("list", &token), None);
        assert_eq!(Seal::new(b"other").open("iterator", &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open("iterator", &String::from_utf8(changed).unwrap()), None, "byte {at}");
        }
        for cut in 0..token.len() {
            assert_eq!(seal.open("iterator", &token[..cut]), None);
        }
    }

    #[test]
    fn long_content_makes_a_longer_token() {
        let seal = Seal::new(b"secret");
        let content = [7; 300];
        let token = seal.close("list", &content, 0);
        assert_eq!(seal.open("list", &token), Some(content.to_vec()));
    }
}
