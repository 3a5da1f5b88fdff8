//! `shoal doctor`: what a browser elsewhere would see of a seeder here, and what to do about it.

mod content;
mod finding;
mod host;
mod stun;
mod trackers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::{exit, report};
use finding::{Finding, Verdict, Writer};

/// The arguments of `shoal doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Give it what you give to `shoal seed` or `shoal share`. It looks at this machine, asks the trackers
to let two peers meet, and checks torrents and their content. Nothing is changed or announced under
a real infohash; a STUN server is asked only if one is named.")]
pub(crate) struct Args {
    /// .torrent files with their content, or files and folders to be shared.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the content of the .torrent files is [default: beside each].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A tracker to ask, beside the torrents' own: ws:// or wss://.
    #[arg(long = "tracker", value_name = "URL")]
    trackers: Vec<String>,
    /// The UDP address of WebRTC [default: a free port on every interface].
    #[arg(long, visible_alias = "rtc-listen", value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The address that browsers reach this machine by, when a router translates it.
    #[arg(long, value_name = "IP")]
    public_ip: Option<IpAddr>,
    /// A STUN server that tells how this machine looks from outside; two tell more.
    #[arg(long = "stun", value_name = "HOST:PORT")]
    stun: Vec<String>,
    /// Print one JSON object a finding, then a summary.
    #[arg(long)]
    json: bool,
}

/// Looks at everything and tells what it found.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut writer = Writer::new(args.json);
    let listen = args
        .listen
        .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
    writer.group("This machine")?;
    writer.all(host::udp(listen, args.public_ip, &args.stun))?;
    writer.all([host::files()])?;

    let mut trackers = args.trackers.clone();
    let mut torrents = Vec::new();
    for path in &args.paths {
        let looked = content::look(path, args.data.as_deref())?;
        for url in &looked.trackers {
            if !trackers.contains(url) {
                trackers.push(url.clone());
            }
        }
        torrents.push((path, looked.findings));
    }
    writer.group("Trackers")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")?;
    if trackers.is_empty() {
        writer.all([Finding::note(
            "tracker",
            "none to ask; `shoal share` brings its own, `shoal seed` needs one: --tracker URL",
        )])?;
    }
    for url in &trackers {
        writer.all(runtime.block_on(trackers::ask(url)))?;
    }
    for (path, findings) in torrents {
        writer.group(&path.display().to_string())?;
        writer.all(findings)?;
    }
    let worst = writer.end()?;
    Ok(if worst == Verdict::Fail {
        ExitCode::from(exit::MISMATCH)
    } else {
        ExitCode::SUCCESS
    })
}
