//! From an accepted connection to the stream that HTTP is spoken on: what a proxy says of
//! it first, then TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::guests::Guest;
use crate::proxies::{
    self,
    protocol::{self, Header},
};
use crate::shared::Shared;
use crate::stream::{Raw, Stream};

/// How a listener begins its connections.
#[derive(Clone)]
pub(crate) struct Acceptor {
    pub(crate) shared: Arc<Shared>,
    /// A PROXY header comes first.
    pub(crate) proxy_protocol: bool,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Acceptor {
    /// Gives the stream of a connection, and the address of its client if it has one.
    ///
    /// # Errors
    /// When the other end does not say in time what it has to, or is not to be believed.
    pub(crate) async fn accept(self, raw: Raw) -> io::Result<(Stream, Option<SocketAddr>)> {
        raw.set_nodelay();
        let peer = raw.peer_addr();
        if !self.proxy_protocol && self.tls.is_none() {
            return Ok((Stream::Plain(raw, self.let_in(peer)?), peer));
        }
        // Boxed: a plain connection needs no room for it.
        Box::pin(self.begin(raw, peer)).await
    }

    async fn begin(
        self,
        mut raw: Raw,
        mut peer: Option<SocketAddr>,
    ) -> io::Result<(Stream, Option<SocketAddr>)> {
        let counters = &self.shared.counters;
        // For the PROXY header and the TLS handshake together.
        let until = Instant::now() + self.shared.config.sockets.handshake_timeout;
        if self.proxy_protocol {
            peer = in_time(until, self.client(&mut raw, peer))
                .await
                .inspect_err(|_| counters.proxies_refused.add(1))?;
        }
        let guest = self.let_in(peer)?;
        let Some(tls) = self.tls else {
            return Ok((Stream::Plain(raw, guest), peer));
        };
        let stream = in_time(until, tls.accept(raw))
            .await
            .inspect_err(|_| counters.tls_handshakes_failed.add(1))?;
        Ok((Stream::Tls(Box::new(stream), guest), peer))
    }

    /// Lets the client in if it may come. Behind a trusted proxy it is known at the upgrade.
    fn let_in(&self, client: Option<SocketAddr>) -> io::Result<Option<Guest>> {
        let client = client.map(|client| client.ip());
        if self.shared.config.proxies.trusts(client) {
            return Ok(None);
        }
        let guest = self.shared.let_in(proxies::address(client));
        guest.map_err(|limit| {
            tracing::debug!(?client, ?limit, "a connection is closed at once");
            io::ErrorKind::ConnectionRefused.into()
        })
    }

    /// Reads a PROXY header, and not a byte more.
    async fn client(
        &self,
        raw: &mut Raw,
        peer: Option<SocketAddr>,
    ) -> io::Result<Option<SocketAddr>> {
        if !self
            .shared
            .config
            .proxies
            .trusts(peer.map(|peer| peer.ip()))
        {
            tracing::debug!(?peer, "it is not among `proxies.trusted`");
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut bytes = Vec::new();
        loop {
            match protocol::parse(&bytes).map_err(io::Error::other)? {
                Header::Whole { client } => return Ok(client.or(peer)),
                Header::Part { more } => {
                    let read = bytes.len();
                    bytes.resize(read + more, 0);
                    raw.read_exact(bytes.get_mut(read..).unwrap_or_default())
                        .await?;
                }
            }
        }
    }
}

async fn in_time<T>(until: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(until, work)
        .await
        .map_err(io::Error::from)
        .flatten()
}
