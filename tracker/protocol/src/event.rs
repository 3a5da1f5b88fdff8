/// What an announce reports.
///
/// The wire has no key for [`Event::Update`]: it is what remains when `event` is absent, or is
/// anything else than the three words below (libtorrent sends `paused`, anacrolix `<regular>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Event {
    /// The peer joins the swarm.
    Started,
    /// The peer has just got everything.
    Completed,
    /// The peer leaves the swarm.
    Stopped,
    /// The periodic sign of life.
    #[default]
    Update,
}

impl Event {
    /// The event an `event` string stands for; unknown words are updates.
    pub(crate) fn from_wire(word: &str) -> Self {
        match word {
            "started" => Self::Started,
            "completed" => Self::Completed,
            "stopped" => Self::Stopped,
            _ => Self::Update,
        }
    }

    /// The word on the wire, or nothing for an update.
    pub(crate) fn to_wire(self) -> Option<&'static str> {
        match self {
            Self::Started => Some("started"),
            Self::Completed => Some("completed"),
            Self::Stopped => Some("stopped"),
            Self::Update => None,
        }
    }
}
