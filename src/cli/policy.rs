//! Options of `seed` and `share` that say who is let in and who is served.

use seeder::{ChokerConfig, Order, Slots, UploadLimits};

/// Bounds of `--slots auto`, and the bytes a second that each slot brings more than the one before it:
/// 1 MB/s carries 15 slots, 12 MB/s carry 54.
const AUTO: Slots = Slots::ByRate {
    least: 8,
    most: 64,
    step: 4096,
};

/// Who is let in and who is served.
#[derive(Debug, clap::Args)]
pub(crate) struct Policy {
    /// How many browsers are served at a time, while others wait for their turn: a number, or auto
    /// for as many as the rate carries.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = slots)]
    pub(crate) slots: Slots,
    /// How many browsers may be connected at a time; the offers of others stay unanswered.
    #[arg(long, value_name = "N", default_value_t = ChokerConfig::default().max_peers)]
    max_peers: usize,
    /// How many of them may have the same address (IPv6: the same /64), as browsers behind one router
    /// do; others are hung up on [default: half of --max-peers, but 32 at least].
    #[arg(long, value_name = "N")]
    max_peers_per_ip: Option<usize>,
    /// Who of those waiting is served first: who was sent least, or who lacks least.
    #[arg(long, value_name = "ORDER", default_value = "least-served")]
    serve_first: First,
    /// Of the slots, those that go to the longest waiting, whatever --serve-first says [default: none;
    /// a third with nearest-finish].
    #[arg(long, value_name = "N")]
    optimistic_slots: Option<usize>,
    /// How many bytes of content a second may go out in all, as 500KB, 2MB or 1MiB [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    upload_limit: Option<u64>,
    /// How many may go to one browser.
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    upload_limit_per_peer: Option<u64>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum First {
    LeastServed,
    NearestFinish,
}

impl Policy {
    /// The choker's numbers.
    pub(crate) fn choker(&self) -> ChokerConfig {
        let (order, optimistic) = match (self.serve_first, self.slots) {
            (First::LeastServed, _) => (Order::LeastServed, 0),
            (First::NearestFinish, Slots::Fixed(slots)) => {
                (Order::NearestFinish, slots.div_ceil(3))
            }
            (First::NearestFinish, Slots::ByRate { least, .. }) => (Order::NearestFinish, least),
        };
        ChokerConfig {
            slots: self.slots,
            max_peers: self.max_peers,
            max_peers_per_address: self
                .max_peers_per_ip
                .unwrap_or((self.max_peers / 2).max(32)),
            order,
            optimistic: self.optimistic_slots.unwrap_or(optimistic),
            ..ChokerConfig::default()
        }
    }

    /// The upload limits.
    pub(crate) fn upload(&self) -> UploadLimits {
        UploadLimits {
            in_all: self.upload_limit,
            per_torrent: None,
            per_peer: self.upload_limit_per_peer,
        }
    }

    /// The number of slots, if it is fixed.
    pub(crate) fn fixed_slots(&self) -> Option<usize> {
        match self.slots {
            Slots::Fixed(slots) => Some(slots),
            Slots::ByRate { .. } => None,
        }
    }
}

fn slots(text: &str) -> Result<Slots, String> {
    if text == "auto" {
        return Ok(AUTO);
    }
    match text.parse() {
        Ok(slots) => Ok(Slots::Fixed(slots)),
        Err(_) => Err("give a number or `auto`".to_owned()),
    }
}

/// Bytes a second: a number, alone or with a unit.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("give bytes a second, as 500KB, 2MB or 1MiB".to_owned()),
    };
    let number: Option<u64> = number.parse().ok();
    (number.and_then(|number| number.checked_mul(factor)))
        .ok_or_else(|| "give bytes a second, as 500KB, 2MB or 1MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_bytes_with_units_of_thousands_or_of_1024() {
        for (text, bytes) in [
            ("800", 800),
            ("500KB", 500_000),
            ("2MB", 2_000_000),
            ("1MiB", 1 << 20),
        ] {
            assert_eq!(rate(text), Ok(bytes));
        }
        for text in [
            "",
            "MB",
            "2 MB",
            "2Mbit",
            "-1",
            "1.5MB",
            "99999999999999999999",
            "99999999999GB",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slots_are_a_number_or_as_many_as_the_rate_carries() {
        assert_eq!((slots("3"), slots("auto")), (Ok(Slots::Fixed(3)), Ok(AUTO)));
        assert!(slots("many").is_err());
    }
}
