use crate::{IdError, InfoHash, OfferId, PeerId};

const BYTES: [u8; 20] = [
    0x00, 0x07, 0x0a, 0x1f, 0x22, 0x5c, 0x61, 0x7e, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0xc3, 0xd8,
    0xdf, 0xe9, 0xfe, 0xff,
];
const HEX: &str = "00070a1f225c617e7f80859fa0adc3d8dfe9feff";

#[test]
fn an_id_shows_as_lowercase_hex_and_reads_hex_of_any_case() {
    let id = InfoHash::from_bytes(BYTES);
    assert_eq!(id.to_string(), HEX);
    assert_eq!(format!("{id:?}"), HEX);
    assert_eq!(HEX.parse(), Ok(id));
    assert_eq!(HEX.to_uppercase().parse(), Ok(id));
    assert_eq!("0007".parse::<InfoHash>(), Err(IdError::NotHex));
    assert_eq!(
        HEX.replace('a', "g").parse::<InfoHash>(),
        Err(IdError::NotHex)
    );
}

#[test]
fn an_id_travels_as_a_binary_string() {
    let id = PeerId::from_bytes(BYTES);
    let json = serde_json::to_string(&id).expect("ids are strings");
    assert_eq!(
        json,
        "\"\\u0000\\u0007\\n\\u001f\\\"\\\\a~\u{7f}\u{80}\u{85}\u{9f}\u{a0}\u{ad}\u{c3}\u{d8}\u{df}\u{e9}\u{fe}\u{ff}\""
    );
    assert_eq!(serde_json::from_str::<PeerId>(&json).ok(), Some(id));
}

#[test]
fn an_id_has_exactly_20_characters_of_one_byte_each() {
    let read = InfoHash::from_binary_string;
    assert_eq!(read(&"x".repeat(20)), Ok(InfoHash::from_bytes([b'x'; 20])));
    assert_eq!(
        read(&"\u{ff}".repeat(20)),
        Ok(InfoHash::from_bytes([0xff; 20]))
    );
    assert_eq!(read(&"x".repeat(19)), Err(IdError::Length));
    assert_eq!(read(&"x".repeat(21)), Err(IdError::Length));
    assert_eq!(read(HEX), Err(IdError::Length));
    assert_eq!(
        read(&"\u{100}".repeat(20)),
        Err(IdError::NotAByte('\u{100}'))
    );
    assert_eq!(
        InfoHash::try_from(&BYTES[..]),
        Ok(InfoHash::from_bytes(BYTES))
    );
    assert_eq!(InfoHash::try_from(&BYTES[1..]), Err(IdError::ByteCount(19)));
    let wrong = serde_json::from_str::<InfoHash>("\"short\"").expect_err("too short");
    assert!(
        wrong
            .to_string()
            .starts_with("the id is not 20 characters long"),
        "{wrong}"
    );
}

#[test]
fn an_offer_id_has_1_to_64_characters() {
    assert!(OfferId::from_text("").is_err());
    assert!(OfferId::from_text(&"ü".repeat(64)).is_ok());
    assert!(OfferId::from_text(&"ü".repeat(65)).is_err());
    assert_eq!(
        OfferId::from_text(&"x".repeat(20)),
        Ok(OfferId::from_bytes([b'x'; 20]))
    );
}
