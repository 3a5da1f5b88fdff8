//! The table of cases, a group a module.

mod announce;
mod answers;
mod endings;
mod errors;
mod events;
mod hostile;
mod identity;
mod ids;
mod left;
mod offer_ids;
mod offers;
mod scrape;
mod transport;

use crate::Case;

/// All cases, in the order in which they are run: those that have taken trackers down come last.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        transport::CASES,
        ids::CASES,
        announce::CASES,
        left::CASES,
        events::CASES,
        offers::CASES,
        offer_ids::CASES,
        answers::CASES,
        scrape::CASES,
        identity::CASES,
        endings::CASES,
        errors::CASES,
        hostile::CASES,
    ]
    .into_iter()
    .flatten()
}
