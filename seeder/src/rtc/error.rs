//! What can go wrong.

use super::{OPEN_TIMEOUT, SEND_TIMEOUT, SdpError};

/// What can go wrong with one connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RtcError {
    /// Their description is refused before the stack sees it.
    #[error(transparent)]
    Description(#[from] SdpError),
    /// The stack refused something.
    #[error("webrtc: {0}")]
    Stack(String),
    /// The channel did not open in time.
    #[error("the data channel did not open within {} s", OPEN_TIMEOUT.as_secs())]
    OpenTimeout,
    /// Nothing could be sent for too long.
    #[error("the peer took nothing for {} s", SEND_TIMEOUT.as_secs())]
    SendTimeout,
    /// The connection or its channel ended.
    #[error("the connection has ended")]
    Gone,
}

impl From<webrtc::error::Error> for RtcError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::Stack(error.to_string())
    }
}
