use crate::{ClientMessage, Failure, InfoHash};

/// Caps on what one message may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Offers kept of one announce; the others are skipped.
    pub offers: usize,
    /// Bytes of one offer or answer, as JSON. libtorrent refuses descriptions beyond 64 KiB.
    pub description_bytes: usize,
    /// Torrents one scrape may ask about.
    pub scrape_hashes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            offers: 20,
            description_bytes: 16 * 1024,
            scrape_hashes: 100,
        }
    }
}

/// A client's message that is refused.
#[derive(Debug)]
pub struct ParseError;

/// What to do about a refused message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Send this; the connection goes on.
    Reply(Failure<'static>),
    /// No reply exists that clients survive: close with this code (RFC 6455 §7.4.1: 1007 for what
    /// is not a JSON object, 1008 for a message that names no torrent) and the reason.
    Close {
        /// The close code.
        code: u16,
        /// At most 123 bytes, as a close frame demands.
        reason: String,
    },
}

impl ParseError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        todo!()
    }

    /// The torrent the message was about, if it could be read.
    pub fn info_hash(&self) -> Option<InfoHash> {
        todo!()
    }
}

impl<'a> ClientMessage<'a> {
    /// Reads one message of a client.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, ParseError> {
        let _ = (text, limits);
        todo!()
    }
}
