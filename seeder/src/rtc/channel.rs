//! An open data channel, and one that is about to be.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::PeerConnection;

use super::{Connection, Events, OPEN_TIMEOUT, RtcError};

/// A peer that acknowledges nothing for so long is given up.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection whose descriptions are exchanged, and whose channel opens soon.
/// Dropped, it is closed.
pub struct Opening {
    connection: Connection,
    events: Events,
    /// The channel, if we opened it.
    channel: Option<Arc<dyn DataChannel>>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl Opening {
    pub(super) fn new(connection: Connection, events: Events) -> Self {
        Self {
            connection,
            events,
            channel: None,
        }
    }

    pub(super) fn with_channel(
        connection: Connection,
        events: Events,
        channel: Arc<dyn DataChannel>,
    ) -> Self {
        Self {
            connection,
            events,
            channel: Some(channel),
        }
    }

    pub(super) fn stack(&self) -> &Arc<dyn PeerConnection> {
        self.connection.stack()
    }

    /// Waits for the channel, for [`OPEN_TIMEOUT`] at most.
    ///
    /// # Errors
    /// When the connection fails or takes too long; it is closed then.
    pub async fn open(self) -> Result<Channel, RtcError> {
        tokio::time::timeout(OPEN_TIMEOUT, self.wait())
            .await
            .map_err(|_| RtcError::OpenTimeout)?
    }

    async fn wait(mut self) -> Result<Channel, RtcError> {
        let mut gone = self.events.gone.clone();
        self.connection.runtime.hurry(true);
        tokio::select! {
            biased;
            _ = gone.wait_for(|gone| *gone) => Err(RtcError::Gone),
            channel = self.opened() => {
                let channel = channel?;
                self.connection.runtime.hurry(false);
                Ok(Channel {
                    gone: self.events.gone,
                    channel,
                    _connection: self.connection,
                })
            }
        }
    }

    async fn opened(&mut self) -> Result<Arc<dyn DataChannel>, RtcError> {
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => self.events.channels.recv().await.ok_or(RtcError::Gone)?,
        };
        while let Some(event) = channel.poll().await {
            if matches!(event, DataChannelEvent::OnOpen) {
                return Ok(channel);
            }
            if is_end(&event) {
                break;
            }
        }
        Err(RtcError::Gone)
    }
}

/// An open data channel: ordered and reliable. Dropped, it is closed and the
/// peer told so.
///
/// One task may wait in [`Channel::receive`] and [`Channel::writable`] at the
/// same time; both can be given up without loss.
pub struct Channel {
    channel: Arc<dyn DataChannel>,
    gone: watch::Receiver<bool>,
    _connection: Connection,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

impl Channel {
    /// The next message, or `None` when the connection has ended. What is not
    /// received fills bounded buffers and then holds the peer up.
    pub async fn receive(&self) -> Option<Bytes> {
        let mut gone = self.gone.clone();
        tokio::select! {
            biased;
            message = self.message() => message,
            _ = gone.wait_for(|gone| *gone) => None,
        }
    }

    async fn message(&self) -> Option<Bytes> {
        while let Some(event) = self.channel.poll().await {
            if is_end(&event) {
                return None;
            }
            if let DataChannelEvent::OnMessage(message) = event {
                return Some(message.data.freeze());
            }
        }
        None
    }

    /// Waits for credit: until fewer than [`super::SEND_BUFFER_BYTES`] are
    /// unacknowledged.
    ///
    /// # Errors
    /// When the connection has ended, or the peer took nothing for
    /// [`SEND_TIMEOUT`].
    pub async fn writable(&self) -> Result<(), RtcError> {
        let mut gone = self.gone.clone();
        tokio::select! {
            biased;
            _ = gone.wait_for(|gone| *gone) => Err(RtcError::Gone),
            result = tokio::time::timeout(SEND_TIMEOUT, self.channel.writable()) => match result {
                Ok(writable) => writable.map_err(|_| RtcError::Gone),
                Err(_) => Err(RtcError::SendTimeout),
            },
        }
    }

    /// Sends one message, at most 262 144 bytes long. Waits for credit.
    ///
    /// # Errors
    /// As [`Channel::writable`].
    pub async fn send(&self, message: BytesMut) -> Result<(), RtcError> {
        self.writable().await?;
        self.channel.send(message).await.map_err(|_| RtcError::Gone)
    }
}

fn is_end(event: &DataChannelEvent) -> bool {
    matches!(
        event,
        DataChannelEvent::OnClosing | DataChannelEvent::OnClose | DataChannelEvent::OnError
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::Rtc;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_peer_that_opens_a_second_channel_is_hung_up_on() {
        let bind = || Rtc::bind("127.0.0.1:0".parse().expect("an address"), None).expect("a port");
        let (ours, theirs) = (bind(), bind());
        let (offer, waiting) = theirs.create_offer().await.expect("an offer");
        let (answer, opening) = ours.accept_offer(&offer).await.expect("an answer");
        let waiting = waiting.accept_answer(&answer).await.expect("it is taken");
        let (peer, channel) = tokio::join!(waiting.open(), opening.open());
        let (peer, channel) = (peer.expect("it opens"), channel.expect("it opens"));
        let stack = Arc::clone(peer._connection.stack());
        let second = stack.create_data_channel("second", None).await;
        second.expect("the peer opens it");
        let ended = tokio::time::timeout(Duration::from_secs(10), channel.receive()).await;
        assert_eq!(ended, Ok(None));
    }
}
