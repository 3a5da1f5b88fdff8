//! The listeners, and what serves them: actix-web for HTTP, `upgrade` for WebSockets.
//!
//! This is what `actix_web::HttpServer` does, with one thing more: actix-http's
//! upgrade service, which gets the stream itself out of the HTTP dispatcher.

use std::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::{HttpService, Request, TlsAcceptorConfig, h1};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::{App, Error, HttpServer, middleware, web};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::admin::Part;
use crate::config::{Config, Listen};
use crate::shared::Shared;
use crate::store::Transport;
use crate::tracker::StartError;
use crate::{http, tls, upgrade};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// HTTP connections to a worker beside its WebSockets.
const HTTP_CONNECTIONS: usize = 1024;
/// Connections to the admin listener.
const ADMIN_CONNECTIONS: usize = 256;
/// Bytes the kernel keeps for one connection to the admin listener. Left to itself it
/// keeps megabytes of old events for a watcher that does not read.
const ADMIN_SEND_BUFFER: usize = 64 * 1024;
/// How long a client may take for the head of its first request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an HTTP connection may take to end.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A bound address, and its certificate if it has one.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<rustls::ServerConfig>,
}

/// Binds all addresses of a configuration.
pub(crate) fn listeners(config: &Config) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::with_capacity(config.listen.len());
    for Listen { addr, tls } in &config.listen {
        let tls = tls.as_ref().map(tls::load).transpose()?;
        let socket = bind(*addr, config.sockets.write_timeout)
            .map_err(|error| StartError::Listen { addr: *addr, error })?;
        listeners.push(Listener { socket, tls });
    }
    Ok(listeners)
}

/// Binds the address of the admin listener, if there is to be one; with its real port.
pub(crate) fn admin_listener(
    config: &Config,
) -> Result<Option<(SocketAddr, TcpListener)>, StartError> {
    let bind = |addr| -> io::Result<_> {
        let socket = bind(addr, config.sockets.write_timeout)?;
        // Accepted sockets inherit it.
        SockRef::from(&socket).set_send_buffer_size(ADMIN_SEND_BUFFER)?;
        Ok((socket.local_addr()?, socket))
    };
    let bind = |addr| bind(addr).map_err(|error| StartError::Listen { addr, error });
    config.admin_listen.map(bind).transpose()
}

fn bind(addr: SocketAddr, write_timeout: Duration) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it. A remote that stops reading for good keeps its
    // bytes in the kernel no longer than this after we have given up on it.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(write_timeout * 2))?;
    #[cfg(not(target_os = "linux"))]
    let _ = write_timeout;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG.cast_signed())?;
    Ok(socket.into())
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
/// Puts the listeners to work; returns their real addresses.
pub(crate) fn serve(
    shared: &Arc<Shared>,
    listeners: Vec<Listener>,
    pages: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<(Vec<SocketAddr>, Server), StartError> {
    let mut server = Server::build()
        .disable_signals()
        .max_concurrent_connections(
            shared
                .config
                .limits
                .sockets
                .saturating_add(HTTP_CONNECTIONS),
        );
    let mut addresses = Vec::with_capacity(listeners.len());
    for (Listener { socket, tls }, listen) in listeners.into_iter().zip(&shared.config.listen) {
        let failed = |error| StartError::Listen {
            addr: listen.addr,
            error,
        };
        let addr = socket.local_addr().map_err(failed)?;
        addresses.push(addr);
        let name = format!("tracker-{addr}");
        let (shared, pages) = (Arc::clone(shared), pages.clone());
        server = match tls {
            None => server.listen(name, socket, move || {
                let config = app_config(false, addr);
                HttpService::build()
                    .client_request_timeout(REQUEST_TIMEOUT)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .tcp_nodelay(true)
                    .local_addr(addr)
                    .upgrade(fn_service(sockets(&shared, Transport::Ws)))
                    .finish(map_config(app!(shared, pages), move |()| config.clone()))
                    .tcp()
            }),
            Some(tls) => server.listen(name, socket, move || {
                let config = app_config(true, addr);
                HttpService::build()
                    .client_request_timeout(REQUEST_TIMEOUT)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .tcp_nodelay(true)
                    .local_addr(addr)
                    .upgrade(fn_service(sockets(&shared, Transport::Wss)))
                    .finish(map_config(app!(shared, pages), move |()| config.clone()))
                    .rustls_0_23_with_config(tls.clone(), TlsAcceptorConfig::default())
            }),
        }
        .map_err(failed)?;
    }
    Ok((addresses, server.run()))
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
        .map_err(|error| StartError::Listen { addr, error })?;
    Ok(server.run())
}

/// What pages are told of the listener: without it they would take https for http.
/// actix-web makes this itself in `HttpServer` and has no other way in.
fn app_config(secure: bool, addr: SocketAddr) -> AppConfig {
    AppConfig::__priv_test_new(secure, addr.to_string(), addr)
}

/// A request for an upgrade, and its stream.
type Upgraded<S> = (Request, Framed<S, h1::Codec>);
/// Nothing can go wrong, and it is done at once.
type Taken = Ready<Result<(), actix_http::Error>>;

/// Takes streams over from HTTP.
fn sockets<S>(
    shared: &Arc<Shared>,
    transport: Transport,
) -> impl Fn(Upgraded<S>) -> Taken + Clone + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let shared = Arc::clone(shared);
    move |(request, framed)| {
        upgrade::answer(&shared, transport, &request, framed);
        ready(Ok(()))
    }
}
