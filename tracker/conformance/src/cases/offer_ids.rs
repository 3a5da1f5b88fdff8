//! §3: offer ids are opaque.

use serde_json::Value;

use super::offers::relay;
use crate::case::{Case, Outcome, differs};
use crate::lab::Lab;
use crate::message;

const SAME: &str = "relayed, its id as it was";

pub(super) const CASES: &[Case] = &[
    Case::must(
        "offer-id.bytes",
        "offer id with every kind of byte",
        &["R-3.6"],
        SAME,
        |lab| {
            Box::pin(same(
                lab,
                "\0\u{1}\n\u{1f} \"\\/\u{7f}\u{80}\u{ad}\u{ff}12345678",
            ))
        },
    ),
    Case::must(
        "offer-id.short",
        "offer id of one character",
        &["R-3.7"],
        SAME,
        |lab| Box::pin(same(lab, "7")),
    ),
    Case::must(
        "offer-id.uuid",
        "offer id that is a UUID",
        &["R-3.7"],
        SAME,
        |lab| Box::pin(same(lab, "0b6fc1ab-7dab-4f3e-9f5a-2f8f4d3a9e11")),
    ),
    Case::must(
        "offer-id.long",
        "offer id of 64 characters",
        &["R-3.7"],
        SAME,
        |lab| {
            Box::pin(same(
                lab,
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ))
        },
    ),
    Case::must(
        "offer-id.unicode",
        "offer id with characters above U+00FF",
        &["R-3.7"],
        SAME,
        |lab| Box::pin(same(lab, "\u{20ac}\u{4e2d}\u{1f980}")),
    ),
];

async fn same(lab: &Lab, id: &str) -> Outcome {
    let offers = Value::Array(vec![message::offer(id)]);
    let relayed = relay(lab, offers).await?;
    match relayed.get("offer_id").and_then(Value::as_str) {
        Some(relayed) if relayed == id => Ok("the same".to_owned()),
        _ => differs(format!(
            "changed to {}",
            message::shortened(&relayed["offer_id"])
        )),
    }
}
