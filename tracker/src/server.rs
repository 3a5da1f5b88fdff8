//! The listeners, and what serves them: actix-web for HTTP, `upgrade` for WebSockets.
//!
//! This is what `actix_web::HttpServer` does, with one thing more: actix-http's
//! upgrade service, which gets the stream itself out of the HTTP dispatcher.

use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, h1};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::{App, Error, HttpServer, middleware, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};

use crate::accept::Acceptor;
use crate::admin::Part;
use crate::config::{Config, Listen};
use crate::listen::{self, Address, Bound, SocketFile};
use crate::shared::Shared;
use crate::store::Transport;
use crate::stream::{Raw, Stream};
use crate::tls::Certificate;
use crate::tracker::StartError;
use crate::{http, upgrade};

/// HTTP connections to a worker, those in their handshake included; WebSockets are not
/// among them. When full, it accepts no more until one ends.
const HTTP_CONNECTIONS: usize = 1024;
/// Connections to the admin listener.
const ADMIN_CONNECTIONS: usize = 256;
/// Bytes the kernel keeps for one connection to the admin listener. Left to itself it
/// keeps megabytes of old events for a watcher that does not read.
const ADMIN_SEND_BUFFER: usize = 64 * 1024;
/// How long a client of the admin listener may take for the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Permissions of a Unix socket unless others are asked for.
const SOCKET_MODE: u32 = 0o660;
/// What pages are told of a Unix socket, which has no address.
const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How long an HTTP connection may take to end.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A bound address, its certificate if it has one, and how it begins connections.
pub(crate) struct Listener {
    socket: Bound,
    certificate: Option<Arc<Certificate>>,
    proxy_protocol: bool,
}

impl Listener {
    /// Its certificate, if it has one.
    pub(crate) const fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }
}

/// Binds all addresses of a configuration.
pub(crate) fn listeners(config: &Config) -> Result<Vec<Listener>, StartError> {
    let bind = |listen: &Listen| {
        let certificate = listen.tls.as_ref().map(Certificate::load).transpose()?;
        let mode = listen.mode.unwrap_or(SOCKET_MODE);
        let socket = Bound::new(&listen.addr, mode, config.sockets.write_timeout)
            .map_err(|error| cannot_listen(&listen.addr, error))?;
        Ok(Listener {
            socket,
            certificate: certificate.map(Arc::new),
            proxy_protocol: listen.proxy_protocol,
        })
    };
    config.listen.iter().map(bind).collect()
}

/// Binds the address of the admin listener, if there is to be one; with its real port.
pub(crate) fn admin_listener(
    config: &Config,
) -> Result<Option<(SocketAddr, TcpListener)>, StartError> {
    let bind = |addr| -> io::Result<_> {
        let socket = listen::tcp(addr, config.sockets.write_timeout)?;
        // Accepted sockets inherit it.
        SockRef::from(&socket).set_send_buffer_size(ADMIN_SEND_BUFFER)?;
        Ok((socket.local_addr()?, socket))
    };
    let bind = |addr| bind(addr).map_err(|error| cannot_listen(&addr.into(), error));
    config.admin_listen.map(bind).transpose()
}

fn cannot_listen(addr: &Address, error: io::Error) -> StartError {
    StartError::Listen {
        addr: addr.clone(),
        error,
    }
}

/// The routes of a worker; its type cannot be written.
macro_rules! app {
    ($shared:expr, $pages:expr) => {{
        let (data, pages) = (web::Data::from(Arc::clone(&$shared)), $pages.clone());
        let part = match $shared.config.admin_listen {
            Some(_) => Part::Nothing,
            None => Part::WithoutEvents,
        };
        App::new()
            .app_data(data)
            .wrap(middleware::Compress::default())
            .configure(|to| http::public(to, &pages, part))
            .into_factory()
            .map_err(|error: Error| error.error_response())
    }};
}
/// Listeners at work.
pub(crate) struct Served {
    /// Where, with real ports.
    pub(crate) addresses: Vec<Address>,
    /// The Unix sockets' files, which go when this does.
    pub(crate) files: Vec<SocketFile>,
    pub(crate) server: Server,
}

