//! Magnet links ([BEP 9](https://www.bittorrent.org/beps/bep_0009.html)).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use data_encoding::BASE32;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tracker_protocol::InfoHash;

use crate::limits::{MAX_MAGNET_BYTES, MAX_URL_BYTES, MAX_URLS};
use crate::metainfo::Metainfo;

/// What JavaScript's `encodeURIComponent` leaves alone.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// A magnet link to a v1 torrent.
///
/// `Display` writes it so that webtorrent.js's magnet-uri reads every value
/// back: that drops a parameter with a second, unescaped `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Magnet {
    /// `xt`: the torrent.
    pub info_hash: InfoHash,
    /// `dn`: the name to show until the metadata is there.
    pub name: Option<String>,
    /// `xl`: bytes of content.
    pub length: Option<u64>,
    /// `tr`: tracker URLs.
    pub trackers: Vec<String>,
    /// `xs`: where the `.torrent` file is to be had.
    pub exact_sources: Vec<String>,
    /// `as`: where the content is to be had, second choice.
    pub acceptable_sources: Vec<String>,
    /// `ws`: web seeds.
    pub web_seeds: Vec<String>,
    /// `x.pe`: addresses of peers, `host:port`.
    pub peers: Vec<String>,
    /// `so`: indices of the files to fetch
    /// ([BEP 53](https://www.bittorrent.org/beps/bep_0053.html)); all when empty.
    pub select_only: Vec<RangeInclusive<u32>>,
}

/// Why a magnet link is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MagnetError {
    /// Not a magnet link.
    #[error("a magnet link starts with `magnet:?`")]
    Scheme,
    /// Too long.
    #[error("the magnet link has {0} bytes; at most {MAX_MAGNET_BYTES} are allowed")]
    TooLong(usize),
    /// No `xt=urn:btih:`.
    #[error("the magnet link names no torrent: `xt=urn:btih:` is missing")]
    NoTorrent,
    /// Only a v2 infohash.
    #[error("the magnet link names a BitTorrent v2 torrent alone, which browsers cannot open")]
    V2Only,
    /// Two torrents.
    #[error("the magnet link names two torrents")]
    TwoTorrents,
    /// The infohash is neither 40 hex nor 32 base32 characters.
    #[error("`{0}` is not an infohash: 40 hexadecimal or 32 base32 characters are")]
    InfoHash(String),
    /// A value does not decode to UTF-8, or not to what its key asks for.
    #[error("`{key}={value}` of the magnet link cannot be read")]
    Value {
        /// The key.
        key: String,
        /// The value as written.
        value: String,
    },
    /// Too many values of one key.
    #[error("the magnet link has more than {MAX_URLS} `{0}`")]
    TooMany(&'static str),
}

impl Magnet {
    /// A link that says nothing but the infohash.
    #[must_use]
    pub fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            name: None,
            length: None,
            trackers: Vec::new(),
            exact_sources: Vec::new(),
            acceptable_sources: Vec::new(),
            web_seeds: Vec::new(),
            peers: Vec::new(),
            select_only: Vec::new(),
        }
    }

    /// Reads a magnet link. Unknown parameters are passed over.
    ///
    /// # Errors
    /// When it is no magnet link, names no v1 torrent or two, a known
    /// parameter cannot be read, or there is more than this crate's limits allow.
    pub fn parse(link: &str) -> Result<Self, MagnetError> {
        if link.len() > MAX_MAGNET_BYTES {
            return Err(MagnetError::TooLong(link.len()));
        }
        let query = link
            .split_at_checked(8)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("magnet:?"))
            .map(|(_, query)| query)
            .ok_or(MagnetError::Scheme)?;
        let mut info_hash = None;
        let mut is_v2 = false;
        let mut magnet = Self::new(InfoHash::from_bytes([0; 20]));
        for parameter in query.split('&') {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if base_key(key) == "xt" {
                let topic = decode(key, value)?;
                is_v2 |= starts_with_ignoring_case(&topic, "urn:btmh:");
                let Some(found) = btih(&topic)? else { continue };
                if info_hash.is_some_and(|known| known != found) {
                    return Err(MagnetError::TwoTorrents);
                }
                info_hash = Some(found);
            } else {
                magnet.read(key, value)?;
            }
        }
        magnet.info_hash = info_hash.ok_or(if is_v2 {
            MagnetError::V2Only
        } else {
            MagnetError::NoTorrent
        })?;
        Ok(magnet)
    }

    /// Adds tracker URLs, each once.
    #[must_use]
    pub fn with_trackers<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        for url in urls {
            let url = url.into();
            if !self.trackers.contains(&url) {
                self.trackers.push(url);
            }
        }
        self
    }

    fn read(&mut self, key: &str, value: &str) -> Result<(), MagnetError> {
        match base_key(key) {
            // `+` is a space in names, by the habit of forms.
            "dn" => self.name = Some(decode(key, &value.replace('+', " "))?),
            "xl" => self.length = Some(value.parse().map_err(|_| refused(key, value))?),
            "tr" => push(&mut self.trackers, "tr", decode(key, value)?)?,
            "xs" => push(&mut self.exact_sources, "xs", decode(key, value)?)?,
            "as" => push(&mut self.acceptable_sources, "as", decode(key, value)?)?,
            "ws" => push(&mut self.web_seeds, "ws", decode(key, value)?)?,
            "x.pe" => push(&mut self.peers, "x.pe", decode(key, value)?)?,
            "so" => self.select_only = ranges(key, &decode(key, value)?)?,
            _ => {}
        }
        Ok(())
    }
}

