//! How leechers and seeder exchange offers and answers, on a thread of its own.

mod client;
mod tracker;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Waker;
use tokio::sync::mpsc;
use tracker_protocol::{Description, DescriptionKind, InfoHash, OfferId, PeerId, RawValue};

use crate::BenchError;
use crate::plan::{Meeting, Plan};

/// An offer may stay unanswered for so long.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// Offers on their way to the signalling, and answers back; each leecher has one at a time.
const QUEUE: usize = 1024;

/// Which attempt of which leecher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) leecher: u32,
    pub(crate) number: u32,
}

impl Attempt {
    /// Says it in an offer's id, which comes back with the answer.
    fn offer_id(self) -> OfferId {
        let mut id = [b'0'; 20];
        let text = format!("{:010}{:010}", self.leecher, self.number);
        for (to, from) in id.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        OfferId::from_bytes(id)
    }

    fn from_offer_id(id: &OfferId) -> Option<Self> {
        let text = id.to_string();
        let (leecher, number) = text.split_at_checked(10)?;
        Some(Self {
            leecher: leecher.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    /// A peer id of its own, in the form of clients (BEP 20); `salt` tells runs apart.
    pub(crate) fn peer_id(self, salt: u16) -> PeerId {
        let mut id = [b'0'; 20];
        let (leecher, number) = (self.leecher % 100_000, self.number % 100_000);
        let text = format!("-SB0100-{:02}{leecher:05}{number:05}", salt % 100);
        for (to, from) in id.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        PeerId::from_bytes(id)
    }
}

/// A leecher's offer.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) attempt: Attempt,
    pub(crate) peer_id: PeerId,
    pub(crate) sdp: String,
}

/// The seeder's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) attempt: Attempt,
    pub(crate) sdp: String,
}

/// Both ends that the load holds.
#[derive(Debug)]
pub(crate) struct Signalling {
    calls: Option<mpsc::Sender<Call>>,
    pub(crate) replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
    /// The URL that the seeder needs.
    pub(crate) tracker: String,
    /// Says so once a seeder has announced.
    seeders: Receiver<()>,
    trouble: Arc<Mutex<Option<String>>>,
}

/// What the signalling thread knows.
struct Context {
    info_hash: InfoHash,
    length: u64,
    replies: SyncSender<Reply>,
    seeders: SyncSender<()>,
    waker: Arc<Waker>,
    /// What went wrong last.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Context {
    fn reply(&self, reply: Reply) {
        // The load reads all that there is; when it has ended, nobody needs them.
        let _ = self.replies.try_send(reply);
        let _ = self.waker.wake();
    }

    fn trouble(&self, what: String) {
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble = Some(what);
        }
    }
}

impl Signalling {
    /// Starts it. A reply wakes `waker`.
    pub(crate) fn start(plan: &Plan, waker: Arc<Waker>) -> Result<Self, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BenchError::Signalling)?;
        let (calls, heard) = mpsc::channel(QUEUE);
        let (reply_to, replies) = sync_channel(QUEUE);
        let (seeder_to, seeders) = sync_channel(1);
        let trouble = Arc::default();
        let context = Arc::new(Context {
            info_hash: plan.metainfo.info_hash(),
            length: plan.metainfo.total_length(),
            replies: reply_to,
            seeders: seeder_to,
            waker,
            trouble: Arc::clone(&trouble),
        });
        let (tracker, listener) = match &plan.meeting {
            Meeting::Tracker(url) => (url.to_string(), None),
            Meeting::Own { listen, .. } => {
                let listener = listen_on(*listen).map_err(|error| BenchError::Listen {
                    address: *listen,
                    error,
                })?;
                let address = listener.local_addr().map_err(BenchError::Signalling)?;
                (format!("ws://{address}"), Some(listener))
            }
        };
        let url = tracker.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                match listener {
                    Some(listener) => tracker::run(listener, heard, context).await,
                    None => client::run(&url, heard, context).await,
                }
            });
        });
        Ok(Self {
            calls: Some(calls),
            replies,
            thread: Some(thread),
            tracker,
            seeders,
            trouble,
        })
    }

    /// Waits until a seeder has announced to our own tracker.
    pub(crate) fn wait_for_seeder(&self, patience: Duration) -> bool {
        self.seeders.recv_timeout(patience).is_ok()
    }

    /// Makes an offer. When too many are on their way it is lost, as any may be.
    pub(crate) fn call(&self, call: Call) {
        if let Some(calls) = &self.calls {
            let _ = calls.try_send(call);
        }
    }

    /// What went wrong last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().ok()?.clone()
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen_on(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn offer(sdp: &str) -> Box<RawValue> {
    let description = Description {
        kind: DescriptionKind::Offer,
        sdp: Cow::Borrowed(sdp),
    };
    description.to_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offers_id_says_whose_it_is() {
        let attempt = Attempt {
            leecher: 4711,
            number: 3_000_000_000,
        };
        assert_eq!(Attempt::from_offer_id(&attempt.offer_id()), Some(attempt));
        let other = OfferId::from_text("something else").expect("an id");
        assert_eq!(Attempt::from_offer_id(&other), None);
        let id = attempt.peer_id(7);
        assert_eq!(id.as_bytes(), b"-SB0100-070471100000");
    }
}
