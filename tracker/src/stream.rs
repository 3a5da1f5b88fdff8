//! The streams that listeners accept, as one type: HTTP and the sockets are built once.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::guests::Guest;

/// What the system gave us.
#[derive(Debug)]
pub(crate) enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What HTTP is spoken on. It counts against its address, if that is kept, until it is a
/// socket.
pub(crate) enum Stream {
    Plain(Raw, Option<Guest>),
    /// Boxed: it is forty times the size of the other.
    Tls(Box<TlsStream<Raw>>, Option<Guest>),
}

impl Stream {
    /// It is a socket now, and counts as one.
    pub(crate) fn is_socket(&mut self) {
        let (Self::Plain(_, guest) | Self::Tls(_, guest)) = self;
        *guest = None;
    }
}

impl Raw {
    /// The address of the other end; a Unix socket has none.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Sends small messages at once.
    pub(crate) fn set_nodelay(&self) {
        if let Self::Tcp(stream) = self {
            // One that is gone already shows at the first read.
            let _ = stream.set_nodelay(true);
        }
    }
}

impl From<TcpStream> for Raw {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Raw {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

/// Passes reads and writes on to whichever stream it is.
macro_rules! pass_on {
    ($of:ident, $($kind:ident),+) => {
        impl AsyncRead for $of {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                into: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream, ..) => Pin::new(stream).poll_read(context, into),)+
                }
            }
        }

        impl AsyncWrite for $of {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$kind(stream, ..) => Pin::new(stream).poll_write(context, bytes),)+
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$kind(stream, ..) => Pin::new(stream).poll_write_vectored(context, bytes),)+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $(Self::$kind(stream, ..) => stream.is_write_vectored(),)+
                }
            }

            fn poll_flush(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream, ..) => Pin::new(stream).poll_flush(context),)+
                }
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream, ..) => Pin::new(stream).poll_shutdown(context),)+
                }
            }
        }
    };
}
pass_on!(Raw, Tcp, Unix);
pass_on!(Stream, Plain, Tls);
