//! Who may use the admin API: whoever sends the token in the header.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::problem::Problem;
use crate::shared::Shared;

/// Proof that a request carried the token. A handler takes it as its first
/// argument, so that nothing else of the request is looked at before.
#[derive(Debug)]
pub(super) struct Authorized(());

impl FromRequest for Authorized {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request).map(|()| Self(())))
    }
}

fn check(request: &HttpRequest) -> Result<(), Problem> {
    let token = request
        .app_data::<web::Data<Shared>>()
        .and_then(|shared| shared.config.admin_token.as_ref())
        .ok_or(Problem::ADMIN_DISABLED)?;
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or(Problem::TOKEN_MISSING)?
        .as_bytes();
    // The scheme's name is case-insensitive (RFC 9110 §11.1).
    let (scheme, given) = given.split_at_checked(7).ok_or(Problem::TOKEN_MISSING)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(Problem::TOKEN_MISSING);
    }
    if token.matches(given.trim_ascii()) {
        Ok(())
    } else {
        Err(Problem::TOKEN_WRONG)
    }
}
