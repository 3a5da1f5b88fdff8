//! Ids and messages of the WebTorrent tracker protocol.
