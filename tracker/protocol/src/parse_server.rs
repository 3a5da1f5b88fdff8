use crate::ServerMessage;

/// A tracker's message that a client cannot use.
#[derive(Debug, thiserror::Error)]
pub enum ServerParseError {
    /// The tracker reports a failure without saying of what torrent; some do for any bad message.
    #[error("tracker refused a message: `{0}`")]
    Refused(String),
    /// Not a message of this protocol.
    #[error("tracker sent a message that cannot be read: {0}")]
    Invalid(String),
}

impl<'a> ServerMessage<'a> {
    /// Reads one message of a tracker.
    pub fn parse(text: &'a str) -> Result<Self, ServerParseError> {
        let _ = text;
        todo!()
    }
}
