//! `shoal share`: the tracker, the seeder and a page to open, in one process.

mod addresses;
pub(super) mod content;
mod status;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use metainfo::{Magnet, Metainfo};
use seeder::Seeder;
use tracker::Tracker;

use self::addresses::Addresses;
use self::content::Content;
use super::policy::Policy;
use super::signals::Stop;
use super::{address, serving, transport};
use crate::page::{Page, PageFile, Share};

/// Where the page is when `--listen` does not say, if the port is free.
const USUAL_PORT: u16 = 8080;
/// Between two announces of a page: a seeder that restarts finds its pages again within this.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(60);

/// The arguments of `shoal share`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file or folder to share, or a .torrent file of something that is here.
    path: PathBuf,
    /// With a .torrent file: where its content is [default: the folder of the .torrent file].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Where to serve the page and the tracker; port 0 lets the system choose
    /// [default: 127.0.0.1:8080, or another port when that is taken].
    #[arg(long, value_name = "ADDR:PORT", value_parser = address::parse)]
    listen: Option<SocketAddr>,
    /// The address that others open, when a proxy or a name leads here: https://…
    #[arg(long, value_name = "URL", value_parser = addresses::public_url)]
    public_url: Option<String>,
    /// Serve https with this certificate chain (PEM); browsers demand https off localhost.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Believe this proxy (an address or a network) when X-Forwarded-For names its client; may be given more than once.
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<tracker::Trusted>,
    /// A further tracker to announce to: ws:// or wss://.
    #[arg(long = "tracker", value_name = "URL")]
    trackers: Vec<String>,
    #[command(flatten)]
    policy: Policy,
    /// The UDP address of WebRTC [default: a free port on every interface].
    #[arg(long, value_name = "ADDR:PORT", value_parser = address::parse)]
    rtc_listen: Option<SocketAddr>,
    /// The address that browsers reach this machine by, when a router translates it.
    #[arg(long, value_name = "IP")]
    public_ip: Option<IpAddr>,
    #[command(flatten)]
    transport: transport::Args,
    /// Print no QR code.
    #[arg(long)]
    no_qr: bool,
    /// Print one JSON object when ready, then one an event.
    #[arg(long)]
    json: bool,
}

/// Shares until SIGINT or SIGTERM.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = serving::runtime()?;
    // What can fail at once comes before the hashing, which may take long.
    let started = runtime.block_on(Started::new(&args))?;
    let content = content::prepare(&args.path, args.data.as_deref())?;
    let shared = runtime.block_on(share(&args, content, started));
    // A read from a disk that hangs must not keep the process.
    runtime.shutdown_background();
    shared?;
    Ok(ExitCode::SUCCESS)
}

/// All of a share but its content. The page answers 503 until that is known.
struct Started {
    page: Page,
    tracker: Tracker,
    addresses: Addresses,
    seeder: Seeder,
    stop: Stop,
}

impl Started {
    async fn new(args: &Args) -> anyhow::Result<Self> {
        let stop = Stop::new().context("signals cannot be listened to")?;
        let page = Page::default();
        let (tracker, addresses) = start_tracker(args, &page).await?;
        let seeder = Seeder::start(seeder_config(args, &addresses)?)
            .await
            .context("the seeder cannot start")?;
        Ok(Self {
            page,
            tracker,
            addresses,
            seeder,
            stop,
        })
    }
}

async fn share(args: &Args, content: Content, started: Started) -> anyhow::Result<()> {
    let Started {
        page,
        tracker,
        addresses,
        seeder,
        stop,
    } = started;
    let ready = announce(args, &content, &addresses, &page, seeder.outside())?;
    // Subscribed before the first event can happen.
    let events = seeder.events();
    seeder
        .add(content.metainfo, content.root)
        .await
        .context("the content cannot be shared")?;
    let watched = match ready.tell(args.json, !args.no_qr) {
        Ok(()) => serving::watch(&seeder, events, stop, args.json).await,
        Err(error) => Err(error),
    };
    // Whatever ended it, those who are connected are told.
    seeder.stop().await;
    let stopped = tracker.stop().await;
    watched?;
    Ok(stopped?)
}

