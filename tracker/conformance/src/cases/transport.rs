//! §2: the WebSocket under the messages.

use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message;

pub(super) const CASES: &[Case] = &[
    Case::must(
        "transport.text",
        "messages of the tracker are text",
        &["R-2.2", "R-2.3"],
        "the response is one JSON object in a text message",
        |lab| Box::pin(text(lab)),
    ),
    Case::must(
        "transport.binary",
        "JSON in a binary message",
        &["R-2.4"],
        "a binary message is read like a text message",
        |lab| Box::pin(binary(lab)),
    ),
    Case::must(
        "transport.fragments",
        "message in three fragments",
        &["R-2.5"],
        "the fragments are put together and answered",
        |lab| Box::pin(fragments(lab, false)),
    ),
    Case::must(
        "transport.fragments-ping",
        "ping between two fragments",
        &["R-2.5", "R-2.6"],
        "the ping is answered, and so is the message round it",
        |lab| Box::pin(fragments(lab, true)),
    ),
    Case::must(
        "transport.ping",
        "ping of the client",
        &["R-2.6"],
        "a pong with the payload of the ping",
        |lab| Box::pin(ping(lab)),
    ),
    Case::must(
        "transport.long-message",
        "message of 60 000 bytes in one frame",
        &["R-2.7"],
        "ten offers of 6 KB each in one frame are read and answered",
        |lab| Box::pin(long_message(lab)),
    ),
    Case::should(
        "transport.query",
        "query string in the URL",
        &["R-2.9"],
        "a query that means nothing to the tracker changes nothing",
        |lab| Box::pin(query(lab)),
    ),
];

async fn text(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    socket.say(&message::announce(torrent, peer_id())).await?;
    let response = socket.response(torrent).await;
    if let [odd, ..] = socket.odd() {
        return differs(format!("not a JSON text: {odd}"));
    }
    Ok(message::sketch(&response?))
}

async fn binary(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let announce = message::announce(torrent, peer_id());
    socket.say_bytes(announce.to_string().into_bytes()).await?;
    Ok(message::sketch(&socket.response(torrent).await?))
}

async fn fragments(lab: &Lab, with_ping: bool) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let text = message::announce(torrent, peer_id())
        .to_string()
        .into_bytes();
    // The cut may fall inside a character: only the whole has to be UTF-8 (RFC 6455 §5.6).
    let third = text.len() / 3;
    let (head, rest) = text.split_at(third);
    let (middle, tail) = rest.split_at(third);
    let frame = |part: &[u8], data, last| Frame::message(part.to_vec(), OpCode::Data(data), last);
    socket.frame(frame(head, Data::Text, false)).await?;
    if with_ping {
        socket.ping(b"between").await?;
    }
    socket.frame(frame(middle, Data::Continue, false)).await?;
    socket.frame(frame(tail, Data::Continue, true)).await?;
    let response = message::sketch(&socket.response(torrent).await?);
    if with_ping {
        let pong = socket.pong().await?;
        if pong != b"between" {
            return differs(format!("{response}; a pong of {} bytes", pong.len()));
        }
        return Ok(format!("{response}; the pong"));
    }
    Ok(response)
}

async fn ping(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.ping(b"are you there?").await?;
    let pong = socket.pong().await?;
    if pong == b"are you there?" {
        Ok("the pong".to_owned())
    } else {
        differs(format!(
            "a pong with another payload of {} bytes",
            pong.len()
        ))
    }
}

async fn long_message(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let mut offers = message::offers(10);
    for offer in offers.as_array_mut().into_iter().flatten() {
        offer["offer"]["sdp"] = "v=0\r\n".repeat(850).into();
    }
    let announce = message::with(message::announce(torrent, peer_id()), "offers", offers);
    socket.say(&announce).await?;
    Ok(message::sketch(&socket.response(torrent).await?))
}

async fn query(lab: &Lab) -> Outcome {
    let joint = if lab.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{joint}shoal-conformance=1", lab.url);
    let (torrent, mut socket) = (torrent(), lab.socket_at(&url).await?);
    socket.say(&message::announce(torrent, peer_id())).await?;
    Ok(message::sketch(&socket.response(torrent).await?))
}
