//! Settings of the endpoint.

use crate::{
    pipeline::{http_server::KEEP_ALIVE, stream::directory::KinesisSettings},
    units::Span,
    wire::{signing::Credentials, sqs::SqsSettings},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, net::SocketAddr, str::FromStr};

/// The AWS endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSection {
    /// Address of all services, or `off`; port 0 picks a free one.
    pub listen: Listen,
    /// Account of callers whose access key id is not itself an account of twelve digits.
    pub account: Account,
    /// Region of requests whose signature tells none.
    pub region: String,
    /// Access keys that may call; empty: any, from this machine only. Never shown.
    pub credentials: Credentials,
    /// How long a connection may rest between two requests.
    pub idle: Span,
    /// Streams.
    pub kinesis: KinesisSettings,
    /// Queues.
    pub sqs: SqsSettings,
}

/// Where to listen, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

/// An AWS account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account(String);

const OFF: &str = "off";

impl Default for AwsSection {
    fn default() -> Self {
        Self {
            listen: Listen(Some(SocketAddr::from(([127, 0, 0, 1], 4566)))),
            account: Account("000000000000".to_owned()),
            region: "us-east-1".to_owned(),
            credentials: Credentials::default(),
            idle: Span(KEEP_ALIVE),
            kinesis: KinesisSettings::default(),
            sqs: SqsSettings::default(),
        }
    }
}

impl AwsSection {
    /// Whether anybody who reaches the address may call: then it must be of this machine.
    pub fn is_open(&self) -> bool {
        self.credentials.is_empty()
    }
}

impl Account {
    /// `None` unless it is twelve digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let told =
            || D::Error::custom(format!("account {text:?} is not twelve digits, such as \"000000000000\""));
        Self::parse(&text).ok_or_else(told)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(out),
            None => out.write_str(OFF),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == OFF {
            return Ok(Self(None));
        }
        let told =
            |_| format!("{text:?} is no address such as \"127.0.0.1:4566\"; write \"off\" to listen nowhere");
        text.parse().map(|address| Self(Some(address))).map_err(told)
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_be_off_and_a_wrong_address_is_named() {
        let read = |text: &str| toml::from_str::<AwsSection>(text);
        assert_eq!(read("listen = \"off\"").unwrap().listen, Listen(None));
        assert_eq!(read("").unwrap(), AwsSection::default());
        assert!(read("listen = \"here\"").unwrap_err().to_string().contains("\"off\""));
        assert!(read("account = \"1\"").unwrap_err().to_string().contains("twelve digits"));
        assert!(read("regions = \"x\"").is_err());
    }
}
