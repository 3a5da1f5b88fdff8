//! §6: scrapes.

use serde_json::{Value, json};
use tracker_protocol::InfoHash;

use super::answers::still_open;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, torrent};
use crate::message::{self, Kind};

pub(super) const CASES: &[Case] = &[
    Case::must(
        "scrape.one",
        "scrape of one torrent",
        &["R-6.1", "R-6.2", "R-6.3"],
        "an entry under the binary string with complete 1, incomplete 1 and a `downloaded`",
        |lab| Box::pin(one(lab)),
    ),
    Case::must(
        "scrape.many",
        "scrape of three torrents, one unknown",
        &["R-6.1", "R-6.4"],
        "an entry for each, zeros for the unknown one",
        |lab| Box::pin(many(lab)),
    ),
    Case::must(
        "scrape.unknown",
        "scrape of an unknown torrent",
        &["R-6.4"],
        "an entry of zeros, not an empty `files`",
        |lab| Box::pin(unknown(lab)),
    ),
    Case::must(
        "scrape.empty",
        "scrape of an empty list (a keep-alive of browsers)",
        &["R-6.5"],
        "an empty `files`",
        |lab| Box::pin(empty(lab)),
    ),
    Case::must(
        "scrape.all",
        "scrape without `info_hash`",
        &["R-6.6", "R-9.1"],
        "a response or a failure, `action` of `scrape`, never silence",
        |lab| Box::pin(all(lab)),
    ),
    Case::should(
        "scrape.all-refused",
        "scrape without `info_hash`, by a stranger",
        &["R-6.6"],
        "does not tell which torrents there are",
        |lab| Box::pin(all_refused(lab)),
    ),
    Case::must(
        "scrape.short",
        "scrape of an info-hash of 5 characters",
        &["R-3.3", "R-9.1"],
        "a failure with `action` of `scrape`, or a close; nothing else",
        |lab| Box::pin(short(lab)),
    ),
    Case::must(
        "scrape.without-joining",
        "scraping joins no swarm",
        &["R-6.7"],
        "counts stay zero, offers do not come",
        |lab| Box::pin(without_joining(lab)),
    ),
    Case::should(
        "scrape.downloaded",
        "`downloaded` counts completions",
        &["R-6.3"],
        "0 with a seed that always was one, 1 when a leecher has completed",
        |lab| Box::pin(downloaded(lab)),
    ),
    Case::must(
        "scrape.repeated",
        "300 scrapes of an empty list on one socket",
        &["R-6.5"],
        "the socket is still served",
        |lab| Box::pin(repeated(lab)),
    ),
];

/// The entry of a torrent in the response to a scrape.
fn entry(response: &Value, torrent: InfoHash) -> Option<&Value> {
    let key = json!(torrent);
    response.get("files")?.get(key.as_str()?)
}

/// A response as an entry for each torrent, in words.
fn words(response: &Value, torrents: &[InfoHash]) -> String {
    let entries: Vec<String> = torrents
        .iter()
        .map(|&torrent| match entry(response, torrent) {
            None => "no entry".to_owned(),
            Some(entry) => {
                let number = |key| entry.get(key).map_or("-".to_owned(), Value::to_string);
                format!(
                    "{}/{}/{}",
                    number("complete"),
                    number("incomplete"),
                    number("downloaded")
                )
            }
        })
        .collect();
    let others = response
        .get("files")
        .and_then(Value::as_object)
        .map_or(0, |files| files.len())
        .saturating_sub(entries.iter().filter(|entry| *entry != "no entry").count());
    let others = if others > 0 {
        format!(", {others} others")
    } else {
        String::new()
    };
    let failure = if message::kind(response) == Kind::Failure {
        format!(", {}", message::sketch(response))
    } else {
        String::new()
    };
    format!("{}{others}{failure}", entries.join(", "))
}

/// Whether a torrent's entry says this, with a `downloaded` that is a number.
fn says(response: &Value, torrent: InfoHash, complete: u64, incomplete: u64) -> bool {
    entry(response, torrent).is_some_and(|entry| {
        message::counts(entry) == (Some(complete), Some(incomplete))
            && entry.get("downloaded").is_some_and(Value::is_u64)
    })
}

