use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::lab::{Lab, Peer};
use crate::socket::OpenError;
use crate::{Case, Level, Miss};

/// The longest one case may take, in time-outs.
const CASE_TIMEOUTS: u32 = 8;

/// Between two attempts to reach a tracker that went away.
const RETRY: Duration = Duration::from_millis(250);

/// What to check, and how patiently.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tracker: `ws://` or `wss://`.
    pub url: String,
    /// How long something that has to come may take.
    pub timeout: Duration,
    /// How long it must stay quiet until nothing more is expected; twice the time of a round trip
    /// if that is longer.
    pub settle: Duration,
}

impl Options {
    /// The options for a tracker that is near enough: 5 s and 100 ms.
    pub fn new(url: impl Into<String>) -> Self {
        let mut url = url.into();
        // A query needs a path to stand behind.
        if !url
            .trim_start_matches("ws://")
            .trim_start_matches("wss://")
            .contains('/')
        {
            url.push('/');
        }
        Self {
            url,
            timeout: Duration::from_secs(5),
            settle: Duration::from_millis(100),
        }
    }
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As expected.
    Pass,
    /// Otherwise, where a tracker had better do as expected.
    Warning,
    /// Otherwise, where a tracker has to do as expected.
    Fail,
    /// Could not be tried.
    Skip,
    /// The case took the tracker down, or cut off others.
    Crashed,
}

/// One case and what became of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The case.
    pub case: &'static Case,
    /// What became of it.
    pub verdict: Verdict,
    /// What was seen, or why it could not be tried.
    pub got: String,
    /// How long it took.
    pub took: Duration,
}

/// How many cases had which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All cases.
    pub cases: usize,
    /// Those as expected.
    pub passed: usize,
    /// Those otherwise, where a tracker had better do as expected.
    pub warnings: usize,
    /// Those otherwise, where a tracker has to do as expected.
    pub failed: usize,
    /// Those that took the tracker down.
    pub crashed: usize,
    /// Those that could not be tried.
    pub skipped: usize,
}

impl Summary {
    fn count(&mut self, verdict: Verdict) {
        self.cases += 1;
        *match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Warning => &mut self.warnings,
            Verdict::Fail => &mut self.failed,
            Verdict::Skip => &mut self.skipped,
            Verdict::Crashed => &mut self.crashed,
        } += 1;
    }

    /// Whether nothing that has to hold was found not to.
    pub fn conforms(&self) -> bool {
        self.failed == 0 && self.crashed == 0
    }
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No WebSocket at all.
    #[error("cannot connect to `{url}`")]
    Connect {
        /// The tracker.
        url: String,
        /// Why.
        source: OpenError,
    },
    /// A WebSocket, but nobody who speaks the protocol.
    #[error("`{url}` does not answer the plainest announce: {seen}")]
    NoTracker {
        /// The tracker.
        url: String,
        /// What was seen.
        seen: String,
    },
}

/// Goes through `cases` one after the other and tells each report as it comes.
///
/// # Errors
/// When the tracker cannot be reached, or does not answer an announce as every client sends it.
pub async fn run(
    options: &Options,
    cases: &[&'static Case],
    mut tell: impl FnMut(Report),
) -> Result<Summary, RunError> {
    let mut lab = Lab {
        url: options.url.clone(),
        timeout: options.timeout,
        settle: options.settle,
    };
    let mut witness = Some(first_witness(&mut lab).await?);
    let mut summary = Summary::default();
    for case in cases {
        let started = Instant::now();
        let mut tell = |verdict, got| {
            summary.count(verdict);
            tell(Report {
                case,
                verdict,
                got,
                took: started.elapsed(),
            });
        };
        if witness.is_none() {
            witness = return_of(&lab).await;
        }
        let Some(watching) = &mut witness else {
            tell(Verdict::Skip, "the tracker is gone".to_owned());
            continue;
        };
        let outcome = timeout(lab.timeout * CASE_TIMEOUTS, (case.run)(&lab))
            .await
            .unwrap_or_else(|_| Err(Miss::Differs("took too long".to_owned())));
        if let Err(miss) = still_there(watching).await {
            witness = None;
            tell(
                Verdict::Crashed,
                format!("a bystander's socket afterwards: {miss}"),
            );
            continue;
        }
        match outcome {
            Ok(seen) => tell(Verdict::Pass, seen),
            Err(Miss::Skipped(why)) => tell(Verdict::Skip, why),
            Err(Miss::Differs(seen)) if case.level == Level::Should => tell(Verdict::Warning, seen),
            Err(Miss::Differs(seen)) => tell(Verdict::Fail, seen),
        }
    }
    Ok(summary)
}

/// A peer that has nothing to do with the cases, to see whether the tracker outlives them.
async fn first_witness(lab: &mut Lab) -> Result<Peer, RunError> {
    let url = lab.url.clone();
    let mut witness = match crate::socket::Socket::open(&url, lab.timeout, lab.settle).await {
        Ok(socket) => Peer {
            socket,
            torrent: crate::lab::torrent(),
            id: crate::lab::peer_id(),
        },
        Err(source) => return Err(RunError::Connect { url, source }),
    };
    let asked = Instant::now();
    match still_there(&mut witness).await {
        Ok(()) => {
            lab.settle = lab.settle.max(asked.elapsed() * 2).min(lab.timeout);
            Ok(witness)
        }
        Err(miss) => Err(RunError::NoTracker {
            url,
            seen: miss.to_string(),
        }),
    }
}

async fn still_there(witness: &mut Peer) -> Result<(), Miss> {
    let announce = witness.announce();
    witness.socket.say(&announce).await?;
    witness.socket.response(witness.torrent).await.map(|_| ())
}

/// A new witness, if the tracker comes back in time.
async fn return_of(lab: &Lab) -> Option<Peer> {
    let deadline = Instant::now() + lab.timeout;
    loop {
        if let Ok(peer) = lab.peer(crate::lab::torrent(), 1000).await {
            return Some(peer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(RETRY).await;
    }
}
