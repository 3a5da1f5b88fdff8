use tracker_protocol::PeerId;

/// Names the client from the prefix of a peer id (BEP 20, Azureus style): `-WW0300-…` is
/// `WebTorrent 0300`. Bytes that are not printable ASCII are never shown.
pub(crate) fn name(peer_id: &PeerId) -> String {
    let [b'-', code @ .., b'-', _, _, _, _, _, _, _, _, _, _, _, _] = peer_id.as_bytes() else {
        return "unknown".to_owned();
    };
    let Ok(code) = std::str::from_utf8(code) else {
        return "unknown".to_owned();
    };
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return "unknown".to_owned();
    }
    let (client, version) = code.split_at(2);
    let client = match client {
        "WW" => "WebTorrent",
        "WD" => "WebTorrent Desktop",
        "LT" | "lt" => "libtorrent",
        "qB" => "qBittorrent",
        "TR" => "Transmission",
        "DE" => "Deluge",
        "UT" => "uTorrent",
        "BI" => "BiglyBT",
        "GT" => "anacrolix/torrent",
        "SH" => "Shoal",
        other => other,
    };
    format!("{client} {version}")
}
