//! Values as the columns have them.

use tracker_protocol::{InfoHash, PeerId};

/// SQLite's integers are signed; no real count comes near their end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The tables' checks keep these from being negative.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn info_hash(bytes: &[u8]) -> Result<InfoHash, sqlx::Error> {
    InfoHash::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn peer_id(bytes: &[u8]) -> Result<PeerId, sqlx::Error> {
    PeerId::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}
