//! Connections as they are accepted: which version of HTTP they speak, and what is read from them.

use super::{
    Patience, Refusals,
    farewell::Farewells,
    refusals::{Answers, Halt},
    rest::{Held, Rest},
};
use actix_http::{Protocol, error::DispatchError};
use actix_web::{
    dev::{Service as _, ServiceFactory, fn_factory, fn_service},
    rt::net::TcpStream,
};
use bytes::{Buf as _, Bytes};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{sleep, timeout},
};

/// How a client begins that speaks HTTP/2 without having asked.
const PREFACE: &[u8; 12] = b"PRI * HTTP/2";
/// Until a beginning that came in pieces is looked at again.
const LOOK: Duration = Duration::from_millis(5);

/// Which versions of HTTP a server speaks.
#[derive(Debug, Clone)]
pub(super) enum Speaks {
    Http1,
    /// HTTP/2 too, by prior knowledge.
    Both(Refusals),
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Incoming {
    socket: TcpStream,
    rest: Rest,
    /// Of HTTP/2.
    farewells: Option<Farewells>,
    /// Of HTTP/1.1, where the server's owner has words of its own.
    answers: Option<Refused>,
}

/// The answers of a connection, and what is said in place of the library's own.
#[derive(Debug)]
struct Refused {
    refusals: Refusals,
    answers: Answers,
    /// The last answer, as far as it has not been sent.
    last: Option<Bytes>,
}

impl Incoming {
    fn of(socket: TcpStream, protocol: Protocol, speaks: &Speaks, idle: Duration) -> Self {
        let is_http_2 = protocol == Protocol::Http2;
        let answers = match speaks {
            Speaks::Both(refusals) if !is_http_2 => {
                let (refusals, answers) = (refusals.clone(), Answers::new(refusals.mark));
                Some(Refused { refusals, answers, last: None })
            }
            _ => None,
        };
        Self { socket, rest: Rest::new(idle), farewells: is_http_2.then(Farewells::new), answers }
    }

    /// What its requests say that they are under way with.
    pub(super) fn held(&self) -> Held {
        self.rest.held()
    }
}

/// Waits for the first bytes, which tell the version.
async fn protocol_of(socket: &TcpStream) -> io::Result<Protocol> {
    let mut begun = [0; PREFACE.len()];
    loop {
        let length = socket.peek(&mut begun).await?;
        let came = begun.get(..length).unwrap_or_default();
        if came == PREFACE {
            return Ok(Protocol::Http2);
        }
        if came.is_empty() || !PREFACE.starts_with(came) {
            return Ok(Protocol::Http1);
        }
        sleep(LOOK).await;
    }
}

impl Refused {
    fn poll_write(
        &mut self,
        socket: &mut TcpStream,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(last) = self.last.as_mut().filter(|last| !last.is_empty()) {
                let written = ready!(Pin::new(&mut *socket).poll_write(context, last))?;
                last.advance(written);
                continue;
            }
            let (_, allowed, halt) = self.answers.through(bytes, bytes.len());
            if allowed > 0 {
                let may_go = bytes.get(..allowed).unwrap_or_default();
                let written = ready!(Pin::new(&mut *socket).poll_write(context, may_go))?;
                (self.answers, ..) = self.answers.through(bytes, written);
                return Poll::Ready(Ok(written));
            }
            let Some(Halt::Unmarked { status }) = halt else {
                // As if it had been sent.
                return Poll::Ready(Ok(bytes.len()));
            };
            self.last = Some(self.refusals.answer(status).into());
            self.answers = self.answers.ended();
        }
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_over(context) {
            // As if the client had ended it.
            return Poll::Ready(Ok(()));
        }
        let (before, has_room) = (buffer.filled().len(), buffer.remaining() > 0);
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if has_room && buffer.filled().len() == before => self.rest.leave(),
            Poll::Ready(Err(_)) => self.rest.leave(),
            _ => {}
        }
        if let Some(farewells) = &mut self.farewells {
            farewells.hide(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        }
        read
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let Self { socket, answers, .. } = &mut *self;
        match answers {
            Some(refused) => refused.poll_write(socket, context, bytes),
            None => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.answers.is_some() {
            let piece = pieces.iter().find(|piece| !piece.is_empty());
            return self.poll_write(context, piece.map_or(&[], |piece| piece));
        }
        Pin::new(&mut self.socket).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.answers.is_none() && self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// A service of sockets from one of connections. A socket whose version is not known in time is closed.
pub(super) fn accepted<H>(
    http: H,
    speaks: Speaks,
    patience: Patience,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    H: ServiceFactory<
            (Incoming, Protocol, Option<SocketAddr>),
            Config = (),
            Response = (),
            Error = DispatchError,
            InitError = (),
        > + 'static,
{
    let http = Rc::new(http);
    fn_factory(move || {
        let (http, speaks) = (Rc::clone(&http), speaks.clone());
        async move {
            let http = Rc::new(http.new_service(()).await?);
            let accept = move |socket: TcpStream| {
                let (http, speaks) = (Rc::clone(&http), speaks.clone());
                async move {
                    socket.set_nodelay(true)?;
                    let peer = socket.peer_addr().ok();
                    let protocol = match &speaks {
                        Speaks::Http1 => Protocol::Http1,
                        Speaks::Both(_) => match timeout(patience.silent, protocol_of(&socket)).await {
                            Ok(protocol) => protocol?,
                            Err(_elapsed) => return Ok(()),
                        },
                    };
                    let incoming = Incoming::of(socket, protocol, &speaks, patience.idle);
                    http.call((incoming, protocol, peer)).await
                }
            };
            Ok(fn_service::<_, _, _, _, _, ()>(accept))
        }
    })
}
