use thiserror::Error;
use tracker_protocol::{InfoHash, PeerId};

/// Bytes of a handshake (BEP 3).
pub(crate) const LENGTH: usize = 68;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// Reserved bit of BEP 10 (extension protocol): byte 5.
const EXTENDED: u8 = 0x10;

/// Reserved bit of BEP 6 (fast extension): byte 7.
const FAST: u8 = 0x04;

/// What a peer says in its handshake, once it is found right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) peer_id: PeerId,
    pub(crate) extended: bool,
    pub(crate) fast: bool,
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// Not the BitTorrent protocol.
    #[error("does not begin with the protocol's name")]
    NotBitTorrent,
    /// Another torrent.
    #[error("names the infohash `{0}`, not the one of this connection")]
    WrongInfoHash(InfoHash),
    /// Our own peer id: we are connected to ourselves.
    #[error("carries our own peer id")]
    OwnPeerId,
}

/// Writes our handshake.
pub(crate) fn write(info_hash: &InfoHash, peer_id: &PeerId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend(PROTOCOL);
    bytes.extend([0, 0, 0, 0, 0, EXTENDED, 0, FAST]);
    bytes.extend(info_hash.as_bytes());
    bytes.extend(peer_id.as_bytes());
    bytes
}

/// Says whether the first bytes of a handshake can still become one.
pub(crate) fn begins_well(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .zip(PROTOCOL)
        .all(|(theirs, ours)| theirs == ours)
}

/// Reads a peer's handshake.
pub(crate) fn parse(
    bytes: &[u8; LENGTH],
    info_hash: &InfoHash,
    our_peer_id: &PeerId,
) -> Result<Handshake, HandshakeError> {
    let (protocol, rest) = bytes.split_at(PROTOCOL.len());
    let (reserved, rest) = rest.split_at(8);
    let (their_info_hash, peer_id) = rest.split_at(20);
    let (Ok(their_info_hash), Ok(peer_id)) = (
        InfoHash::try_from(their_info_hash),
        PeerId::try_from(peer_id),
    ) else {
        return Err(HandshakeError::NotBitTorrent);
    };
    if protocol != PROTOCOL {
        return Err(HandshakeError::NotBitTorrent);
    }
    if their_info_hash != *info_hash {
        return Err(HandshakeError::WrongInfoHash(their_info_hash));
    }
    if peer_id == *our_peer_id {
        return Err(HandshakeError::OwnPeerId);
    }
    let sets = |byte: usize, bit: u8| reserved.get(byte).is_some_and(|byte| byte & bit != 0);
    Ok(Handshake {
        peer_id,
        extended: sets(5, EXTENDED),
        fast: sets(7, FAST),
    })
}
