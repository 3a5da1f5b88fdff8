//! Whether two peers can meet through a tracker.

use std::time::Duration;

use conformance::{Meeting, Options};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::finding::Finding;

/// Longer and a page that was opened late waits long for a seeder that came late.
const LONG_INTERVAL_SECONDS: u64 = 600;

/// Clocks that differ by more break the checks of certificates, or will soon.
const CLOCKS_APART: time::Duration = time::Duration::seconds(60);

const NAME: &str = "tracker";

/// Lets two peers meet through the tracker at `url`.
pub(super) async fn ask(url: &str) -> Vec<Finding> {
    if !url.starts_with("ws://") && !url.starts_with("wss://") {
        return vec![Finding::warn(
            NAME,
            format!("`{url}` is not for browsers, which speak WebSocket alone"),
            "name a ws:// or wss:// tracker beside it",
        )];
    }
    match conformance::meet(&Options::new(url)).await {
        Ok(meeting) => met(url, &meeting),
        Err(error) => vec![Finding::fail(
            NAME,
            format!("{url}: {error}"),
            "without it browsers do not find this seeder: see that it runs, that its name and port are right, and that what stands before it passes WebSocket upgrades on",
        )],
    }
}

fn met(url: &str, meeting: &Meeting) -> Vec<Finding> {
    let interval = match meeting.interval {
        Some(seconds) => format!("announces every {seconds} s"),
        None => "does not say how often to announce".to_owned(),
    };
    let mut findings = vec![Finding::ok(
        NAME,
        format!(
            "{url}: connected in {}, announced in {}, two peers met in {}; {interval}",
            shown(meeting.connecting),
            shown(meeting.announcing),
            shown(meeting.meeting),
        ),
    )];
    if meeting
        .interval
        .is_some_and(|seconds| seconds > LONG_INTERVAL_SECONDS)
    {
        findings.push(Finding::warn(
            "interval",
            "pages that are open find a seeder that starts later only at their next announce",
            "shorten the interval if the tracker is yours",
        ));
    }
    if url.starts_with("ws://") && !is_here(url) {
        findings.push(Finding::warn(
            "tls",
            "pages that were opened by https may not connect to ws://",
            "give the tracker a certificate and use wss://",
        ));
    }
    findings.extend(meeting.date.as_deref().and_then(clock));
    findings
}

/// Compares the tracker's clock to ours.
fn clock(date: &str) -> Option<Finding> {
    let theirs = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    let apart = OffsetDateTime::now_utc() - theirs;
    Some(if apart.abs() <= CLOCKS_APART {
        Finding::ok("clock", "agrees with the tracker's")
    } else {
        Finding::warn(
            "clock",
            format!(
                "differs from the tracker's by {} s",
                apart.whole_seconds().abs()
            ),
            "set this machine's clock by NTP, or the tracker's: certificates are checked by it",
        )
    })
}

/// Whether only this machine is meant: browsers trust what comes from it.
fn is_here(url: &str) -> bool {
    let host = url.trim_start_matches("ws://");
    ["localhost", "127.", "[::1]"]
        .iter()
        .any(|here| host.starts_with(here))
}

fn shown(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_http_is_understood() {
        let old = clock("Sun, 06 Nov 1994 08:49:37 GMT").expect("RFC 9110 §5.6.7's example");
        let old = serde_json::to_value(old).expect("JSON");
        assert_eq!(old["verdict"], "warn");
        assert!(clock("yesterday").is_none());
    }
}
