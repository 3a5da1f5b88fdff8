//! The messages of the load, made and masked once; sending one is a copy and a few digits.

use crate::frame::{MASK, Opcode, encode};
use crate::id::{Salt, digits, escape};

/// A masked text frame with places for digits.
#[derive(Debug)]
pub(crate) struct Template {
    frame: Vec<u8>,
    /// Where the payload starts: the mask counts from there.
    payload: usize,
    /// Where each run of six digits starts, in the order of the message.
    places: Vec<usize>,
}

impl Template {
    /// Appends the frame with `fields` in its places.
    pub(crate) fn stamp(&self, fields: impl IntoIterator<Item = [u8; 6]>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        for (place, field) in self.places.iter().zip(fields) {
            let phase = place - self.payload;
            for (index, digit) in field.into_iter().enumerate() {
                out[start + place + index] = digit ^ MASK[(phase + index) % MASK.len()];
            }
        }
    }
}

/// All messages of a run.
#[derive(Debug)]
pub(crate) struct Templates {
    pub(crate) salt: Salt,
    offer_sdps: Vec<Vec<u8>>,
    answer_sdps: Vec<Vec<u8>>,
    joining: Template,
    announcing: Template,
    probing: Template,
    answering: Vec<Template>,
    offers: u32,
}

/// Bytes of an SDP when nobody says otherwise: browsers' range from one with a few candidates to
/// one with many addresses and relays.
pub(crate) const SDP_SIZES: [usize; 4] = [800, 1100, 1500, 1900];

impl Templates {
    /// Messages with `offers` offers an announce, their SDPs of one size or of [`SDP_SIZES`].
    pub(crate) fn new(salt: Salt, offers: u32, sdp_bytes: Option<usize>) -> Self {
        let sizes = sdp_bytes.map_or(SDP_SIZES, |size| [size; SDP_SIZES.len()]);
        let sdps = |setup| sizes.map(|size| sdp(size, setup)).to_vec();
        let (offer_sdps, answer_sdps) = (sdps("actpass"), sdps("active"));
        let announce = |event, offers| announce(salt, event, offers, &offer_sdps);
        Self {
            salt,
            joining: announce("\"event\":\"started\",", 0),
            announcing: announce("", offers),
            probing: announce("", 1),
            answering: answer_sdps.iter().map(|sdp| answer(salt, sdp)).collect(),
            offer_sdps,
            answer_sdps,
            offers,
        }
    }

    /// The SDP of an offer, as raw JSON without quotes.
    pub(crate) fn offer_sdp(&self, offer: u32) -> &[u8] {
        let position = offer.checked_rem(self.offers).unwrap_or(0) as usize;
        &self.offer_sdps[position % self.offer_sdps.len()]
    }

    /// The SDP of the answer to an offer, as raw JSON without quotes.
    pub(crate) fn answer_sdp(&self, offer: u32) -> &[u8] {
        &self.answer_sdps[offer as usize % self.answer_sdps.len()]
    }

    /// Appends the first announce of a peer; it has no offers.
    pub(crate) fn join(&self, torrent: u32, peer: u32, out: &mut Vec<u8>) {
        self.joining.stamp([digits(torrent), digits(peer)], out);
    }

    /// Appends an announce with all its offers, numbered from `first_offer`.
    pub(crate) fn announce(&self, who: Who, first_offer: u32, out: &mut Vec<u8>) {
        let offers = first_offer..first_offer + self.offers;
        self.announcing.stamp(who.fields(offers), out);
    }

    /// Appends an announce with a single offer.
    pub(crate) fn probe(&self, who: Who, offer: u32, out: &mut Vec<u8>) {
        self.probing.stamp(who.fields(offer..offer + 1), out);
    }

    /// Appends the answer of `peer` to an offer that connection `to` made as `to_peer`.
    pub(crate) fn answer(&self, torrent: u32, peer: u32, to: Who, offer: u32, out: &mut Vec<u8>) {
        let fields = [torrent, peer, to.peer, to.connection, offer].map(digits);
        self.answering[offer as usize % self.answering.len()].stamp(fields, out);
    }
}

/// Who announces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) connection: u32,
    pub(crate) torrent: u32,
    pub(crate) peer: u32,
}