/// Starts the tracker with the page beside it.
async fn start_tracker(args: &Args, page: &Page) -> anyhow::Result<(Tracker, Addresses)> {
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(cert, key)| tracker::TlsFiles { cert, key });
    let addr = args.listen.unwrap_or_else(usual_address);
    let mut listen = vec![tracker::Listen {
        tls: tls.clone(),
        ..tracker::Listen::plain(addr)
    }];
    if tls.is_some() {
        // For our own seeder, whom the certificate's name would not fit.
        let inside = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listen.push(tracker::Listen::plain(inside));
    }
    let mut config = tracker::Config {
        listen,
        ..tracker::Config::default()
    };
    config.swarm.interval = ANNOUNCE_INTERVAL;
    config.proxies.trusted.clone_from(&args.trusted_proxy);
    let routes = page.clone();
    let tracker = tracker::start(config, move |service| routes.routes(service))
        .await
        .context("the tracker cannot start")?;
    let listening = tracker.addresses().iter();
    let listening: Vec<_> = listening.filter_map(tracker::Address::tcp).collect();
    let addresses = Addresses::new(&listening, tls.is_some(), args.public_url.as_deref())?;
    Ok((tracker, addresses))
}

/// The usual port of the loopback interface, or any other when it is taken.
fn usual_address() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

fn seeder_config(args: &Args, addresses: &Addresses) -> anyhow::Result<seeder::Config> {
    let mut trackers = vec![addresses.inside.clone()];
    trackers.extend(args.trackers.iter().cloned());
    let mut config = seeder::Config {
        trackers,
        choker: args.policy.choker(),
        upload: args.policy.upload(),
        ..seeder::Config::default()
    };
    if let Some(listen) = args.rtc_listen {
        config.transport.listen = listen;
    }
    config.transport.public_ip = args.public_ip;
    args.transport.apply(&mut config.transport)?;
    Ok(config)
}

/// Fills the page, and says what others need to know.
fn announce(
    args: &Args,
    content: &Content,
    addresses: &Addresses,
    page: &Page,
    outside: seeder::rtc::Outside,
) -> anyhow::Result<status::Ready> {
    let metainfo = &content.metainfo;
    let mut trackers = vec![addresses.tracker.clone()];
    trackers.extend(args.trackers.iter().cloned());
    let torrent = format!("{}content.torrent", addresses.page);
    let mut magnet = Magnet::new(metainfo.info_hash()).with_trackers(trackers.iter());
    magnet.name = Some(metainfo.name().to_owned());
    magnet.length = Some(metainfo.total_length());
    magnet.exact_sources.push(torrent.clone());
    magnet.web_seeds = metainfo.url_list().to_vec();
    let magnet = magnet.to_string();

    let mut of_page = vec![addresses::TRACKER_PATH.to_owned()];
    of_page.extend(args.trackers.iter().cloned());
    let share = Share {
        name: metainfo.name().to_owned(),
        info_hash: metainfo.info_hash().to_string(),
        length: metainfo.total_length(),
        piece_length: metainfo.piece_length(),
        files: files(metainfo),
        magnet: magnet.clone(),
        trackers: of_page,
        web_seeds: metainfo.url_list().to_vec(),
        ice_servers: args.transport.ice_servers(),
        slots: args.policy.fixed_slots(),
    };
    page.fill(&share, content::torrent_file(metainfo, &trackers))?;
    Ok(status::Ready {
        event: "ready",
        page: addresses.page.clone(),
        magnet,
        torrent,
        info_hash: metainfo.info_hash().to_string(),
        tracker: addresses.tracker.clone(),
        pid: std::process::id(),
        name: metainfo.name().to_owned(),
        length: metainfo.total_length(),
        files: metainfo.files().len(),
        outside: outside.into(),
        servers: args.transport.outside(outside),
        hint: addresses.hint(),
    })
}

/// The files as the page lists them: without the torrent's name in front.
fn files(metainfo: &Metainfo) -> Vec<PageFile> {
    let skip = usize::from(metainfo.is_multi_file());
    metainfo
        .files()
        .iter()
        .map(|file| {
            let path = file.path.get(skip..).unwrap_or_default().join("/");
            let kind = mime_guess::from_path(&path).first_or_octet_stream();
            PageFile {
                kind: kind.essence_str().to_owned(),
                length: file.length,
                path,
            }
        })
        .collect()
}
