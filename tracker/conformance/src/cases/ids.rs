//! §3: binary strings.

use tracker_protocol::InfoHash;

use super::errors::refusal;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message::{self, Kind};

pub(super) const CASES: &[Case] = &[
    Case::must(
        "ids.echo",
        "every kind of byte in an info-hash",
        &["R-3.1", "R-3.5"],
        "zeros, controls, quotes, backslashes and bytes up to 255 come back as they were",
        |lab| Box::pin(echo(lab)),
    ),
    Case::must(
        "ids.escaped",
        "bytes written as escapes",
        &["R-3.2"],
        "`\\u00ff` and the character itself are the same byte, so both peers are in one swarm",
        |lab| Box::pin(escaped(lab)),
    ),
    Case::must(
        "ids.short",
        "info-hash of 19 characters",
        &["R-3.3"],
        "refused",
        |lab| Box::pin(refused_hash(lab, r#""nineteen characters""#)),
    ),
    Case::must(
        "ids.long",
        "info-hash of 21 characters",
        &["R-3.3"],
        "refused, not cut off",
        |lab| Box::pin(refused_hash(lab, r#""twenty-one characters""#)),
    ),
    Case::must(
        "ids.hex",
        "info-hash in hexadecimal",
        &["R-3.3"],
        "40 digits are refused, not cut off",
        |lab| {
            Box::pin(refused_hash(
                lab,
                r#""0123456789abcdef0123456789abcdef01234567""#,
            ))
        },
    ),
    Case::must(
        "ids.wide",
        "info-hash with a character above U+00FF",
        &["R-3.4"],
        "refused: it stands for no byte",
        |lab| Box::pin(refused_hash(lab, r#""nineteen characters\u0100""#)),
    ),
    Case::must(
        "ids.surrogate",
        "info-hash with half of a surrogate pair",
        &["R-3.4"],
        "refused: it stands for no byte",
        |lab| Box::pin(refused_hash(lab, r#""nineteen characters\ud800""#)),
    ),
    Case::must(
        "ids.number",
        "info-hash that is a number",
        &["R-3.4"],
        "refused",
        |lab| Box::pin(refused_hash(lab, "12345678901234567890")),
    ),
    Case::must(
        "ids.peer-id",
        "peer id of 40 hexadecimal digits",
        &["R-3.3", "R-4.1"],
        "refused, not cut off",
        |lab| {
            Box::pin(refused_peer(
                lab,
                r#""2d57573330303030303030303030303030303030""#,
            ))
        },
    ),
    Case::must(
        "ids.peer-id-wide",
        "peer id with a character above U+00FF",
        &["R-3.4", "R-4.1"],
        "refused: it stands for no byte",
        |lab| Box::pin(refused_peer(lab, r#""-WW3021-abcdefghijk\u20ac""#)),
    ),
];

async fn echo(lab: &Lab) -> Outcome {
    let mut bytes = *torrent().as_bytes();
    bytes[..12].copy_from_slice(b"\0\x01\n\x1f \"\\/\x7f\x80\xad\xff");
    let (torrent, mut socket) = (InfoHash::from_bytes(bytes), lab.socket().await?);
    socket.say(&message::announce(torrent, peer_id())).await?;
    socket.response(torrent).await?;
    Ok("the same 20 bytes".to_owned())
}

async fn escaped(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut plain = lab.peer(torrent, 1000).await?;
    let escapes: String = torrent
        .as_bytes()
        .iter()
        .map(|byte| format!("\\u{byte:04x}"))
        .collect();
    let announce = message::announce(torrent, peer_id());
    let text = message::spliced(announce, "info_hash", &format!("\"{escapes}\""));
    let mut socket = lab.socket().await?;
    socket.say_text(text).await?;
    let response = socket.response(torrent).await?;
    plain.socket.settled().await;
    match message::counts(&response) {
        (Some(0), Some(2)) => Ok("one swarm of two peers".to_owned()),
        _ => differs(message::sketch(&response)),
    }
}

async fn refused_hash(lab: &Lab, json: &str) -> Outcome {
    let announce = message::announce(torrent(), peer_id());
    refused(lab, message::spliced(announce, "info_hash", json)).await
}

async fn refused_peer(lab: &Lab, json: &str) -> Outcome {
    let announce = message::announce(torrent(), peer_id());
    refused(lab, message::spliced(announce, "peer_id", json)).await
}

/// Checks that nothing comes that takes the message for an announce.
async fn refused(lab: &Lab, text: String) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say_text(text).await?;
    let heard = socket.settled().await;
    match heard.iter().find(|m| message::kind(m) == Kind::Response) {
        Some(response) => differs(format!("taken: {}", message::sketch(response))),
        None => Ok(refusal(&heard, &socket)),
    }
}