impl Who {
    fn fields(self, offers: std::ops::Range<u32>) -> impl Iterator<Item = [u8; 6]> {
        let head = [digits(self.torrent), digits(self.peer)];
        let own = digits(self.connection);
        head.into_iter()
            .chain(offers.flat_map(move |offer| [own, digits(offer)]))
    }
}

/// A message in the making.
#[derive(Default)]
struct Draft {
    text: Vec<u8>,
    places: Vec<usize>,
}

impl Draft {
    fn text(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.text.extend_from_slice(text.as_ref());
        self
    }

    /// An id, whose bytes at `digits` are places of six digits each.
    fn id(&mut self, id: &[u8; 20], digits: &[usize]) -> &mut Self {
        let at = escape(id, &mut self.text);
        self.places.extend(digits.iter().map(|index| at[*index]));
        self
    }

    fn masked(&self) -> Template {
        let mut frame = Vec::new();
        let payload = encode(Opcode::Text, &self.text, &mut frame);
        let places = self.places.iter().map(|place| payload + place).collect();
        Template {
            frame,
            payload,
            places,
        }
    }
}

/// An announce with its fields in the order of webtorrent.js.
fn announce(salt: Salt, event: &str, offers: u32, sdps: &[Vec<u8>]) -> Template {
    let mut draft = Draft::default();
    draft
        .text(format!(
            "{{\"numwant\":{offers},\"uploaded\":0,\"downloaded\":0,\"left\":12345678,"
        ))
        .text(event)
        .text("\"action\":\"announce\",\"info_hash\":\"")
        .id(&salt.torrent(0), &[0])
        .text("\",\"peer_id\":\"")
        .id(&salt.peer(0), &[8])
        .text("\",\"offers\":[");
    for (index, sdp) in (0..offers).zip(sdps.iter().cycle()) {
        draft
            .text(if index == 0 { "" } else { "," })
            .text("{\"offer\":{\"type\":\"offer\",\"sdp\":\"")
            .text(sdp)
            .text("\"},\"offer_id\":\"")
            .id(&salt.offer(0, 0), &[0, 6])
            .text("\"}");
    }
    draft.text("]}").masked()
}

/// An answer with its fields in the order of webtorrent.js.
fn answer(salt: Salt, sdp: &[u8]) -> Template {
    Draft::default()
        .text("{\"action\":\"announce\",\"info_hash\":\"")
        .id(&salt.torrent(0), &[0])
        .text("\",\"peer_id\":\"")
        .id(&salt.peer(0), &[8])
        .text("\",\"to_peer_id\":\"")
        .id(&salt.peer(0), &[8])
        .text("\",\"answer\":{\"type\":\"answer\",\"sdp\":\"")
        .text(sdp)
        .text("\"},\"offer_id\":\"")
        .id(&salt.offer(0, 0), &[0, 6])
        .text("\"}")
        .masked()
}

/// A session description of a data channel (RFC 8841) of about `size` bytes, as raw JSON without
/// quotes; the bytes are those before escaping.
fn sdp(size: usize, setup: &str) -> Vec<u8> {
    let head = "v=0\r\no=- 7264826155803746281 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n";
    let tail = format!(
        "a=ice-ufrag:k3Rd\r\na=ice-pwd:0nWq8c7uYvTzA1LbXs5EfG2h\r\na=fingerprint:sha-256 {}\r\n\
        a=setup:{setup}\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n",
        "5B:".repeat(31) + "0E"
    );
    let mut middle = String::new();
    for candidate in 0_u32.. {
        if head.len() + middle.len() + tail.len() >= size {
            break;
        }
        let line = format!(
            "a=candidate:{} 1 udp 2113937151 192.0.2.{} {} typ host generation 0 network-cost 999\r\n",
            2_390_838_942_u32.wrapping_add(candidate * 7919),
            candidate % 256,
            49_152 + candidate % 16_000,
        );
        let room = size.saturating_sub(head.len() + middle.len() + tail.len());
        // The last candidate is cut to fit: trackers do not look inside.
        middle.extend(line.trim_end().chars().take(room.saturating_sub(2)));
        middle.push_str("\r\n");
    }
    format!("{head}{middle}{tail}")
        .replace("\r\n", "\\r\\n")
        .into_bytes()
}

#[cfg(test)]
mod tests;
