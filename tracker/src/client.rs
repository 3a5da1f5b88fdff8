//! What a peer id tells of the client that made it.

use tracker_protocol::PeerId;

/// A client's two-letter code and four-letter version, by
/// [BEP 20](https://www.bittorrent.org/beps/bep_0020.html)'s form `-CCVVVV-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Client([u8; 6]);

/// The clients that are told apart in counts that are kept for ever: what remotes call themselves
/// must not make more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    WebTorrent,
    WebTorrentDesktop,
    Libtorrent,
    Anacrolix,
    Other,
}

impl Family {
    pub(crate) const ALL: [Self; 5] = [
        Self::WebTorrent,
        Self::WebTorrentDesktop,
        Self::Libtorrent,
        Self::Anacrolix,
        Self::Other,
    ];

    /// The family of the client that made this id.
    pub(crate) fn of(peer_id: &PeerId) -> Self {
        Client::of(peer_id).map_or(Self::Other, Client::family)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WebTorrent => "WebTorrent",
            Self::WebTorrentDesktop => "WebTorrent Desktop",
            Self::Libtorrent => "libtorrent",
            Self::Anacrolix => "anacrolix/torrent",
            Self::Other => "other",
        }
    }
}

impl Client {
    /// The client that made this id, if the id has the form.
    pub(crate) fn of(peer_id: &PeerId) -> Option<Self> {
        let [b'-', code @ .., b'-'] = peer_id.as_bytes().first_chunk::<8>()? else {
            return None;
        };
        code.iter()
            .all(u8::is_ascii_alphanumeric)
            .then_some(Self(*code))
    }

    /// Code and version, as in `WW0208`.
    pub(crate) fn code(self) -> String {
        self.0.map(char::from).iter().collect()
    }

    fn family(self) -> Family {
        let [first, second, ..] = self.0;
        match &[first, second] {
            b"WW" => Family::WebTorrent,
            b"WD" => Family::WebTorrentDesktop,
            b"LT" => Family::Libtorrent,
            b"GT" => Family::Anacrolix,
            _ => Family::Other,
        }
    }

    /// Its name, or its code when the name is not known to us.
    pub(crate) fn name(self) -> String {
        match self.family() {
            Family::Other => self.0[..2].iter().copied().map(char::from).collect(),
            known @ (Family::WebTorrent
            | Family::WebTorrentDesktop
            | Family::Libtorrent
            | Family::Anacrolix) => known.name().into(),
        }
    }

    /// Its version: `2.8` for WebTorrent's `0208`, the letters as they are for others.
    pub(crate) fn version(self) -> String {
        let [first, _, version @ ..] = self.0;
        let text: String = version.map(char::from).iter().collect();
        let (major, minor) = text.split_at(2);
        match (first, major.parse::<u8>(), minor.parse::<u8>()) {
            (b'W', Ok(major), Ok(minor)) => format!("{major}.{minor}"),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_by_an_azureus_style_id_and_by_no_other() {
        for (id, client) in [
            (
                b"-WW0208-abcdefghijkl",
                Some(["WW0208", "WebTorrent", "2.8"]),
            ),
            (
                b"-LT20A0-\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\xff",
                Some(["LT20A0", "libtorrent", "20A0"]),
            ),
            (
                b"-WWabcd-abcdefghijkl",
                Some(["WWabcd", "WebTorrent", "abcd"]),
            ),
            (b"-WW02\x0008-bcdefghijkl", None),
            (b"M7-4-3--abcdefghijkl", None),
        ] {
            let told = Client::of(&PeerId::from_bytes(*id))
                .map(|client| [client.code(), client.name(), client.version()]);
            assert_eq!(told, client.map(|parts| parts.map(String::from)));
        }
    }
}
