//! Torrent metadata: parse, create, verify, magnet links.
