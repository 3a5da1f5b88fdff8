//! The BitTorrent peer protocol and the choker as pure machines.
