use std::borrow::Cow;

use crate::RawValue;

/// An offer or an answer as clients exchange them: `{"type":"offer","sdp":"v=0..."}`.
///
/// The tracker never looks inside; this is for the clients at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description<'a> {
    /// Which of the two it is.
    pub kind: DescriptionKind,
    /// The session description (RFC 8866), with all ICE candidates in it.
    pub sdp: Cow<'a, str>,
}

/// The `type` of a session description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptionKind {
    /// From the side that starts.
    Offer,
    /// From the side that was offered.
    Answer,
}

/// Why an offer or an answer is not a session description.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// Not an object with the strings `type` and `sdp`.
    #[error("session description is not `{{\"type\":…,\"sdp\":…}}`: {0}")]
    Shape(#[source] serde_json::Error),
    /// A `type` other than `offer` and `answer`.
    #[error("session description has an unknown `type`; it must be `offer` or `answer`")]
    Kind,
}

impl<'a> Description<'a> {
    /// Reads a description; keys other than `type` and `sdp` are ignored.
    pub fn parse(raw: &'a RawValue) -> Result<Self, DescriptionError> {
        #[derive(serde::Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            r#type: Cow<'a, str>,
            #[serde(borrow)]
            sdp: Cow<'a, str>,
        }
        let wire: Wire<'a> = serde_json::from_str(raw.get()).map_err(DescriptionError::Shape)?;
        let kind = match &*wire.r#type {
            "offer" => DescriptionKind::Offer,
            "answer" => DescriptionKind::Answer,
            _ => return Err(DescriptionError::Kind),
        };
        Ok(Self {
            kind,
            sdp: wire.sdp,
        })
    }
}
