//! Bans: who gets no socket. They are in memory; the database is written behind.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::auth::Authorized;
use super::problem::Problem;
use super::{page, rfc3339};
use crate::bans::{Ban, MadeBy, TooMany};
use crate::cidr::{Cidr, CidrError};
use crate::shared::Shared;
use crate::store::unix_millis;

/// Characters of a network, with room for a mistake.
const CIDR_MAX: usize = 64;
/// Characters of a reason.
const REASON_MAX: usize = 200;

#[derive(Debug, Serialize)]
struct List {
    bans: Vec<Shown>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    cidr: String,
    made_by: &'static str,
    reason: String,
    since: Option<String>,
    /// Null for no end.
    until: Option<String>,
    /// How often the tracker has banned it by itself.
    times: u32,
}

/// What an operator says of a ban. Without a time it has no end.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    reason: Option<String>,
    seconds: Option<u64>,
    until: Option<String>,
}

/// `GET /bans`: those that hold, in the order of their networks.
pub(super) async fn list(
    _: Authorized,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let page = page(&request)?;
    let limit = usize::from(page.limit()?);
    let after = page.cursor.as_deref().map(network_in("cursor"));
    let after = after.transpose()?;
    let mut bans: Vec<Shown> = shared
        .bans()
        .after(unix_millis(), after)
        .take(limit + 1)
        .map(|(network, ban)| shown(network, ban))
        .collect();
    let mut next_cursor = None;
    if bans.len() > limit {
        bans.truncate(limit);
        next_cursor = bans.last().map(|ban| ban.cidr.clone());
    }
    Ok(HttpResponse::Ok().json(List { bans, next_cursor }))
}

/// `GET /bans/{cidr}`.
pub(super) async fn one(
    _: Authorized,
    cidr: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let network = network_in("cidr")(&cidr)?;
    let bans = shared.bans();
    let ban = bans
        .get(unix_millis(), &network)
        .ok_or(Problem::NO_SUCH_BAN)?;
    Ok(HttpResponse::Ok().json(shown(network, ban)))
}

/// `PUT /bans/{cidr}`: bans it as the body says, whether it was banned or not, and
/// closes its sockets.
pub(super) async fn put(
    _: Authorized,
    cidr: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let network = network_in("cidr")(&cidr)?;
    let body = body.map_err(|error| Problem::body(&error))?;
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Problem::body(&error))?
    };
    let now = unix_millis();
    let ban = Ban {
        made_by: MadeBy::Operator,
        since: now,
        until: wanted.until(now)?,
        reason: wanted.reason()?,
        times: 0,
    };
    let response = shown(network, &ban);
    match shared.ban(network, ban) {
        Ok(true) => Ok(HttpResponse::Created().json(response)),
        Ok(false) => Ok(HttpResponse::Ok().json(response)),
        Err(TooMany) => Err(Problem::TOO_MANY_BANS),
    }
}

/// `DELETE /bans/{cidr}`: there is no such ban afterwards, whether there was or not.
pub(super) async fn lift(
    _: Authorized,
    cidr: web::Path<String>,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    shared.lift(network_in("cidr")(&cidr)?);
    Ok(HttpResponse::NoContent().finish())
}

impl Wanted {
    /// When the ban ends, in milliseconds since 1970.
    fn until(&self, now: i64) -> Result<Option<i64>, Problem> {
        // What cannot be shown is after the year 9999.
        let is_to_come = |until: &i64| *until > now && rfc3339(*until).is_some();
        match (self.seconds, &self.until) {
            (None, None) => Ok(None),
            (Some(_), Some(until)) => Err(Problem::invalid(
                "until",
                until,
                format_args!("give either `until` or `seconds`"),
            )),
            (Some(seconds), None) => {
                let millis = i64::try_from(seconds).unwrap_or(i64::MAX);
                let until = now.saturating_add(millis.saturating_mul(1000));
                Some(until).filter(is_to_come).map(Some).ok_or_else(|| {
                    let remedy = "give 1 or more, so that the ban ends before the year 10000";
                    Problem::invalid("seconds", &seconds.to_string(), format_args!("{remedy}"))
                })
            }
            (None, Some(text)) => OffsetDateTime::parse(text, &Rfc3339)
                .ok()
                .and_then(|time| i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok())
                .filter(is_to_come)
                .map(Some)
                .ok_or_else(|| {
                    let remedy = "give a time to come as in `2030-01-31T00:00:00Z`";
                    Problem::invalid("until", text, format_args!("{remedy}"))
                }),
        }
    }

    fn reason(self) -> Result<String, Problem> {
        let reason = self.reason.unwrap_or_default();
        if reason.chars().count() > REASON_MAX {
            let remedy = format_args!("give {REASON_MAX} characters at most");
            return Err(Problem::invalid("reason", &reason, remedy));
        }
        Ok(reason)
    }
}

/// Reads a network in a path or a cursor.
fn network_in(field: &'static str) -> impl Fn(&str) -> Result<Cidr, Problem> {
    move |text| {
        // As much of a remote's text as is told back.
        let text: String = text.chars().take(CIDR_MAX).collect();
        text.parse()
            .map_err(|error: CidrError| Problem::network(field, &error))
    }
}

fn shown(network: Cidr, ban: &Ban) -> Shown {
    Shown {
        cidr: network.to_string(),
        made_by: ban.made_by.name(),
        reason: ban.reason.clone(),
        since: rfc3339(ban.since),
        until: ban.until.and_then(rfc3339),
        times: ban.times,
    }
}
