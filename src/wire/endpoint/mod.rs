//! The HTTP endpoint of the AWS protocols: HTTP/1.1, and HTTP/2 by prior knowledge, on one port.

mod answer;
mod body;
mod cors;
mod deprecated;
mod front;
mod head;
mod identity;
mod section;
mod server;
mod streaming;
#[cfg(test)]
mod tests;

pub use front::Front;
pub use section::{Account, AwsSection, Listen};
pub use server::Endpoint;
