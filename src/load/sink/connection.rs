//! HTTP/1.1 as far as the daemon's own client speaks it: requests with a length, one after the other.

use super::Shared;
use std::io;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// Largest body; the daemon posts batches of records of at most 10 MiB each.
const LARGEST_BODY: u64 = 1 << 30;

/// Answers requests until the client goes away.
pub(super) async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(length) = head(&mut stream).await? {
        skip(&mut stream, length).await?;
        let status = match shared.judge().await {
            200 => "200 OK",
            _ => "503 Service Unavailable",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// Reads the head of a request: the length of its body. Nothing when the client has ended.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<u64>> {
    let (mut length, mut read, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        let room = LONGEST_HEAD.saturating_sub(read) as u64;
        let taken = (&mut *stream).take(room).read_until(b'\n', &mut line).await?;
        read += taken;
        match line.strip_suffix(b"\n") {
            None if read == 0 => return Ok(None),
            None => return Err(broken("a head that is too long or ends early")),
            Some(b"" | b"\r") => return Ok(Some(length)),
            Some(text) => length = content_length(text)?.unwrap_or(length),
        }
    }
}

/// The value of a line, if it is that of the body's length.
fn content_length(line: &[u8]) -> io::Result<Option<u64>> {
    let text = std::str::from_utf8(line).map_err(|_| broken("a head that is no text"))?;
    let Some((name, value)) = text.split_once(':') else { return Ok(None) };
    if name.eq_ignore_ascii_case("transfer-encoding") {
        return Err(broken("a body without a length"));
    }
    if !name.eq_ignore_ascii_case("content-length") {
        return Ok(None);
    }
    let length = value.trim().parse().ok().filter(|length| *length <= LARGEST_BODY);
    length.map(Some).ok_or_else(|| broken("a length that cannot be"))
}

async fn skip(stream: &mut BufReader<TcpStream>, length: u64) -> io::Result<()> {
    let skipped = tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    if skipped < length { Err(broken("a body that ends early")) } else { Ok(()) }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
