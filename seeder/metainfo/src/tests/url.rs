//! URLs of trackers and web seeds.

use crate::{check_tracker_url, check_web_seed_url};

#[test]
fn usual_urls_pass() {
    for url in [
        "wss://tracker.example.org",
        "ws://127.0.0.1:8000/announce?token=a%20b",
        "WSS://[::1]:443/",
        "https://user:secret@example.org/announce",
        "udp://tracker.example.org:6969",
    ] {
        assert_eq!(check_tracker_url(url), Ok(()), "{url}");
    }
    assert_eq!(check_web_seed_url("https://example.org/a#b"), Ok(()));
}

#[test]
fn slips_are_told_with_the_value() {
    let told = |url: &str| check_tracker_url(url).expect_err("refused").to_string();
    let schemes = "must start with wss://, ws://, https://, http:// or udp://";
    for url in [
        "",
        "example.org",
        "ftp://example.org",
        "wss:/example.org",
        "magnet:?xt=a",
    ] {
        assert_eq!(told(url), format!("`{url}` {schemes}"));
    }
    for url in [
        "wss://",
        "ws:///path",
        "ws://:80",
        "ws://a:",
        "ws://a:0",
        "ws://a:65536",
        "ws://a:b",
        "ws://[::1",
        "ws://[::1]x",
        "ws://u@",
    ] {
        assert_eq!(
            told(url),
            format!("`{url}` must have a host, and a port from 1 to 65535 if any")
        );
    }
    for url in ["wss://a b", "wss://a/\n", "wss://bücher.example"] {
        assert_eq!(
            told(url),
            format!("`{url}` holds a character that must be percent-encoded")
        );
    }
    assert_eq!(
        told(&format!("ws://{}", "a".repeat(2048))),
        "a URL of 2053 characters is too long; at most 2048 are allowed"
    );
    assert_eq!(
        check_web_seed_url("wss://a")
            .expect_err("refused")
            .to_string(),
        "`wss://a` must start with https:// or http://"
    );
}
