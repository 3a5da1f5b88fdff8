use super::bench::{bare, block, extended, have, naming, request};
use crate::DecodeError;
use crate::decoder::Decoder;
use crate::message::{self, Message};

fn decode(bytes: &[u8], chunk: usize) -> Result<Vec<Message>, DecodeError> {
    let mut decoder = Decoder::new(20);
    let mut messages = Vec::new();
    for mut chunk in bytes.chunks(chunk) {
        while let Some(message) = decoder.next(&mut chunk)? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn every_kind() -> (Vec<u8>, Vec<Message>) {
    let named = block(1, 2, 3);
    let bytes = [
        vec![0; 4],
        bare(message::CHOKE),
        bare(message::UNCHOKE),
        bare(message::INTERESTED),
        bare(message::NOT_INTERESTED),
        have(9),
        vec![0, 0, 0, 4, message::BITFIELD, 1, 2, 3],
        request(1, 2, 3),
        naming(message::CANCEL, named),
        vec![0, 0, 0, 3, message::PORT, 1, 1],
        vec![0, 0, 0, 5, message::SUGGEST, 0, 0, 0, 1],
        bare(message::HAVE_ALL),
        bare(message::HAVE_NONE),
        naming(message::REJECT, named),
        vec![0, 0, 0, 5, message::ALLOWED_FAST, 0, 0, 0, 1],
        extended(3, b"payload"),
        vec![0, 0, 0, 3, 200, 1, 2],
    ];
    let messages = vec![
        Message::KeepAlive,
        Message::Choke,
        Message::Unchoke,
        Message::Interested,
        Message::NotInterested,
        Message::Have(9),
        Message::Bitfield(vec![1, 2, 3]),
        Message::Request(named),
        Message::Cancel(named),
        Message::Port,
        Message::Suggest,
        Message::HaveAll,
        Message::HaveNone,
        Message::Reject(named),
        Message::AllowedFast,
        Message::Extended {
            id: 3,
            payload: b"payload".to_vec(),
        },
        Message::Unknown,
    ];
    (bytes.concat(), messages)
}

#[test]
fn every_kind_of_message_is_read_whatever_the_chunks() {
    let (bytes, messages) = every_kind();
    for chunk in 1..=bytes.len() {
        assert_eq!(
            decode(&bytes, chunk),
            Ok(messages.clone()),
            "in chunks of {chunk}"
        );
    }
}

#[test]
fn a_message_over_its_length_is_refused_before_its_payload_comes() {
    let too_long = |id, length, limit| Err(DecodeError::TooLong { id, length, limit });
    let head = |length: u32, id: u8| [&length.to_be_bytes()[..], &[id]].concat();
    for (id, length, limit) in [
        (message::REQUEST, 14, 13),
        (message::INTERESTED, 2, 1),
        (message::BITFIELD, 5, 4),
        (message::EXTENDED, 16_385, 16_384),
        (200, 16_385, 16_384),
        (200, 0x8000_0000, 16_384),
        (message::EXTENDED, u32::MAX, 16_384),
    ] {
        assert_eq!(decode(&head(length, id), 5), too_long(id, length, limit));
    }
    assert_eq!(
        decode(&head(16_393, message::PIECE), 5),
        Err(DecodeError::UnwantedPiece)
    );
}

#[test]
fn a_message_below_its_length_is_refused() {
    for (id, bytes) in [
        (message::HAVE, vec![0, 0, 0, 4, message::HAVE, 0, 0, 0]),
        (
            message::REQUEST,
            vec![0, 0, 0, 5, message::REQUEST, 0, 0, 0, 1],
        ),
        (message::EXTENDED, vec![0, 0, 0, 1, message::EXTENDED]),
        (message::PORT, vec![0, 0, 0, 1, message::PORT]),
    ] {
        let length = u32::from(bytes[3]);
        assert_eq!(
            decode(&bytes, 1),
            Err(DecodeError::WrongLength { id, length })
        );
    }
}
