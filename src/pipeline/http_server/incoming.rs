//! Connections as they are accepted: which version of HTTP they speak, and what is read from them.

use super::{
    Patience,
    farewell::Farewells,
    rest::{Held, Rest},
};
use actix_http::{Protocol, error::DispatchError};
use actix_web::{
    dev::{Service as _, ServiceFactory, fn_factory, fn_service},
    rt::net::TcpStream,
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    /// HTTP/2 too, by prior knowledge.
    Both,
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Incoming {
    socket: TcpStream,
    rest: Rest,
    /// Of HTTP/2.
    farewells: Option<Farewells>,
}

impl Incoming {
    fn of(socket: TcpStream, protocol: Protocol, idle: Duration) -> (Self, Protocol) {
        let farewells = (protocol == Protocol::Http2).then(Farewells::new);
        (Self { socket, rest: Rest::new(idle), farewells }, protocol)
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
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
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
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.socket).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
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
        let http = Rc::clone(&http);
        async move {
            let http = Rc::new(http.new_service(()).await?);
            let accept = move |socket: TcpStream| {
                let http = Rc::clone(&http);
                async move {
                    socket.set_nodelay(true)?;
                    let peer = socket.peer_addr().ok();
                    let protocol = match speaks {
                        Speaks::Http1 => Protocol::Http1,
                        Speaks::Both => match timeout(patience.silent, protocol_of(&socket)).await {
                            Ok(protocol) => protocol?,
                            Err(_elapsed) => return Ok(()),
                        },
                    };
                    let (incoming, protocol) = Incoming::of(socket, protocol, patience.idle);
                    http.call((incoming, protocol, peer)).await
                }
            };
            Ok(fn_service::<_, _, _, _, _, ()>(accept))
        }
    })
}
