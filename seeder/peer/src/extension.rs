use bendy::decoding::{Decoder, Object};

/// Extended message id of the handshake (BEP 10).
pub(crate) const HANDSHAKE: u8 = 0;

/// The id under which we take `ut_metadata` messages (BEP 9).
pub(crate) const OUR_UT_METADATA: u8 = 1;

/// Nesting of a dictionary we read; an extended handshake needs 2.
pub(crate) const MAX_DEPTH: usize = 8;

/// Extended message ids of a peer, as its extended handshake gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TheirIds {
    pub(crate) ut_metadata: Option<u8>,
    pub(crate) lt_donthave: Option<u8>,
}

/// Writes the payload of our extended handshake.
///
/// `upload_only` is of BEP 21; `ut_metadata` is the only extension whose messages we take.
pub(crate) fn write(metadata_size: usize, reqq: u32, client: &str) -> Vec<u8> {
    format!(
        "d1:md11:ut_metadatai{OUR_UT_METADATA}ee13:metadata_sizei{metadata_size}e4:reqqi{reqq}e\
         11:upload_onlyi1e1:v{}:{client}e",
        client.len()
    )
    .into_bytes()
}

/// Reads the payload of a peer's extended handshake. One that is no canonical dictionary says nothing,
/// and is ignored as webtorrent.js ignores it. Repeated handshakes change only what they name (BEP 10).
pub(crate) fn read(payload: &[u8], ids: &mut TheirIds) {
    let mut decoder = Decoder::new(payload).with_max_depth(MAX_DEPTH);
    let Ok(Some(Object::Dict(mut handshake))) = decoder.next_object() else {
        return;
    };
    while let Ok(Some((key, value))) = handshake.next_pair() {
        if key == b"m"
            && let Object::Dict(mut names) = value
        {
            while let Ok(Some((name, id))) = names.next_pair() {
                match name {
                    b"ut_metadata" => ids.ut_metadata = message_id(id),
                    b"lt_donthave" => ids.lt_donthave = message_id(id),
                    _ => {}
                }
            }
            return;
        }
    }
}

/// An id of 0 turns the extension off (BEP 10).
fn message_id(value: Object<'_, '_>) -> Option<u8> {
    let text = value.try_into_integer().ok()?;
    text.parse().ok().filter(|id| *id != 0)
}
