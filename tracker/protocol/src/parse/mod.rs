//! Reading messages, leniently where clients differ and strictly where they must agree.

mod client;
mod fields;
mod offers;
mod server;
mod value;

pub use client::{Cap, Limits, ParseError, Verdict};
pub use server::ServerParseError;
