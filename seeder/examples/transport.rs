//! Measures the WebRTC edge alone, this process against one of peers:
//!
//! ```sh
//! cargo run --release -p seeder --example transport -- flood 5   # so many peers take all they can
//! cargo run --release -p seeder --example transport -- idle 500  # so many peers do nothing
//! cargo run --release -p seeder --example transport -- churn 10000 # so many come and go
//! ```
//!
//! CPU time and memory are this process's. Linux only.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use seeder::rtc::{Channel, Rtc};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// One block's message.
const BLOCK: usize = 16_397;
/// How long floods and idle connections are watched.
const WATCH: Duration = Duration::from_secs(10);
/// Connections made before a churn's memory counts.
const WARM_UP: u64 = 200;
/// Connections made between two lines about a churn.
const REPORT_EVERY: u64 = 500;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let count = arguments.next().and_then(|count| count.parse().ok());
    let count = count.expect("usage: transport flood|idle|churn COUNT");
    match mode.as_str() {
        "peers" => peers(count).await,
        "flood" => flood(count).await,
        "idle" => idle(count).await,
        "churn" => churn(count).await,
        _ => panic!("the mode is `{mode}`; give flood, idle or churn"),
    }
}

fn bind() -> Rtc {
    Rtc::bind("127.0.0.1:0".parse().expect("an address"), None).expect("a port")
}

/// The process of peers, as this one signals with it.
struct Peers {
    offers: Lines<BufReader<ChildStdout>>,
    answers: ChildStdin,
    _child: tokio::process::Child,
}

impl Peers {
    fn start(at_once: u64) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(["peers", &at_once.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let offers = BufReader::new(child.stdout.take().expect("its output")).lines();
        let answers = child.stdin.take().expect("its input");
        Self {
            offers,
            answers,
            _child: child,
        }
    }

    async fn connect(&mut self, rtc: &Rtc) -> Channel {
        let offer = self.offers.next_line().await.expect("a line");
        let offer: String = serde_json::from_str(&offer.expect("an offer")).expect("an offer");
        let (answer, opening) = rtc.accept_offer(&offer).await.expect("an answer");
        let line = serde_json::to_string(&answer).expect("a string") + "\n";
        let sent = self.answers.write_all(line.as_bytes()).await;
        sent.expect("it is sent");
        opening.open().await.expect("it opens")
    }
}

/// The other process: makes connections one after the other; keeps the latest
/// `at_once` of them, and takes what comes.
async fn peers(at_once: u64) {
    // Blocks this thread alone, which has nothing else to do meanwhile.
    let mut answers = std::io::stdin().lines();
    let at_once = usize::try_from(at_once).expect("not so many");
    let mut open = std::collections::VecDeque::new();
    loop {
        // A port each, as each page of a browser has.
        let rtc = bind();
        let (offer, waiting) = rtc.create_offer().await.expect("an offer");
        println!("{}", serde_json::to_string(&offer).expect("a string"));
        let Some(Ok(answer)) = answers.next() else {
            return;
        };
        let answer: String = serde_json::from_str(&answer).expect("an answer");
        let opening = waiting.accept_answer(&answer).await.expect("it is taken");
        let channel = opening.open().await.expect("it opens");
        let said = channel.send(BytesMut::from("open")).await;
        said.expect("the seeder is there");
        open.push_back(tokio::spawn(async move {
            while channel.receive().await.is_some() {}
            drop(rtc);
        }));
        if open.len() > at_once {
            open.pop_front().expect("the oldest").abort();
        }
    }
}

async fn flood(count: u64) {
    let (rtc, sent) = (bind(), Arc::new(AtomicU64::new(0)));
    let mut peers = Peers::start(count);
    for _ in 0..count {
        let channel = peers.connect(&rtc).await;
        let sent = Arc::clone(&sent);
        tokio::spawn(async move {
            while channel.send(BytesMut::zeroed(BLOCK)).await.is_ok() {
                sent.fetch_add(16_397, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (start, cpu, before) = (Instant::now(), cpu_seconds(), sent.load(Ordering::Relaxed));
    tokio::time::sleep(WATCH).await;
    let megabytes = (sent.load(Ordering::Relaxed) - before) / 1_000_000;
    let cpu = cpu_seconds() - cpu;
    println!(
        "{count} peers: {} MB/s, {:.2} CPU s/GB, {:.0} % of a core, RSS {} KB",
        megabytes * 1000 / u64::try_from(start.elapsed().as_millis()).expect("a short time"),
        cpu * 1000.0 / f64::from(u32::try_from(megabytes).expect("not so many")),
        cpu * 100.0 / start.elapsed().as_secs_f64(),
        rss_kb()
    );
}

async fn idle(count: u64) {
    let rtc = bind();
    let mut peers = Peers::start(count);
    let mut open = vec![peers.connect(&rtc).await];
    let before = rss_kb();
    let (start, cpu) = (Instant::now(), cpu_seconds());
    for _ in 1..count {
        open.push(peers.connect(&rtc).await);
    }
    println!(
        "{count} peers: RSS {before} KB with one, {} KB more each; {:.2} ms CPU and {:.0} ms time a set-up",
        (rss_kb() - before) / (count - 1).max(1),
        (cpu_seconds() - cpu) * 1000.0 / f64::from(u32::try_from(count).expect("not so many")),
        start.elapsed().as_secs_f64() * 1000.0
            / f64::from(u32::try_from(count).expect("not so many")),
    );
    let (start, cpu) = (Instant::now(), cpu_seconds());
    tokio::time::sleep(WATCH).await;
    let share = (cpu_seconds() - cpu) * 100.0 / start.elapsed().as_secs_f64();
    println!("{count} idle peers: {share:.2} % of a core");
}

async fn churn(count: u64) {
    let rtc = bind();
    // The latest stays until the next has come: what it said must go out.
    let mut peers = Peers::start(1);
    let mut warm = 0;
    for cycle in 1..=count {
        let channel = peers.connect(&rtc).await;
        let open = channel.receive().await;
        open.expect("the peer says that it is open, too");
        drop(channel);
        if cycle == WARM_UP {
            warm = rss_kb();
        }
        if cycle % REPORT_EVERY == 0 {
            let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
            let rss = rss_kb();
            println!(
                "{cycle} cycles: RSS {rss} KB, {} bytes a cycle since the {WARM_UP}th; {files} open files; {:?}",
                rss.saturating_sub(warm) * 1024 / cycle.saturating_sub(WARM_UP).max(1),
                rtc.census()
            );
        }
    }
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("fields");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("a number"))
        .sum::<f64>()
        / 100.0
}

fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.expect("a size").split_whitespace().nth(1);
    words.expect("a number").parse().expect("a number")
}
