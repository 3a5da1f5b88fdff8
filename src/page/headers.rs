//! Headers of the page: what it may load and connect to, and caching.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{ETag, EntityTag, Header, HeaderName, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::EMBEDDED;

/// The start of an answer of type `kind`: no guessing of types, no referrer, asked again each time.
pub(super) fn guarded(kind: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("content-type", kind))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cache-control", "no-cache"));
    response
}

/// A tag that changes with `bytes`.
pub(super) fn entity_tag(bytes: &[u8]) -> ETag {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    ETag(EntityTag::new_weak(format!("{:016x}", hasher.finish())))
}

/// Tells whether the browser holds what `tag` names.
pub(super) fn matches(request: &HttpRequest, tag: &ETag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(held)) => held.iter().any(|held| held.weak_eq(&tag.0)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    }
}

/// The content security policy of the page; `connect` are sources besides our own.
///
/// The script may be a blob only where it comes from the CDN: it is checked against its
/// hash first, and no other way to load a module checks hashes in every browser.
pub(super) fn policy(connect: &str) -> (HeaderName, String) {
    let script = if EMBEDDED { "'self'" } else { "'self' blob:" };
    let policy = format!(
        "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self'; \
         media-src 'self'; connect-src 'self'{connect}; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    (HeaderName::from_static("content-security-policy"), policy)
}

/// WebSockets of the host the page was asked from, for browsers whose `'self'` means HTTP alone.
/// Nothing when the host holds a character that could end the directive.
pub(super) fn own_sockets(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    let host = connection.host();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return String::new();
    }
    format!(" ws://{host} wss://{host}")
}

/// The origins of those `urls` that name one, each after a space.
pub(super) fn origins(urls: &[String]) -> String {
    urls.iter()
        .filter_map(|url| url.split_once("://"))
        .filter_map(|(scheme, rest)| {
            let host = rest.split(['/', '?', '#']).next()?;
            Some(format!(" {scheme}://{host}"))
        })
        .collect()
}
