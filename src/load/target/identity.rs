//! Who signs requests to AWS's protocols.

use std::fmt;
use url::Url;

/// Access key, secret and region, from the environment as every SDK takes them.
#[derive(Clone)]
pub struct Identity {
    pub access_key: String,
    pub secret: String,
    /// Of credentials that were lent for a time.
    pub session: Option<String>,
    pub region: String,
}

/// No credentials for a server elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} is not set, and {host} is not this machine; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
)]
pub struct IdentityError {
    variable: &'static str,
    host: String,
}

/// What a server that takes any gets, in the region that streams and queues of a topology are in.
const KEY: &str = "loadtest";
const SECRET: &str = "loadtest-secret";
const REGION: &str = "us-east-1";

impl Identity {
    /// Of nobody, for a server on this machine that takes any.
    pub fn made_up() -> Self {
        let [access_key, secret, region] = [KEY, SECRET, REGION].map(ToOwned::to_owned);
        Self { access_key, secret, session: None, region }
    }

    /// Reads it. A server on this machine gets a made-up identity if there is none: what runs there for tests
    /// takes any.
    ///
    /// # Errors
    /// [`IdentityError`] with the first variable that is missing.
    pub fn of(url: &Url, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, IdentityError> {
        let host = url.host_str().unwrap_or_default();
        let given = |name: &str| environment(name).filter(|value| !value.is_empty());
        let needed = |variable: &'static str, made_up: &str| match given(variable) {
            Some(value) => Ok(value),
            None if is_this_machine(url) => Ok(made_up.to_owned()),
            None => Err(IdentityError { variable, host: host.to_owned() }),
        };
        let region = given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION"));
        Ok(Self {
            access_key: needed("AWS_ACCESS_KEY_ID", KEY)?,
            secret: needed("AWS_SECRET_ACCESS_KEY", SECRET)?,
            session: given("AWS_SESSION_TOKEN"),
            region: match region {
                Some(region) => region,
                None => needed("AWS_REGION", REGION)?,
            },
        })
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Identity(in {}, not shown)", self.region)
    }
}
