use super::*;

fn unmask(frame: &[u8], header: usize) -> serde_json::Value {
    let payload: Vec<u8> = frame[header..]
        .iter()
        .zip(MASK.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    serde_json::from_slice(&payload).expect("JSON")
}

fn binary(id: [u8; 20]) -> String {
    id.map(char::from).iter().collect()
}

#[test]
fn an_announce_carries_its_own_ids_and_offers() {
    let templates = Templates::new(Salt::new(0xabcd), 5, None);
    let who = Who {
        connection: 9,
        torrent: 3,
        peer: 1009,
    };
    let mut out = vec![1, 2, 3];
    templates.announce(who, 10, &mut out);
    let json = unmask(&out[3..], 8);
    assert_eq!(json["info_hash"], binary(templates.salt.torrent(3)));
    assert_eq!(json["peer_id"], binary(templates.salt.peer(1009)));
    assert_eq!(json["numwant"], 5);
    assert_eq!(json["event"], serde_json::Value::Null);
    let offers = json["offers"].as_array().expect("offers");
    assert_eq!(offers.len(), 5);
    for (number, offer) in (10..).zip(offers) {
        assert_eq!(offer["offer_id"], binary(templates.salt.offer(9, number)));
        let sdp = offer["offer"]["sdp"].as_str().expect("sdp");
        let raw = String::from_utf8(templates.offer_sdp(number).to_vec()).expect("UTF-8");
        assert_eq!(sdp.replace("\r\n", "\\r\\n"), raw);
    }
}

#[test]
fn a_join_is_a_start_without_offers() {
    let templates = Templates::new(Salt::new(1), 5, None);
    let mut out = Vec::new();
    templates.join(2, 7, &mut out);
    let json = unmask(&out, 8);
    assert_eq!(json["event"], "started");
    assert_eq!(json["peer_id"], binary(templates.salt.peer(7)));
    assert_eq!(json["offers"], serde_json::json!([]));
}

#[test]
fn an_answer_names_both_peers_and_the_offer() {
    let templates = Templates::new(Salt::new(1), 5, Some(900));
    let to = Who {
        connection: 4,
        torrent: 2,
        peer: 1004,
    };
    let mut out = Vec::new();
    templates.answer(2, 7, to, 12, &mut out);
    let json = unmask(&out, 8);
    assert_eq!(json["info_hash"], binary(templates.salt.torrent(2)));
    assert_eq!(json["peer_id"], binary(templates.salt.peer(7)));
    assert_eq!(json["to_peer_id"], binary(templates.salt.peer(1004)));
    assert_eq!(json["offer_id"], binary(templates.salt.offer(4, 12)));
    let sdp = json["answer"]["sdp"].as_str().expect("sdp");
    assert!(sdp.contains("a=setup:active\r\n"), "{sdp}");
}

#[test]
fn session_descriptions_have_the_sizes_asked_for() {
    for size in SDP_SIZES {
        let text = String::from_utf8(sdp(size, "actpass")).expect("UTF-8");
        let bytes = text.replace("\\r\\n", "\r\n").len();
        assert!(bytes.abs_diff(size) <= 2, "{bytes} instead of {size}");
    }
}
