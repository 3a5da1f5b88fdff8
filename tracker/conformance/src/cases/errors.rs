//! §9: refusals that clients survive.

use serde_json::{Value, json};

use super::answers::still_open;
use crate::Miss;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message::{self, Kind};
use crate::socket::Socket;

const REFUSED: &str = "a close, or nothing; never a failure that does not say what it is about";

pub(super) const CASES: &[Case] = &[
    Case::must(
        "error.announce",
        "an announce that cannot be taken, of a torrent that can be named",
        &["R-9.1", "R-9.2", "R-9.4"],
        "a failure with `action`, `info_hash` and a reason; the socket goes on",
        |lab| Box::pin(announce(lab)),
    ),
    Case::must(
        "error.answer",
        "an answer with a broken `to_peer_id`",
        &["R-9.1", "R-9.2", "R-9.4"],
        "nothing, or a failure with `action` and `info_hash`; the socket goes on",
        |lab| Box::pin(broken_answer(lab)),
    ),
    Case::must(
        "error.no-info-hash",
        "an announce without `info_hash`",
        &["R-9.1", "R-9.2", "R-9.3"],
        REFUSED,
        |lab| {
            Box::pin(text(
                lab,
                format!(r#"{{"action":"announce","peer_id":{}}}"#, json!(peer_id())),
            ))
        },
    ),
    Case::must(
        "error.no-action",
        "an announce without `action`",
        &["R-9.1", "R-9.2", "R-9.3"],
        "a failure that names the torrent, a close, or nothing",
        |lab| Box::pin(text(lab, message::without(plain(), "action").to_string())),
    ),
    Case::must(
        "error.unknown-action",
        "an action nobody knows",
        &["R-9.1", "R-9.2", "R-9.3"],
        "a failure that names the torrent, a close, or nothing",
        |lab| {
            Box::pin(text(
                lab,
                message::with(plain(), "action", "dance").to_string(),
            ))
        },
    ),
    Case::must(
        "error.action-number",
        "an `action` that is a number",
        &["R-9.1", "R-9.2", "R-9.3"],
        "a failure that names the torrent, a close, or nothing",
        |lab| Box::pin(text(lab, message::with(plain(), "action", 1).to_string())),
    ),
    Case::must(
        "error.garbage",
        "text that is not JSON",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(text(lab, "hello, tracker".to_owned())),
    ),
    Case::must(
        "error.cut",
        "JSON that breaks off",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| {
            let mut half = plain().to_string();
            half.pop();
            Box::pin(text(lab, half))
        },
    ),
    Case::must(
        "error.empty",
        "empty message",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(text(lab, String::new())),
    ),
    Case::must(
        "error.null",
        "`null`",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(text(lab, "null".to_owned())),
    ),
    Case::must(
        "error.list",
        "a list",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(text(lab, format!("[{}]", plain()))),
    ),
    Case::must(
        "error.number",
        "a number",
        &["R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(text(lab, "20".to_owned())),
    ),
    Case::must(
        "error.two",
        "two objects in one message",
        &["R-2.1", "R-9.1", "R-9.3"],
        "refused whole: a close, or nothing",
        |lab| Box::pin(two(lab)),
    ),
    Case::must(
        "error.binary-not-utf8",
        "binary message that is not UTF-8",
        &["R-2.1", "R-9.1", "R-9.3"],
        REFUSED,
        |lab| Box::pin(not_utf8(lab)),
    ),
    Case::must(
        "error.text-not-utf8",
        "text message that is not UTF-8",
        &["R-2.1", "R-9.5"],
        "the socket is closed (RFC 6455 §8.1), with 1007 if with a code",
        |lab| Box::pin(text_not_utf8(lab)),
    ),
    Case::must(
        "error.then-announce",
        "an announce after garbage",
        &["R-9.3", "R-9.4"],
        "answered on the same socket if it is open, else on a new one",
        |lab| Box::pin(then_announce(lab)),
    ),
];

fn plain() -> Value {
    message::announce(torrent(), peer_id())
}

/// What came of a message that was refused, in words.
pub(super) fn refusal(heard: &[Value], socket: &Socket) -> String {
    match socket.end() {
        Some(end) if heard.is_empty() => end.to_string(),
        Some(end) => format!("{}; {end}", message::sketches(heard)),
        None => message::sketches(heard),
    }
}

/// Checks that what came of a refused message harms no client.
pub(super) async fn harmless(socket: &mut Socket) -> Outcome {
    let heard = socket.settled().await;
    let seen = refusal(&heard, socket);
    let harms = |message: &Value| match message::kind(message) {
        Kind::Failure => {
            let about = message.get("action").and_then(Value::as_str);
            let names_torrent = message.get("info_hash").is_some_and(Value::is_string);
            !(about == Some("scrape") || about == Some("announce") && names_torrent)
        }
        Kind::Response | Kind::Offer | Kind::Answer | Kind::Scrape | Kind::Other => true,
    };
    if heard.iter().any(harms) || !socket.odd().is_empty() {
        differs(seen)
    } else {
        Ok(seen)
    }
}

/// Checks that a text is refused in a way that harms no client.
pub(super) async fn text(lab: &Lab, text: String) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say_text(text).await?;
    harmless(&mut socket).await
}

async fn announce(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    let bad = message::with(message::announce(torrent(), peer_id()), "peer_id", "short");
    peer.socket.say(&bad).await?;
    let heard = peer.socket.settled().await;
    let is_named = |failure: &Value| {
        failure.get("action") == Some(&json!("announce"))
            && failure.get("info_hash") == bad.get("info_hash")
            && failure.get("failure reason").is_some_and(Value::is_string)
    };
    let seen = refusal(&heard, &peer.socket);
    match heard.as_slice() {
        [failure] if is_named(failure) => {
            still_open(&mut peer).await?;
            Ok(seen)
        }
        _ => differs(seen),
    }
}

async fn broken_answer(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    let answer = message::answer(
        peer.torrent,
        peer.id,
        &json!("short"),
        &json!("some offer.........."),
    );
    peer.socket.say(&answer).await?;
    let seen = harmless(&mut peer.socket).await?;
    still_open(&mut peer).await?;
    Ok(seen)
}

async fn two(lab: &Lab) -> Outcome {
    text(lab, format!("{}{}", plain(), plain())).await
}

async fn not_utf8(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket
        .say_bytes(b"{\"action\":\"\xff\xfe\"}".to_vec())
        .await?;
    harmless(&mut socket).await
}

async fn text_not_utf8(lab: &Lab) -> Outcome {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let mut socket = lab.socket().await?;
    let bytes = b"{\"action\":\"\xff\xfe\"}".to_vec();
    socket
        .frame(Frame::message(bytes, OpCode::Data(Data::Text), true))
        .await?;
    match socket.ended().await {
        Some(end) if end.code.is_none_or(|code| code == 1007) => Ok(end.to_string()),
        Some(end) => differs(end.to_string()),
        None => differs("the socket stays open"),
    }
}

async fn then_announce(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say_text("hello, tracker".to_owned()).await?;
    let heard = socket.settled().await;
    let first = refusal(&heard, &socket);
    if socket.end().is_some() {
        socket = lab.socket().await?;
    }
    let (torrent, peer) = (torrent(), peer_id());
    socket.say(&message::announce(torrent, peer)).await?;
    match socket.response(torrent).await {
        Ok(response) => Ok(format!("{first}; then {}", message::sketch(&response))),
        Err(Miss::Differs(seen) | Miss::Skipped(seen)) => differs(format!("{first}; then {seen}")),
    }
}
