//! `shoal seed`: seeds torrents or files through trackers that run elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use metainfo::{Magnet, Metainfo};
use seeder::{ChokerConfig, Seeder, UploadLimits};
use serde::Serialize;

use super::policy::{self, Policy};
use super::share::content::{self, Content};
use super::signals::Stop;
use super::{address, report, serving, transport};

/// The arguments of `shoal seed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// .torrent files to seed, or files and folders, of which torrents are made.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the content of the .torrent files is [default: beside each].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A tracker to announce to, beside the torrents' own: ws:// or wss://.
    #[arg(long = "tracker", value_name = "URL")]
    trackers: Vec<String>,
    /// The UDP address of WebRTC [default: a free port on every interface].
    #[arg(long, visible_alias = "rtc-listen", value_name = "ADDR:PORT", value_parser = address::parse)]
    listen: Option<SocketAddr>,
    /// The address that browsers reach this machine by, when a router translates it.
    #[arg(long, value_name = "IP")]
    public_ip: Option<IpAddr>,
    #[command(flatten)]
    transport: transport::Args,
    #[command(flatten)]
    policy: Policy,
    /// How many browsers of one torrent are served at a time [default: no limit of its own].
    #[arg(long, value_name = "N")]
    slots_per_torrent: Option<usize>,
    /// How many browsers of one torrent may be connected [default: no limit of its own].
    #[arg(long, value_name = "N")]
    max_peers_per_torrent: Option<usize>,
    /// How many bytes of content a second may go out of one torrent.
    #[arg(long, value_name = "SIZE", value_parser = policy::rate)]
    upload_limit_per_torrent: Option<u64>,
    /// Print one JSON object when ready, then one an event.
    #[arg(long)]
    json: bool,
}

/// Seeds until SIGINT or SIGTERM.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = serving::runtime()?;
    // What can fail at once comes before the hashing, which may take long.
    let (seeder, stop) = runtime.block_on(async {
        let stop = Stop::new().context("signals cannot be listened to")?;
        let seeder = Seeder::start(config(&args)?).await;
        anyhow::Ok((seeder.context("the seeder cannot start")?, stop))
    })?;
    let contents = args
        .paths
        .iter()
        .map(|path| {
            let is_torrent = content::is_torrent(path);
            let data = args.data.as_deref().filter(|_| is_torrent);
            if args.trackers.is_empty() && !is_torrent {
                let name = path.file_name().unwrap_or(path.as_os_str());
                bail!("{}", no_tracker(&name.display()));
            }
            content::prepare(path, data)
        })
        .collect::<anyhow::Result<Vec<Content>>>()?;
    let seeded = runtime.block_on(seed(&args, seeder, stop, contents));
    // A read from a disk that hangs must not keep the process.
    runtime.shutdown_background();
    seeded?;
    Ok(ExitCode::SUCCESS)
}

fn config(args: &Args) -> anyhow::Result<seeder::Config> {
    let mut config = seeder::Config {
        trackers: args.trackers.clone(),
        choker: choker(args),
        upload: UploadLimits {
            per_torrent: args.upload_limit_per_torrent,
            ..args.policy.upload()
        },
        ..seeder::Config::default()
    };
    if let Some(listen) = args.listen {
        config.transport.listen = listen;
    }
    config.transport.public_ip = args.public_ip;
    args.transport.apply(&mut config.transport)?;
    Ok(config)
}

fn no_tracker(of: &dyn std::fmt::Display) -> String {
    format!("no tracker for `{of}` that browsers can use: name one with --tracker wss://…")
}

async fn seed(
    args: &Args,
    seeder: Seeder,
    stop: Stop,
    contents: Vec<Content>,
) -> anyhow::Result<()> {
    let torrents: Vec<Torrent> = contents
        .iter()
        .map(|content| Torrent::new(&content.metainfo, &args.trackers))
        .collect();
    if let Some(torrent) = torrents.iter().find(|torrent| torrent.trackers.is_empty()) {
        bail!("{}", no_tracker(&torrent.name));
    }
    let outcome = watch(args, &seeder, stop, contents, torrents).await;
    // Whatever ended it, those who are connected are told.
    seeder.stop().await;
    outcome
}

fn choker(args: &Args) -> ChokerConfig {
    let mut choker = args.policy.choker();
    let per_torrent = [
        (args.slots_per_torrent, &mut choker.slots_per_torrent),
        (
            args.max_peers_per_torrent,
            &mut choker.max_peers_per_torrent,
        ),
    ];
    for (limit, place) in per_torrent {
        if let Some(limit) = limit {
            *place = limit;
        }
    }
    choker
}

async fn watch(
    args: &Args,
    seeder: &Seeder,
    stop: Stop,
    contents: Vec<Content>,
    torrents: Vec<Torrent>,
) -> anyhow::Result<()> {
    // Subscribed before the first event can happen.
    let events = seeder.events();
    for content in contents {
        seeder
            .add(content.metainfo, content.root)
            .await
            .context("the content cannot be seeded")?;
    }
    tell(args, seeder, torrents)?;
    serving::watch(seeder, events, stop, args.json).await?;
    Ok(())
}

/// A torrent as the ready line tells of it.
#[derive(Serialize)]
struct Torrent {
    name: String,
    info_hash: String,
    magnet: String,
    trackers: Vec<String>,
    length: u64,
}

impl Torrent {
    fn new(metainfo: &Metainfo, further: &[String]) -> Self {
        let mut trackers = further.to_vec();
        for url in metainfo.trackers() {
            let is_websocket = url.starts_with("ws://") || url.starts_with("wss://");
            if is_websocket && trackers.iter().all(|other| other != url) {
                trackers.push(url.to_owned());
            }
        }
        let mut magnet = Magnet::new(metainfo.info_hash()).with_trackers(trackers.iter());
        magnet.name = Some(metainfo.name().to_owned());
        magnet.length = Some(metainfo.total_length());
        magnet.web_seeds = metainfo.url_list().to_vec();
        Self {
            name: metainfo.name().to_owned(),
            info_hash: metainfo.info_hash().to_string(),
            magnet: magnet.to_string(),
            trackers,
            length: metainfo.total_length(),
        }
    }
}

/// What others need to know: of the first torrent at the top, as `share` tells
/// of its only one, and of all.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    magnet: &'a str,
    info_hash: &'a str,
    tracker: Option<&'a String>,
    /// The UDP address of WebRTC.
    listen: SocketAddr,
    pid: u32,
    #[serde(flatten)]
    outside: transport::Outside,
    torrents: &'a [Torrent],
}

fn tell(args: &Args, seeder: &Seeder, torrents: Vec<Torrent>) -> anyhow::Result<()> {
    let first = torrents.first().context("there is nothing to seed")?;
    if args.json {
        report::json(&Ready {
            event: "ready",
            magnet: &first.magnet,
            info_hash: &first.info_hash,
            tracker: first.trackers.first(),
            listen: seeder.local_addr(),
            pid: std::process::id(),
            outside: seeder.outside().into(),
            torrents: &torrents,
        })?;
        return Ok(());
    }
    for torrent in &torrents {
        report::line(format_args!(
            "Seeding {} ({})\n  {}",
            super::printable::printable(&torrent.name),
            indicatif::HumanBytes(torrent.length),
            torrent.magnet
        ))?;
        for tracker in &torrent.trackers {
            report::line(format_args!("  Tracker {tracker}"))?;
        }
    }
    for (what, address) in args.transport.outside(seeder.outside()) {
        report::line(format_args!("{what} {address}"))?;
    }
    report::line("Ctrl-C stops.")?;
    Ok(())
}
