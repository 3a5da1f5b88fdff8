//! The admin API: JSON under `/api/v1`, for whoever holds the token.
//!
//! Hashes and ids are lowercase hex, times RFC 3339. Lists come in pages: pass
//! `next_cursor` as `cursor` for the next. An error is a problem (RFC 9457)
//! whose `code` stays the same when its words change.

mod auth;
mod bans;
mod events;
mod peers;
mod problem;
mod torrents;

use actix_web::http::header;
use actix_web::{HttpResponse, Resource, ResponseError, web};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use auth::Authorized;
use problem::Problem;

use crate::http::reads;
use crate::shared::Shared;

/// Items of a page unless asked otherwise.
const PAGE_DEFAULT: u16 = 100;
/// Items of the longest page.
const PAGE_MAX: u16 = 1000;

/// Methods of a path that reads; HEAD is as GET (RFC 9110 §9.1).
const READS: &str = "GET, HEAD";

/// What a listener has of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: the admin listener.
    Whole,
    /// All but the live events: a public listener without an admin listener beside it.
    WithoutEvents,
    /// Nothing: a public listener with one beside it.
    Nothing,
}

pub(crate) fn configure(to: &mut web::ServiceConfig, part: Part) {
    if part == Part::Nothing {
        let elsewhere = || std::future::ready(Problem::ADMIN_ELSEWHERE);
        to.service(web::scope("/api").default_service(web::to(elsewhere)));
        return;
    }
    let events = if part == Part::Whole {
        reads(events::watch)
    } else {
        reads(events::elsewhere)
    };
    let v1 = web::scope("/v1")
        .service(at("/stats", READS).route(reads(stats)))
        .service(at("/events", READS).route(events))
        .service(at("/torrents", READS).route(reads(torrents::list)))
        .service(
            at("/torrents/{info_hash}", "GET, HEAD, DELETE")
                .route(reads(torrents::one))
                .route(web::delete().to(torrents::remove)),
        )
        .service(at("/torrents/{info_hash}/peers", READS).route(reads(peers::list)))
        .service(
            at("/torrents/{info_hash}/peers/{peer_id}", "DELETE")
                .route(web::delete().to(peers::kick)),
        )
        .service(at("/bans", READS).route(reads(bans::list)))
        .service(
            at("/bans/{cidr:.*}", "GET, HEAD, PUT, DELETE")
                .route(reads(bans::one))
                .route(web::put().to(bans::put))
                .route(web::delete().to(bans::lift)),
        )
        .default_service(web::to(no_such_path));
    // Whatever is asked for under it, its errors have one form.
    to.service(
        web::scope("/api")
            .service(v1)
            .default_service(web::to(no_such_path)),
    );
}

/// A path whose other methods are refused, and told which there are.
fn at(path: &str, allowed: &'static str) -> Resource {
    let refuse = move |_: Authorized| {
        let mut response = Problem::NO_SUCH_METHOD.error_response();
        let allowed = header::HeaderValue::from_static(allowed);
        response.headers_mut().insert(header::ALLOW, allowed);
        std::future::ready(response)
    };
    web::resource(path).default_service(web::to(refuse))
}

async fn stats(_: Authorized, shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(shared.stats())
}

async fn no_such_path(_: Authorized) -> Problem {
    Problem::NO_SUCH_PATH
}

/// Which page of a list is wanted.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    cursor: Option<String>,
    limit: Option<String>,
}

impl Page {
    fn limit(&self) -> Result<u16, Problem> {
        let Some(text) = &self.limit else {
            return Ok(PAGE_DEFAULT);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| {
                Problem::invalid(
                    "limit",
                    text,
                    format_args!("give a whole number from 1 to {PAGE_MAX}"),
                )
            })
    }
}

/// Reads the query, with a problem for what is wrong with it.
fn page(request: &actix_web::HttpRequest) -> Result<Page, Problem> {
    web::Query::<Page>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .map_err(|error| Problem::query(&error))
}

/// Reads an id in a path or a cursor.
fn id<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::invalid(field, text, format_args!("give 40 hexadecimal digits")))
}

/// A time of the database as RFC 3339 with milliseconds, in UTC.
fn rfc3339(millis: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()?
        .format(&Rfc3339)
        .ok()
}
