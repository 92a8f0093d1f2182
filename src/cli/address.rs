//! Addresses on the command line: `127.0.0.1:8080`, or a port alone on this machine.

use crate::wire::endpoint::Listen;
use std::net::{Ipv4Addr, SocketAddr};

/// Reads `ADDR:PORT`, or `PORT` for 127.0.0.1.
///
/// # Errors
/// A text that is neither, with the remedy.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    port.or_else(|_| text.parse())
        .map_err(|_| "write an address such as 127.0.0.1:8080, or a port; 0 picks a free one".to_owned())
}

/// The same, or `off`.
///
/// # Errors
/// A text that is neither, with the remedy.
pub(super) fn parse_listen(text: &str) -> Result<Listen, String> {
    text.parse().or_else(|_| parse_address(text).map(|address| Listen(Some(address))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_this_machine() {
        assert_eq!(parse_address("0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(parse_address("[::1]:80").unwrap().to_string(), "[::1]:80");
        assert_eq!(parse_listen("0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(parse_listen("off").unwrap(), Listen(None));
        assert!(parse_address("localhost").unwrap_err().contains("127.0.0.1:8080"));
    }
}
