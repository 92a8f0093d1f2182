//! Sockets as the kernel lists them, and how one is ended from outside: the library keeps its own to itself,
//! so a second handle is made for a moment.

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream},
    os::fd::OwnedFd,
};

/// Where the kernel lists connections, and the state of one that is open.
const LISTS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const ESTABLISHED: &str = "01";
/// Where this process's handles are, each a link to what it is of.
const HANDLES: &str = "/proc/self/fd";

/// A connection as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub peer: SocketAddr,
    pub inode: u64,
}

/// Open connections to a port. A list that cannot be read is empty.
pub(super) fn listed(port: u16) -> Vec<Socket> {
    let texts = LISTS.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| connections_to(port, &text)).collect()
}

/// Connections to a port in a list of the kernel's.
fn connections_to(port: u16, list: &str) -> Vec<Socket> {
    let rows = list.lines().skip(1);
    let read = rows.filter_map(|row| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        // One that nobody has accepted yet has no inode.
        let inode: u64 = fields.nth(5)?.parse().ok().filter(|inode| *inode != 0)?;
        let is_ours = state == ESTABLISHED && address(local)?.port() == port;
        Some(Socket { peer: address(remote).filter(|_| is_ours)?, inode })
    });
    read.collect()
}

/// Reads `0100007F:CB19`: words of 32 bits in the machine's own order, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Ends connections to the port, each only if the handle that is found is still of it.
///
/// # Errors
/// When the system allows no second handles, as some containers do not.
pub(super) fn end(connections: &[Socket], port: u16) -> io::Result<()> {
    if connections.is_empty() {
        return Ok(());
    }
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in fs::read_dir(HANDLES)?.flatten() {
        // A handle that was closed meanwhile is none of those.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let inode = target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']'));
        let inode: Option<u64> = inode.and_then(|inode| inode.parse().ok());
        let Some(found) = connections.iter().find(|connection| Some(connection.inode) == inode) else {
            continue;
        };
        let Some(number) = entry.file_name().to_str().and_then(|number| number.parse().ok()) else {
            continue;
        };
        let handle: OwnedFd = match pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) {
            Err(rustix::io::Errno::BADF) => continue,
            handle => handle?,
        };
        let socket = TcpStream::from(handle);
        let is_it = socket.peer_addr().is_ok_and(|peer| peer == found.peer)
            && socket.local_addr().is_ok_and(|local| local.port() == port);
        if is_it {
            // One that the client has ended meanwhile needs no ending.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read as _, net::TcpListener};

    #[test]
    fn open_connections_to_a_port_are_read_from_the_kernels_list() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0\n\
            1: 0100007F:11D6 0100007F:CA52 01 00000000:00000000 00:00000000 00000000     0        0 8 1 0\n\
            2: 0100007F:CA52 0100007F:11D6 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0\n\
            3: 0100007F:11D6 0100007F:CA53 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n\
            4: 00000000000000000000000001000000:11D6 00000000000000000000000001000000:0001 01 0:0 0:0 0 0 0 10 1\n";
        let found = connections_to(4566, list);
        let expected = [("127.0.0.1:51794", 8), ("[::1]:1", 10)];
        let expected = expected.map(|(peer, inode)| Socket { peer: peer.parse().unwrap(), inode });
        assert_eq!(found, expected);
    }

    #[test]
    fn nonsense_in_a_list_is_passed_over() {
        for row in [
            "",
            "1:",
            "1: x y z",
            "1: 0100007F:zz 0100007F:0001 01 0 0 0 0 0 1",
            "1: 01:1 01:1 01 0 0 0 0 0 1",
        ] {
            assert_eq!(connections_to(1, &format!("head\n{row}\n")), [], "{row}");
        }
    }

    #[test]
    fn only_the_connections_named_are_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut pairs: Vec<_> = (0..4)
            .map(|_| {
                let client = TcpStream::connect(address).unwrap();
                (client, listener.accept().unwrap().0)
            })
            .collect();
        let peers: Vec<SocketAddr> = pairs.iter().map(|(client, _)| client.local_addr().unwrap()).collect();
        let mut named = listed(address.port());
        // Others on this machine may know the port from somebody who had it before.
        named.retain(|socket| peers[2..].contains(&socket.peer));
        assert_eq!(named.len(), 2);
        end(&named, address.port()).unwrap();
        for (client, _) in &mut pairs[2..] {
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "the connection was ended");
        }
        for (client, _) in &mut pairs[..2] {
            client.set_nonblocking(true).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
}
