//! Who may use verbs; pure.
//!
//! From another machine: whoever sends the token. From this machine, without a token: any program, but
//! no page in a browser, which could be told to post by somebody else's site. A browser says where a
//! page came from (`Origin`, `Sec-Fetch-Site`), and a name that was made to point here is in `Host`.

use super::Token;
use std::net::IpAddr;

/// What decides who may use verbs.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub token: Option<Token>,
    /// The server can be reached from this machine only.
    pub is_loopback: bool,
}

/// The headers of a request that matter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Headers<'a> {
    pub authorization: Option<&'a str>,
    pub host: Option<&'a str>,
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetched_from: Option<&'a str>,
}

/// Why a verb is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Barred {
    #[error(
        "verbs are for this machine only while there is no token; set admin.token (CAUDAL__ADMIN__TOKEN) \
         and send it as `Authorization: Bearer TOKEN`"
    )]
    NoToken,
    #[error("send the token of admin.token as `Authorization: Bearer TOKEN`")]
    Unauthorized,
    #[error("the request comes from a page of another site; verbs are not for browsers")]
    CrossOrigin,
    #[error("the header Host names another machine; use 127.0.0.1 or localhost, or set admin.token")]
    Host,
}

impl Guard {
    pub(super) fn check(&self, headers: &Headers<'_>) -> Result<(), Barred> {
        if is_cross_origin(headers) {
            return Err(Barred::CrossOrigin);
        }
        match &self.token {
            Some(token) if headers.authorization.and_then(bearer).is_some_and(|given| token.is(given)) => {
                Ok(())
            }
            Some(_) => Err(Barred::Unauthorized),
            None if !self.is_loopback => Err(Barred::NoToken),
            None if headers.host.is_some_and(is_here) => Ok(()),
            None => Err(Barred::Host),
        }
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_cross_origin(headers: &Headers<'_>) -> bool {
    let is_other_site = headers.fetched_from.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let is_other_origin = headers.origin.is_some_and(|origin| {
        let from = origin.split_once("://").map(|(_, host)| host);
        from.is_none() || from != headers.host
    });
    is_other_site || is_other_origin
}

/// The host, with or without a port, is this machine by address or by the name that always is.
fn is_here(host: &str) -> bool {
    let is_port = |text: &str| text.is_empty() || text.parse::<u16>().is_ok();
    let name = if let Some(rest) = host.strip_prefix('[') {
        rest.split_once(']')
            .filter(|(_, port)| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
    } else {
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).or(Some((host, "")))
    };
    name.is_some_and(|(name, _)| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
