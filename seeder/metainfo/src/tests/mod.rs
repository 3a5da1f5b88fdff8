//! Unit and property tests of this crate.
