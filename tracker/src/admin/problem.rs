//! Errors of the admin API as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::error::QueryPayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;

use crate::cidr::CidrError;
use crate::sqlite::OpenError;

/// What went wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
}

impl Problem {
    pub(super) const NO_SUCH_PATH: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "no-such-path",
        "no such path",
        "/api/v1 has stats, events, torrents, torrents/{info_hash}, torrents/{info_hash}/peers, torrents/{info_hash}/peers/{peer_id}, bans and bans/{cidr}",
    );
    pub(super) const ADMIN_DISABLED: Self = Self::fixed(
        StatusCode::FORBIDDEN,
        "admin-disabled",
        "the admin API is closed",
        "the tracker runs without an admin token: start it with --admin-token-file FILE or SHOAL_ADMIN_TOKEN",
    );
    pub(super) const TOKEN_MISSING: Self = Self::fixed(
        StatusCode::UNAUTHORIZED,
        "token-missing",
        "a token is needed",
        "send the admin token in the header `Authorization: Bearer TOKEN`",
    );
    pub(super) const TOKEN_WRONG: Self = Self::fixed(
        StatusCode::UNAUTHORIZED,
        "token-wrong",
        "the token is wrong",
        "send the token that the tracker was started with",
    );
    pub(super) const NO_SUCH_TORRENT: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "no-such-torrent",
        "no such torrent",
        "nobody announced this info-hash, or it was forgotten: GET /api/v1/torrents lists what is known",
    );
    pub(super) const NO_SUCH_PEER: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "no-such-peer",
        "no such peer",
        "this peer is neither connected nor away: GET /api/v1/torrents/{info_hash}/peers lists those that are",
    );
    pub(super) const NO_SUCH_BAN: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "no-such-ban",
        "no such ban",
        "this network is not banned by itself; one that it is part of may be: GET /api/v1/bans lists them",
    );
    pub(super) const TOO_MANY_BANS: Self = Self::fixed(
        StatusCode::CONFLICT,
        "too-many-bans",
        "there are as many bans as may be",
        "there are 10000 bans: lift some, or ban greater networks",
    );
    pub(super) const NO_SUCH_METHOD: Self = Self::fixed(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "the path has no such method",
        "GET reads, PUT bans, DELETE removes a torrent, a peer or a ban: the header `Allow` tells which this path has",
    );
    pub(super) const ADMIN_ELSEWHERE: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "admin-elsewhere",
        "the admin API is not on this address",
        "this tracker has its admin API on an address of its own: ask the one given with --admin-listen",
    );
    pub(super) const EVENTS_ELSEWHERE: Self = Self::fixed(
        StatusCode::NOT_FOUND,
        "events-need-admin-listen",
        "live events need an admin listener",
        "every WebSocket on this address is a client of the tracker: set admin_listen (--admin-listen ADDR:PORT) and ask there",
    );
    pub(super) const UPGRADE_NEEDED: Self = Self::fixed(
        StatusCode::UPGRADE_REQUIRED,
        "upgrade-needed",
        "a WebSocket is needed",
        "events come over a WebSocket: ask with `Upgrade: websocket`, version 13 (RFC 6455)",
    );
    pub(super) const TOO_MANY_WATCHERS: Self = Self::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-watchers",
        "as many watch as may",
        "16 sockets watch the events already: close one of them",
    );
    pub(super) const STOPPING: Self = Self::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "stopping",
        "the tracker is stopping",
        "ask again when it has been started again",
    );
    pub(super) const STORE_UNAVAILABLE: Self = Self::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "store-unavailable",
        "the database cannot be used",
        "the live swarms are up to date; the database is tried again every few seconds, see /readyz",
    );

    const fn fixed(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: &'static str,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: Cow::Borrowed(detail),
        }
    }

    /// A value that cannot be meant.
    pub(super) fn invalid(field: &'static str, value: &str, remedy: fmt::Arguments<'_>) -> Self {
        let value = shown(value);
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid-value",
            title: "a value cannot be used",
            detail: format!("`{field}` is `{value}`: {remedy}").into(),
        }
    }

    /// A text that names no network.
    pub(super) fn network(field: &'static str, error: &CidrError) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid-value",
            title: "a value cannot be used",
            detail: format!("`{field}` cannot be used: {error}").into(),
        }
    }

    /// A body that cannot be read.
    pub(super) fn body(error: &impl fmt::Display) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid-body",
            title: "the body cannot be used",
            detail: format!(
                "{}: give a JSON object with `reason`, and `seconds` or `until`, or no body",
                shown(&error.to_string())
            )
            .into(),
        }
    }

    /// A query string that cannot be read.
    pub(super) fn query(error: &QueryPayloadError) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid-query",
            title: "the query cannot be used",
            detail: format!(
                "{}: give `cursor` and `limit`, each at most once",
                shown(&error.to_string())
            )
            .into(),
        }
    }
}

/// As much of a remote's text as is told back.
fn shown(text: &str) -> String {
    const CHARACTERS: usize = 100;
    text.chars().take(CHARACTERS).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = Body {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
        };
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            // The one that is named goes with an option of the connection (RFC 9110 §7.8).
            response.upgrade("websocket");
        }
        match serde_json::to_string(&body) {
            Ok(body) => response.content_type("application/problem+json").body(body),
            Err(_) => response.finish(),
        }
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::debug!(%error, "the database cannot be read");
        Self::STORE_UNAVAILABLE
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        tracing::debug!(%error, "the database cannot be written");
        Self::STORE_UNAVAILABLE
    }
}
