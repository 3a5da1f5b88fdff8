//! No input panics, whatever it is, and what is accepted survives a round trip.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::Index;

use super::{HASH, PEER, announce_text, captured, parse, parse_announce};
use crate::fuzz::message as feed;
use crate::{InfoHash, OfferId, PeerId};

/// Pieces of messages, to be strung together at random.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("null".to_owned()),
        Just("-1e999".to_owned()),
        Just("\"\\ud83d\\ude00\"".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just(format!("\"{HASH}\"")),
        Just("\"announce\"".to_owned()),
        Just("\"action\"".to_owned()),
        Just("\"info_hash\"".to_owned()),
        Just("\"peer_id\"".to_owned()),
        Just("\"offers\"".to_owned()),
        Just("\"offer\"".to_owned()),
        Just("\"answer\"".to_owned()),
        Just("\"offer_id\"".to_owned()),
        any::<String>(),
    ]
}

/// A JSON value of any kind and a few levels.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has finite numbers", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("a string")),
        Just(format!("\"{PEER}\"")),
        Just("\"\\ud800\"".to_owned()),
        Just("\"stopped\"".to_owned()),
        Just("\"scrape\"".to_owned()),
    ];
    leaf.prop_recursive(3, 20, 4, |value| {
        let key = prop_oneof![
            Just("offer"),
            Just("offer_id"),
            Just("sdp"),
            Just("complete"),
        ];
        prop_oneof![
            vec(value.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            vec((key, value), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("action"),
        Just("info_hash"),
        Just("peer_id"),
        Just("to_peer_id"),
        Just("offer_id"),
        Just("answer"),
        Just("offer"),
        Just("event"),
        Just("left"),
        Just("numwant"),
        Just("offers"),
        Just("trackerid"),
        Just("files"),
        Just("flags"),
        Just("interval"),
        Just("failure reason"),
        Just("unknown"),
    ]
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        feed(&text);
    }

    #[test]
    fn no_string_of_fragments_panics(fragments in vec(fragment(), 0..40)) {
        feed(&fragments.concat());
    }

    #[test]
    fn no_values_of_known_keys_panic(entries in vec((key(), json_value()), 0..5)) {
        let keys: String = entries
            .iter()
            .map(|(key, value)| format!(",\"{key}\":{value}"))
            .collect();
        feed(&announce_text(&keys));
        feed(&format!("{{\"action\":\"scrape\"{keys}}}"));
    }

    #[test]
    fn no_mutation_of_captured_traffic_panics(
        frame in any::<Index>(),
        edits in vec((any::<Index>(), any::<char>(), 0..3_u8), 1..8),
    ) {
        let mut frames = captured("client");
        frames.extend(captured("server"));
        let mut text: Vec<char> = frame.get(&frames).chars().collect();
        for (at, character, edit) in edits {
            let at = at.index(text.len());
            match edit {
                0 => text[at] = character,
                1 => text.insert(at, character),
                _ => text.truncate(at.max(1)),
            }
        }
        feed(&text.into_iter().collect::<String>());
    }

    #[test]
    fn every_id_survives_the_wire(info_hash: [u8; 20], peer_id: [u8; 20], offer: [u8; 20]) {
        let json = format!(
            "{{\"action\":\"announce\",\"info_hash\":{},\"peer_id\":{},\"offers\":[{{\"offer\":{{}},\"offer_id\":{}}}]}}",
            serde_json::to_string(&InfoHash::from_bytes(info_hash)).expect("a string"),
            serde_json::to_string(&PeerId::from_bytes(peer_id)).expect("a string"),
            serde_json::to_string(&InfoHash::from_bytes(offer)).expect("a string"),
        );
        let announce = parse_announce(&json);
        assert_eq!(announce.info_hash.as_bytes(), &info_hash);
        assert_eq!(announce.peer_id.as_bytes(), &peer_id);
        assert_eq!(announce.offers[0].offer_id, OfferId::from_bytes(offer));
        let again = parse(&json).to_json();
        let again = parse_announce(&again);
        assert_eq!(again.info_hash.as_bytes(), &info_hash);
        assert_eq!(again.offers[0].offer_id, OfferId::from_bytes(offer));
    }
}

#[test]
fn deep_nesting_neither_overflows_the_stack_nor_is_relayed() {
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for key in [
            "unknown",
            "left",
            "event",
            "offers",
            "info_hash",
            "answer",
            "files",
        ] {
            feed(&announce_text(&format!(",\"{key}\":{deep}")));
            feed(&format!("{{\"action\":\"scrape\",\"{key}\":{deep}}}"));
        }
        let offers = format!(",\"offers\":[{{\"offer_id\":\"1\",\"offer\":{deep}}}]");
        assert_eq!(parse_announce(&announce_text(&offers)).offers.len(), 0);
    }
}