/// Puts the listeners to work.
pub(crate) fn serve(
    shared: &Arc<Shared>,
    listeners: Vec<Listener>,
    pages: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Served, StartError> {
    let mut server = Server::build()
        .disable_signals()
        .max_concurrent_connections(HTTP_CONNECTIONS);
    let (mut addresses, mut files) = (Vec::with_capacity(listeners.len()), Vec::new());
    for (listener, listen) in listeners.into_iter().zip(&shared.config.listen) {
        let failed = |error| cannot_listen(&listen.addr, error);
        let address = listener.socket.address().map_err(failed)?;
        let (shared, pages) = (Arc::clone(shared), pages.clone());
        let tls = listener.certificate.as_ref();
        let acceptor = Acceptor {
            shared: Arc::clone(&shared),
            proxy_protocol: listener.proxy_protocol,
            tls: tls.map(Certificate::acceptor).transpose()?,
        };
        let transport = tls.map_or(Transport::Ws, |_| Transport::Wss);
        let local = address.tcp().unwrap_or(NO_ADDRESS);
        let handshake = shared.config.sockets.handshake_timeout;
        let http = move || {
            let config = app_config(transport == Transport::Wss, local);
            HttpService::build()
                .client_request_timeout(handshake)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                .local_addr(local)
                .upgrade(fn_service(sockets(&shared, transport)))
                .finish(map_config(app!(shared, pages), move |()| config.clone()))
        };
        let name = format!("tracker-{address}");
        server = match listener.socket {
            Bound::Tcp(socket) => server.listen(name, socket, move || {
                fn_service(begin::<TcpStream>(&acceptor)).and_then(http())
            }),
            Bound::Unix(socket, file) => {
                files.push(file);
                server.listen_uds(name, socket, move || {
                    fn_service(begin::<UnixStream>(&acceptor)).and_then(http())
                })
            }
        }
        .map_err(failed)?;
        addresses.push(address);
    }
    Ok(Served {
        addresses,
        files,
        server: server.run(),
    })
}

/// What HTTP takes: a stream, the version, and whom it speaks with.
type Begun = Result<(Stream, actix_http::Protocol, Option<SocketAddr>), DispatchError>;

/// Makes of accepted connections what HTTP takes.
fn begin<S: Into<Raw>>(
    acceptor: &Acceptor,
) -> impl Fn(S) -> LocalBoxFuture<'static, Begun> + Clone + use<S> {
    let acceptor = acceptor.clone();
    move |raw| {
        let begun = acceptor.clone().accept(raw.into());
        begun
            .map(|begun| match begun {
                Ok((stream, peer)) => Ok((stream, actix_http::Protocol::Http1, peer)),
                Err(error) => Err(DispatchError::Io(error)),
            })
            .boxed_local()
    }
}

/// Puts the admin listener to work, with actix-web's own server: its few WebSockets may
/// cost what they cost there.
pub(crate) fn serve_admin(
    shared: &Arc<Shared>,
    addr: SocketAddr,
    socket: TcpListener,
) -> Result<Server, StartError> {
    let data = web::Data::from(Arc::clone(shared));
    let app = move || {
        App::new()
            .app_data(data.clone())
            .wrap(middleware::Compress::default())
            .configure(|to| http::own(to, Part::Whole))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(ADMIN_CONNECTIONS)
        .client_request_timeout(REQUEST_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .disable_signals()
        .listen(socket)
        .map_err(|error| cannot_listen(&addr.into(), error))?;
    Ok(server.run())
}

/// What pages are told of the listener: without it they would take https for http.
/// actix-web makes this itself in `HttpServer` and has no other way in.
fn app_config(secure: bool, addr: SocketAddr) -> AppConfig {
    AppConfig::__priv_test_new(secure, addr.to_string(), addr)
}

/// A request for an upgrade, and its stream.
type Upgraded = (Request, Framed<Stream, h1::Codec>);
/// Nothing can go wrong, and it is done at once.
type Taken = Ready<Result<(), actix_http::Error>>;

/// Takes streams over from HTTP.
fn sockets(
    shared: &Arc<Shared>,
    transport: Transport,
) -> impl Fn(Upgraded) -> Taken + Clone + use<> {
    let shared = Arc::clone(shared);
    // This runs once in each worker.
    actix_web::rt::spawn(Arc::clone(&shared.load).probe());
    move |(request, framed)| {
        upgrade::answer(&shared, transport, &request, framed);
        ready(Ok(()))
    }
}
