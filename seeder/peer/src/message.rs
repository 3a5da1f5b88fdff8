use crate::BlockRequest;

/// Message ids: BEP 3, BEP 6 from 13 on, BEP 10.
pub(crate) const CHOKE: u8 = 0;
pub(crate) const UNCHOKE: u8 = 1;
pub(crate) const INTERESTED: u8 = 2;
pub(crate) const NOT_INTERESTED: u8 = 3;
pub(crate) const HAVE: u8 = 4;
pub(crate) const BITFIELD: u8 = 5;
pub(crate) const REQUEST: u8 = 6;
pub(crate) const PIECE: u8 = 7;
pub(crate) const CANCEL: u8 = 8;
pub(crate) const PORT: u8 = 9;
pub(crate) const SUGGEST: u8 = 13;
pub(crate) const HAVE_ALL: u8 = 14;
pub(crate) const HAVE_NONE: u8 = 15;
pub(crate) const REJECT: u8 = 16;
pub(crate) const ALLOWED_FAST: u8 = 17;
pub(crate) const EXTENDED: u8 = 20;

/// A whole message of a peer. `piece` is absent: a seeder asks for none, the decoder refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    KeepAlive,
    Choke,
    Unchoke,
    Interested,
    NotInterested,
    Have(u32),
    Bitfield(Vec<u8>),
    Request(BlockRequest),
    Cancel(BlockRequest),
    Port,
    Suggest,
    HaveAll,
    HaveNone,
    Reject(BlockRequest),
    AllowedFast,
    Extended { id: u8, payload: Vec<u8> },
    Unknown,
}

/// Writers of the messages a seeder sends, and of those the tests' leecher sends.
pub(crate) mod write {
    use super::{BlockRequest, EXTENDED};

    pub(crate) fn keep_alive(out: &mut Vec<u8>) {
        out.extend([0; 4]);
    }

    pub(crate) fn bare(out: &mut Vec<u8>, id: u8) {
        out.extend([0, 0, 0, 1, id]);
    }

    pub(crate) fn index(out: &mut Vec<u8>, id: u8, piece: u32) {
        out.extend([0, 0, 0, 5, id]);
        out.extend(piece.to_be_bytes());
    }

    pub(crate) fn block(out: &mut Vec<u8>, id: u8, block: &BlockRequest) {
        out.extend([0, 0, 0, 13, id]);
        out.extend(block.piece.to_be_bytes());
        out.extend(block.begin.to_be_bytes());
        out.extend(block.length.to_be_bytes());
    }

    /// # Panics
    /// If the payload is over 4 GiB: ours are a bitfield or a piece of metadata at most.
    pub(crate) fn payload(out: &mut Vec<u8>, id: u8, payload: &[u8]) {
        out.extend(length_of(payload.len() + 1));
        out.push(id);
        out.extend(payload);
    }

    pub(crate) fn extended(out: &mut Vec<u8>, id: u8, parts: [&[u8]; 2]) {
        out.extend(length_of(parts[0].len() + parts[1].len() + 2));
        out.extend([EXTENDED, id]);
        out.extend(parts[0]);
        out.extend(parts[1]);
    }

    fn length_of(bytes: usize) -> [u8; 4] {
        u32::try_from(bytes)
            .expect("our messages are far below 4 GiB")
            .to_be_bytes()
    }
}
