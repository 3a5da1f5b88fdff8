//! An open data channel, and one that is about to be.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::link::Link;
use super::{OPEN_TIMEOUT, RtcError};

/// A peer that acknowledges nothing for so long is given up.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// The channel's end of a link; dropping it closes the connection.
#[derive(Debug)]
pub(super) struct LinkEnd(pub(super) Arc<Link>);

impl Drop for LinkEnd {
    fn drop(&mut self) {
        self.0.drop_channel();
    }
}

/// A connection whose descriptions are exchanged, and whose channel opens soon.
/// Dropped, it is closed.
#[derive(Debug)]
pub struct Opening {
    link: LinkEnd,
}

impl Opening {
    pub(super) fn new(link: LinkEnd) -> Self {
        Self { link }
    }

    /// Waits for the channel, for [`OPEN_TIMEOUT`] at most.
    ///
    /// # Errors
    /// When the connection fails or takes too long; it is closed then.
    pub async fn open(self) -> Result<Channel, RtcError> {
        match tokio::time::timeout(OPEN_TIMEOUT, self.link.0.opened()).await {
            Ok(true) => Ok(Channel { link: self.link }),
            Ok(false) => Err(RtcError::Gone),
            Err(_) => Err(RtcError::OpenTimeout),
        }
    }
}

/// An open data channel: ordered and reliable. Dropped, it is closed and the
/// peer told so.
///
/// One task may wait in [`Channel::receive`] and [`Channel::writable`] at the
/// same time; both can be given up without loss.
#[derive(Debug)]
pub struct Channel {
    link: LinkEnd,
}

impl Channel {
    /// The address that the peer is reached at, as it was when the channel opened.
    #[must_use]
    pub fn remote_ip(&self) -> Option<IpAddr> {
        self.link.0.remote()
    }

    /// The next message, or `None` when the connection has ended. What is not
    /// received fills bounded buffers and then holds the peer up.
    pub async fn receive(&self) -> Option<Bytes> {
        self.link.0.receive().await
    }

    /// Waits for credit: until fewer than [`super::SEND_BUFFER_BYTES`] are
    /// unacknowledged, or as many as a longer way to the peer holds, within
    /// [`super::FAR_SEND_BUFFER_BYTES`].
    ///
    /// # Errors
    /// When the connection has ended, or the peer took nothing for
    /// [`SEND_TIMEOUT`].
    pub async fn writable(&self) -> Result<(), RtcError> {
        let link = &self.link.0;
        let waiting = async {
            loop {
                match link.credit() {
                    None => return Err(RtcError::Gone),
                    Some(true) => return Ok(()),
                    Some(false) => link.credited().await,
                }
            }
        };
        tokio::time::timeout(SEND_TIMEOUT, waiting)
            .await
            .map_err(|_| RtcError::SendTimeout)?
    }

    /// Sends one message, at most 262 144 bytes long. Waits for credit.
    ///
    /// # Errors
    /// As [`Channel::writable`].
    pub async fn send(&self, message: BytesMut) -> Result<(), RtcError> {
        self.writable().await?;
        self.link.0.send(message);
        Ok(())
    }
}
