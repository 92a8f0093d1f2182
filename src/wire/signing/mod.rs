//! Signature Version 4: who signed a request, and whether it is as it was signed.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

mod canonical;
mod claim;
mod clock;
mod credentials;
mod digest;
#[cfg(test)]
mod mutated_tests;
mod refusal;
mod signer;
#[cfg(test)]
mod tests;
mod verification;

pub use canonical::SignedRequest;
pub use claim::Claim;
pub use credentials::{BadCredentials, Credentials};
pub(in crate::wire) use digest::sha256_hex;
pub use signer::{Signer, TARGET};
pub use verification::verify;
