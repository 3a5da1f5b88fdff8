//! What holds for every text: for fuzzing and for tests with random texts.

use crate::{ClientMessage, InfoHash, Limits, OfferId, PeerId, ServerMessage, Verdict};

/// Feeds a text to every public entry. What is accepted must be valid JSON again when written, and
/// say the same.
///
/// # Panics
/// When it does not.
pub fn message(text: &str) {
    match ClientMessage::parse(text, &Limits::default()) {
        Ok(message) => {
            let json = message.into_owned().to_json();
            serde_json::from_str::<serde::de::IgnoredAny>(&json).expect("we write JSON");
            let again = ClientMessage::parse(&json, &Limits::default());
            let again = again.expect("we read what we write");
            assert_eq!(json, again.to_json());
        }
        Err(error) => match error.verdict() {
            Verdict::Reply(failure) => {
                let reply = ServerMessage::Failure(failure).to_json();
                ServerMessage::parse(&reply).expect("clients can read our failures");
            }
            Verdict::Close { reason, .. } => assert!(reason.len() <= 123),
        },
    }
    if let Ok(message) = ServerMessage::parse(text) {
        let json = message.into_owned().to_json();
        ServerMessage::parse(&json).expect("we write what we read");
    }
    let _ = InfoHash::from_binary_string(text);
    let _ = text.parse::<PeerId>();
    let _ = OfferId::from_text(text);
}