async fn one(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let _seed = lab.peer(torrent, 0).await?;
    let mut peer = lab.peer(torrent, 1000).await?;
    peer.socket.say(&message::scrape(json!(torrent))).await?;
    let response = peer.socket.scraped().await?;
    judged(says(&response, torrent, 1, 1), words(&response, &[torrent]))
}

async fn many(lab: &Lab) -> Outcome {
    let torrents = [torrent(), torrent(), torrent()];
    let _seed = lab.peer(torrents[0], 0).await?;
    let _leecher = lab.peer(torrents[1], 1000).await?;
    let mut socket = lab.socket().await?;
    socket.say(&message::scrape(json!(torrents))).await?;
    let response = socket.scraped().await?;
    let is_right = says(&response, torrents[0], 1, 0)
        && says(&response, torrents[1], 0, 1)
        && says(&response, torrents[2], 0, 0);
    judged(is_right, words(&response, &torrents))
}

async fn unknown(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    socket.say(&message::scrape(json!(torrent))).await?;
    let response = socket.scraped().await?;
    judged(says(&response, torrent, 0, 0), words(&response, &[torrent]))
}

async fn empty(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say(&message::scrape(json!([]))).await?;
    let response = socket.scraped().await?;
    let is_empty = response.get("files") == Some(&json!({}));
    judged(
        is_empty && message::kind(&response) == Kind::Scrape,
        message::sketch(&response),
    )
}

async fn all(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say(&json!({"action": "scrape"})).await?;
    let response = socket.scraped().await?;
    Ok(message::sketch(&response))
}

async fn all_refused(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let _peer = lab.peer(torrent, 1000).await?;
    let mut socket = lab.socket().await?;
    socket.say(&json!({"action": "scrape"})).await?;
    let heard = socket.settled().await;
    if heard
        .iter()
        .any(|response| entry(response, torrent).is_some())
    {
        differs("told of a torrent that the socket has nothing to do with")
    } else {
        Ok(message::sketches(&heard))
    }
}

async fn short(lab: &Lab) -> Outcome {
    let mut socket = lab.socket().await?;
    socket.say(&message::scrape("short")).await?;
    let heard = socket.settled().await;
    match (heard.as_slice(), socket.end()) {
        ([only], _)
            if message::kind(only) == Kind::Failure
                && only.get("action") == Some(&json!("scrape")) =>
        {
            Ok(message::sketch(only))
        }
        ([], Some(end)) => Ok(end.to_string()),
        (heard, _) => differs(message::sketches(heard)),
    }
}

async fn without_joining(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    socket.say(&message::scrape(json!(torrent))).await?;
    socket.scraped().await?;
    let mut peer = lab.peer(torrent, 1000).await?;
    peer.offer(message::offers(3)).await?;
    let heard = socket.settled().await;
    socket.say(&message::scrape(json!(torrent))).await?;
    let response = socket.scraped().await?;
    judged(
        heard.is_empty() && says(&response, torrent, 0, 1),
        format!(
            "{}; {}",
            message::sketches(&heard),
            words(&response, &[torrent])
        ),
    )
}

async fn downloaded(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut seed = lab.peer(torrent, 0).await?;
    let mut leecher = lab.peer(torrent, 1000).await?;
    let mut counted = Vec::new();
    for round in 0..2 {
        if round > 0 {
            let done = message::event(torrent, leecher.id, "completed");
            leecher.socket.say(&message::with(done, "left", 0)).await?;
            leecher.socket.response(torrent).await?;
        }
        seed.socket.say(&message::scrape(json!(torrent))).await?;
        let response = seed.socket.scraped().await?;
        let entry = entry(&response, torrent).cloned().unwrap_or_default();
        counted.push(entry.get("downloaded").cloned().unwrap_or_default());
    }
    let seen = format!(
        "{} with the seed, {} after the completion",
        counted[0], counted[1]
    );
    judged(counted == [json!(0), json!(1)], seen)
}

async fn repeated(lab: &Lab) -> Outcome {
    let mut peer = lab.peer(torrent(), 1000).await?;
    for _ in 0..300 {
        peer.socket.say(&message::scrape(json!([]))).await?;
    }
    let answers = peer.socket.settled().await.len();
    still_open(&mut peer).await?;
    Ok(format!("{answers} responses; then served as before"))
}

fn judged(is_right: bool, seen: String) -> Outcome {
    if is_right { Ok(seen) } else { differs(seen) }
}