impl From<&Metainfo> for Magnet {
    /// Links to a torrent by its infohash, name, length, trackers and web seeds.
    fn from(metainfo: &Metainfo) -> Self {
        Self {
            name: Some(metainfo.name().to_owned()),
            length: Some(metainfo.total_length()),
            web_seeds: metainfo.url_list().to_vec(),
            ..Self::new(metainfo.info_hash())
        }
        .with_trackers(metainfo.trackers())
    }
}

impl FromStr for Magnet {
    type Err = MagnetError;

    fn from_str(link: &str) -> Result<Self, MagnetError> {
        Self::parse(link)
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", self.info_hash)?;
        if let Some(name) = &self.name {
            write!(f, "&dn={}", utf8_percent_encode(name, COMPONENT))?;
        }
        if let Some(length) = self.length {
            write!(f, "&xl={length}")?;
        }
        for (key, values) in [
            ("tr", &self.trackers),
            ("xs", &self.exact_sources),
            ("as", &self.acceptable_sources),
            ("ws", &self.web_seeds),
        ] {
            for value in values {
                write!(f, "&{key}={}", utf8_percent_encode(value, COMPONENT))?;
            }
        }
        // magnet-uri 7 takes `x.pe` as it stands and does not decode it.
        for peer in &self.peers {
            let encoded = utf8_percent_encode(peer, PEER);
            write!(f, "&x.pe={encoded}")?;
        }
        for (position, range) in self.select_only.iter().enumerate() {
            f.write_str(if position == 0 { "&so=" } else { "," })?;
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

/// What `host:port` with an IPv6 literal needs unescaped.
const PEER: &AsciiSet = &COMPONENT.remove(b':').remove(b'[').remove(b']');

/// The key without the number that tells repetitions apart: `tr.1` is `tr`.
fn base_key(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((base, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            base
        }
        _ => key,
    }
}

fn btih(topic: &str) -> Result<Option<InfoHash>, MagnetError> {
    const PREFIX: &str = "urn:btih:";
    if !starts_with_ignoring_case(topic, PREFIX) {
        return Ok(None);
    }
    let text = topic.get(PREFIX.len()..).unwrap_or_default();
    let hash = match text.len() {
        40 => text.parse().ok(),
        32 => BASE32
            .decode(text.to_ascii_uppercase().as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 20]>::try_from(bytes).ok())
            .map(InfoHash::from_bytes),
        _ => None,
    };
    hash.map(Some)
        .ok_or_else(|| MagnetError::InfoHash(text.to_owned()))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn decode(key: &str, value: &str) -> Result<String, MagnetError> {
    let decoded = percent_decode_str(value)
        .decode_utf8()
        .map_err(|_| refused(key, value))?;
    Ok(decoded.into_owned())
}

fn ranges(key: &str, text: &str) -> Result<Vec<RangeInclusive<u32>>, MagnetError> {
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse().ok().zip(last.parse().ok());
        match range {
            Some((first, last)) if first <= last => ranges.push(first..=last),
            _ => return Err(refused(key, text)),
        }
    }
    Ok(ranges)
}

fn push(list: &mut Vec<String>, key: &'static str, value: String) -> Result<(), MagnetError> {
    if list.len() >= MAX_URLS || value.len() > MAX_URL_BYTES {
        return Err(MagnetError::TooMany(key));
    }
    list.push(value);
    Ok(())
}

fn refused(key: &str, value: &str) -> MagnetError {
    MagnetError::Value {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}
