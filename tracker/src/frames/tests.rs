use proptest::collection::vec;
use proptest::prelude::*;

use super::fuzz::{LIMIT, told};
use super::*;

/// A frame of a client.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0xf4, 0x56, 0x08];
    let mut out = vec![first];
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | u8::try_from(short).expect("short")),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(length).expect("short").to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend(u64::try_from(length).expect("a length").to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

fn heard(bytes: Vec<u8>) -> (Vec<String>, Option<u16>) {
    let mut heard = Vec::new();
    let refused = told(&mut Reader::default(), bytes, &mut heard);
    (heard, refused)
}

#[test]
fn text_binary_fragments_and_control_frames_between_them_are_told_in_order() {
    let long = "é".repeat(300);
    let bytes = [
        frame(0x81, b"one"),
        frame(0x82, "två".as_bytes()),
        frame(0x81, b""),
        // A character may be split between fragments.
        frame(0x01, b"d\xc3"),
        frame(0x89, b"are you there"),
        frame(0x00, b"\xa9j"),
        frame(0x8a, b""),
        frame(0x80, b"a"),
        frame(0x81, long.as_bytes()),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    assert_eq!(
        heard(bytes),
        (
            vec![
                "message one".to_owned(),
                "message två".into(),
                "message ".into(),
                "ping are you there".into(),
                "pong".into(),
                "message déja".into(),
                format!("message {long}"),
                "close 1000 Some(\"bye\")".into(),
            ],
            None
        )
    );
    assert_eq!(heard(frame(0x88, b"")), (vec!["close".into()], None));
}

#[test]
fn what_breaks_the_protocol_is_refused_with_the_code_that_says_how() {
    let unmasked = b"\x81\x01a".to_vec();
    let huge = [&[0x81, 0xff][..], &[0xff; 8], &[0; 4]].concat();
    for (bytes, code) in [
        (unmasked, 1002),
        (frame(0xc1, b"a"), 1002),
        (frame(0x91, b"a"), 1002),
        (frame(0x83, b"a"), 1002),
        (frame(0x8b, b"a"), 1002),
        (frame(0x09, b"fragmented"), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x80, b"nothing"), 1002),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
        ([frame(0x01, b"a"), frame(0x82, b"b")].concat(), 1002),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x88, b"\x00\x01"), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x82, b"\xff"), 1007),
        ([frame(0x01, b"\xc3"), frame(0x80, b"a")].concat(), 1007),
        (frame(0x81, &[b'a'; LIMIT + 1]), 1009),
        (huge, 1009),
        (
            [frame(0x01, &[b'a'; LIMIT]), frame(0x00, b"b")].concat(),
            1009,
        ),
    ] {
        let told = heard(bytes.clone());
        assert_eq!(told, (Vec::new(), Some(code)), "{}", bytes.escape_ascii());
    }
    assert_eq!(heard(frame(0x81, &[b'a'; LIMIT])).1, None);
    let empty = |count| [frame(0x01, b""), frame(0x00, b"").repeat(count)].concat();
    assert_eq!(heard(empty(FRAGMENTS as usize)).1, Some(1008));
    assert_eq!(heard(empty(FRAGMENTS as usize - 1)).1, None);
    // A length is refused before its bytes come.
    assert_eq!(heard(vec![0x81, 0xfe, 0xff, 0xff]).1, Some(1009));
}

#[test]
fn what_nobody_wanted_yet_waits_and_an_idle_reader_keeps_nothing() {
    let mut reader = Reader::default();
    let mut bytes = [
        frame(0x81, b"one"),
        frame(0x81, b"two"),
        frame(0x81, b"three"),
    ]
    .concat();
    let cut = bytes.len() - 2;
    let mut rest = bytes.split_off(cut);
    let mut heard = Vec::new();
    let mut one_at_a_time = |reader: &mut Reader, bytes: &mut [u8]| {
        reader
            .feed(bytes, LIMIT, |event| {
                heard.push(format!("{event:?}"));
                ControlFlow::Break(())
            })
            .expect("sound");
        heard.len()
    };
    assert_eq!(one_at_a_time(&mut reader, &mut bytes), 1);
    assert_eq!(one_at_a_time(&mut reader, &mut []), 2);
    assert_eq!(one_at_a_time(&mut reader, &mut []), 2);
    assert_eq!(one_at_a_time(&mut reader, &mut rest), 3);
    assert_eq!(one_at_a_time(&mut reader, &mut []), 3);
    assert_eq!(
        heard,
        ["one", "two", "three"].map(|text| format!("Message({text:?})"))
    );
    assert_eq!((reader.held.capacity(), reader.fragments), (0, None));
}

#[test]
fn written_frames_have_the_shortest_length_and_control_frames_fit() {
    for (length, head) in [
        (0, &[0x81, 0][..]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (0xffff, &[0x81, 126, 0xff, 0xff]),
        (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let mut out = Vec::new();
        write_text(&"a".repeat(length), &mut out);
        assert_eq!(out, [head, &vec![b'a'; length]].concat());
    }
    let mut out = Vec::new();
    write_ping(&mut out);
    write_pong(b"x", &mut out);
    write_close(None, &mut out);
    assert_eq!(out, b"\x89\x00\x8a\x01x\x88\x00");
    out.clear();
    let reason = CloseReason {
        code: CloseCode::Again,
        description: Some("é".repeat(100)),
    };
    write_close(Some(&reason), &mut out);
    let text = "é".repeat(61);
    assert_eq!(out, [b"\x88\x7c\x03\xf5", text.as_bytes()].concat());
}

/// Frames that are mostly sound, now and then with a bit wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        vec(b'a'..=b'z', 0..130),
        vec(b'a'..=b'z', 0..10),
        vec(any::<u8>(), 0..4),
    ];
    vec((first, payload), 0..12).prop_map(|frames| {
        let frames = frames.iter();
        frames
            .flat_map(|(first, payload)| frame(*first, payload))
            .collect()
    })
}

proptest! {
    #[test]
    fn portions_of_a_stream_say_what_the_whole_says(
        bytes in stream(),
        portions in vec(1_usize..40, 1..30),
    ) {
        fuzz::frames(&bytes, &portions);
    }

    #[test]
    fn any_bytes_after_a_request_are_read_or_refused(
        portion in any::<u8>(),
        bytes in prop_oneof![vec(any::<u8>(), 0..600), stream()],
        asked in any::<bool>(),
    ) {
        let request: &[u8] = if asked { REQUEST } else { &[] };
        fuzz::connection(&[&[portion], request, &bytes].concat());
    }
}

const REQUEST: &[u8] = b"GET /announce HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
