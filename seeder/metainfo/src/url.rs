//! URLs of trackers and web seeds: enough of a check to catch slips.

use crate::limits::MAX_URL_BYTES;

/// Why a URL is refused. The text names the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("`{url}` must start with {schemes}")]
    Scheme {
        /// The value.
        url: String,
        /// The schemes allowed, in words.
        schemes: &'static str,
    },
    /// No host, or a port that is no number.
    #[error("`{0}` must have a host, and a port from 1 to 65535 if any")]
    Host(String),
    /// White space, control or non-ASCII characters.
    #[error("`{0}` holds a character that must be percent-encoded")]
    Character(String),
    /// Too long.
    #[error("a URL of {0} characters is too long; at most {MAX_URL_BYTES} are allowed")]
    TooLong(usize),
}

/// Checks the URL of a tracker.
///
/// # Errors
/// When the scheme is not one of trackers, there is no host, or a character
/// would need an escape.
pub fn check_tracker_url(url: &str) -> Result<(), UrlError> {
    check(
        url,
        &["wss", "ws", "https", "http", "udp"],
        "wss://, ws://, https://, http:// or udp://",
    )
}

/// Checks the URL of a web seed.
///
/// # Errors
/// When the scheme is not HTTP, there is no host, or a character would need an
/// escape.
pub fn check_web_seed_url(url: &str) -> Result<(), UrlError> {
    check(url, &["https", "http"], "https:// or http://")
}

/// Tells whether browsers can speak to the tracker.
pub(crate) fn is_websocket(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("wss") || scheme.eq_ignore_ascii_case("ws")
    })
}

fn check(url: &str, schemes: &[&str], in_words: &'static str) -> Result<(), UrlError> {
    if url.len() > MAX_URL_BYTES {
        return Err(UrlError::TooLong(url.len()));
    }
    let wrong_scheme = || UrlError::Scheme {
        url: url.to_owned(),
        schemes: in_words,
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong_scheme)?;
    if !schemes
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(wrong_scheme());
    }
    if !url.chars().all(|c| c.is_ascii_graphic()) {
        return Err(UrlError::Character(url.to_owned()));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    if has_host(host_and_port) {
        Ok(())
    } else {
        Err(UrlError::Host(url.to_owned()))
    }
}

fn has_host(host_and_port: &str) -> bool {
    let (host, port) = match host_and_port.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, after)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (
                address,
                after
                    .strip_prefix(':')
                    .or((!after.is_empty()).then_some("?")),
            ),
            _ => return false,
        },
        None => match host_and_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_and_port, None),
        },
    };
    !host.is_empty() && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
