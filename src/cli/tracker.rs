//! `shoal tracker`: the tracker alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tracker::{Address, ClientHeader, Config, Event, Listen, Secret, TlsFiles, Trusted};

use super::signals::Stop;
use super::{address, report};

/// The environment variable with the admin token.
const TOKEN_VARIABLE: &str = "SHOAL_ADMIN_TOKEN";

/// The arguments of `shoal tracker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Listen here; may be given more than once. Port 0 lets the system choose; unix:PATH is a
    /// Unix socket [default: 127.0.0.1:8000].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<Address>,
    /// Serve the admin API here, with live events over a WebSocket, and no more at --listen.
    #[arg(long, value_name = "ADDR:PORT", value_parser = address::parse)]
    admin_listen: Option<SocketAddr>,
    /// Keep the swarm state in this SQLite file over restarts; without it, in memory.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Read the token of the admin API from this file; else from SHOAL_ADMIN_TOKEN.
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Read further settings from this TOML file; the options here go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speak https and wss on the addresses of --listen, with this certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Believe this proxy (an address, a network or `unix`) when it names its client; may be given more than once.
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<Trusted>,
    /// The header with the client's address: X-Forwarded-For, Forwarded or X-Real-IP [default: X-Forwarded-For].
    #[arg(long, value_name = "NAME")]
    client_header: Option<ClientHeader>,
    /// Print one JSON object a line: `ready`, then what happens.
    #[arg(long)]
    json: bool,
}

/// Runs the tracker until SIGINT or SIGTERM.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let config = configuration(args)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(config, json))?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration file, with the options over it.
fn configuration(args: Args) -> anyhow::Result<Config> {
    let mut config = args
        .config
        .as_deref()
        .map(read)
        .transpose()?
        .unwrap_or_default();
    let tls = args
        .tls_cert
        .zip(args.tls_key)
        .map(|(cert, key)| TlsFiles { cert, key });
    if !args.listen.is_empty() {
        config.listen = args.listen.into_iter().map(Listen::plain).collect();
    }
    if tls.is_some() {
        for listen in &mut config.listen {
            listen.tls.clone_from(&tls);
        }
    }
    if !args.trusted_proxy.is_empty() {
        config.proxies.trusted = args.trusted_proxy;
    }
    config.proxies.header = args.client_header.unwrap_or(config.proxies.header);
    config.admin_listen = args.admin_listen.or(config.admin_listen);
    config.database = args.database.or(config.database);
    config.admin_token = match (args.admin_token_file, std::env::var_os(TOKEN_VARIABLE)) {
        (Some(file), _) => Some(Secret::from_file(&file)?),
        // What is not UTF-8 is refused as a token, and must not go for none.
        (None, Some(token)) => Some(Secret::new(&token.to_string_lossy()).context(TOKEN_VARIABLE)?),
        (None, None) => None,
    };
    Ok(config)
}

fn read(path: &Path) -> anyhow::Result<Config> {
    let what = |cannot| {
        format!(
            "the configuration file `{}` cannot be {cannot}",
            path.display()
        )
    };
    let text = std::fs::read_to_string(path).with_context(|| what("read"))?;
    toml::from_str(&text).with_context(|| what("used"))
}

#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    /// The first of `trackers`.
    tracker: &'a str,
    trackers: &'a [String],
    /// The admin listener, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<&'a str>,
    pid: u32,
}

async fn serve(config: Config, json: bool) -> anyhow::Result<()> {
    let (listen, database) = (config.listen.clone(), config.database.clone());
    let admin_open = config.admin_token.is_some();
    let mut stop = Stop::new().context("signals cannot be listened to")?;
    let tracker = tracker::start(config, |_| {}).await?;
    let events = tracker.events();
    let urls: Vec<String> = listen
        .iter()
        .zip(tracker.addresses())
        .map(|(listen, addr)| {
            let scheme = if listen.tls.is_some() { "wss" } else { "ws" };
            match addr {
                Address::Tcp(addr) => format!("{scheme}://{}", reachable(*addr)),
                Address::Unix(path) => format!("{scheme}+unix:{}", path.display()),
            }
        })
        .collect();
    // A browser opens no Unix socket, and writes no PROXY header.
    let page = listen
        .iter()
        .zip(&urls)
        .find(|(listen, _)| listen.addr.tcp().is_some() && !listen.proxy_protocol)
        .map(|(_, url)| url.as_str());
    let admin = tracker
        .admin_address()
        .map(|addr| format!("http://{}", reachable(addr)));
    let result = if json {
        let tracker_url = urls.first().map_or("", String::as_str);
        let pid = std::process::id();
        let ready = Ready {
            event: "ready",
            tracker: tracker_url,
            trackers: &urls,
            admin: admin.as_deref(),
            pid,
        };
        match report::json(&ready) {
            Ok(()) => tell(events, &mut stop).await,
            Err(error) => Err(error),
        }
    } else {
        match welcome(
            &urls,
            page,
            admin.as_deref(),
            database.as_deref(),
            admin_open,
        ) {
            Ok(()) => {
                stop.asked().await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    };
    // Whatever ended the service, what happened in it is written.
    tracker.stop().await?;
    Ok(result?)
}

/// Says where the tracker is and what it keeps.
fn welcome(
    urls: &[String],
    page: Option<&str>,
    admin: Option<&str>,
    database: Option<&Path>,
    admin_open: bool,
) -> std::io::Result<()> {
    for url in urls {
        report::line(format_args!("Tracker    {url}"))?;
    }
    // `ws` becomes `http` and `wss` becomes `https`.
    let page = page
        .or(urls.first().map(String::as_str))
        .map_or(String::new(), |url| url.replacen("ws", "http", 1));
    report::line(format_args!("Numbers    {page}/stats.json"))?;
    if admin_open {
        let at = admin.unwrap_or(&page);
        report::line(format_args!("Admin API  {at}/api/v1"))?;
    } else {
        report::line("Admin API  closed; open it with --admin-token-file FILE")?;
    }
    match database {
        Some(path) => report::line(format_args!("State      {}", path.display()))?,
        None => report::line("State      in memory; keep it with --database FILE")?,
    }
    report::line("Ctrl-C stops it.")
}

/// Prints what happens until a signal comes or stdout is gone.
async fn tell(events: Receiver<Event>, stop: &mut Stop) -> std::io::Result<()> {
    let failure = report::print_events(events);
    tokio::select! {
        biased;
        () = stop.asked() => Ok(()),
        Ok(error) = failure => Err(error),
    }
}

/// The address to use from this machine: one that means "all" is no destination.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V4(_) | IpAddr::V6(_) => addr,
    }
}
