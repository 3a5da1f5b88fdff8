//! A report for people.

use std::fmt;

use crate::plan::Scenario;
use crate::report::{Delivery, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<16}{value}");
        row("load", self.load())?;
        let unit = match self.scenario {
            Scenario::Storm => "clients/s",
            Scenario::ClosedLoop
            | Scenario::Paced
            | Scenario::Idle
            | Scenario::Overload
            | Scenario::Stalled => "announces/s",
        };
        if self.scenario != Scenario::Idle {
            let due = self.due_per_second.map_or(String::new(), |due| {
                format!(" of {} due", thousands(due.round() as u64))
            });
            let rate = thousands(self.announces_per_second.round() as u64);
            row(unit, format!("{rate}{due}"))?;
            let latency = self.latency_ms;
            row(
                "latency, ms",
                format!(
                    "p50 {:.2}   p90 {:.2}   p99 {:.2}   max {:.1}",
                    latency.p50, latency.p90, latency.p99, latency.max
                ),
            )?;
        }
        row("responses", delivery(&self.responses))?;
        if self.offers > 0 && self.scenario != Scenario::Storm {
            row("offers", delivery(&self.relayed_offers))?;
            row("answers", delivery(&self.relayed_answers))?;
        }
        for (name, count) in self.faults() {
            row(name, thousands(count))?;
        }
        if let (Some(micros), Some(percent)) = (self.cpu_us_per_announce, self.cpu_percent) {
            row(
                "tracker's CPU",
                format!("{micros:.1} µs an announce, {percent:.0} % of a core"),
            )?;
        }
        if let Some(memory) = &self.memory {
            let mut text = format!(
                "{:.1} MB before, {:.1} MB after, {:.1} MB at most",
                mega(memory.before_kib),
                mega(memory.after_kib),
                mega(memory.peak_kib)
            );
            if self.scenario != Scenario::Storm {
                text += &format!("; {:.2} KB a client", memory.kib_per_connection);
            }
            row("tracker's RSS", text)?;
        }
        if let Some(closed) = self.stalled_closed {
            row("never read", format!("{closed} closed by the tracker"))?;
        }
        row(
            "generator",
            format!("{:.0} % of a core", self.generator_cpu_percent),
        )?;
        match &self.complaint {
            Some(complaint) => row("first trouble", complaint.clone()),
            None => Ok(()),
        }
    }
}

impl Report {
    fn load(&self) -> String {
        let scenario = match self.scenario {
            Scenario::ClosedLoop => "closed loop",
            Scenario::Paced => "paced",
            Scenario::Idle => "idle",
            Scenario::Storm => "connect storm",
            Scenario::Overload => "overload",
            Scenario::Stalled => "stalled readers",
        };
        format!(
            "{scenario}, {} clients in {} torrents, {} offers an announce, {:.1} s",
            thousands(self.connections as u64),
            thousands(self.torrents as u64),
            self.offers,
            self.seconds
        )
    }

    /// What went wrong, and how often.
    fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("duplicates", self.tally.duplicates),
            ("misdirected", self.tally.misdirected),
            ("altered", self.tally.altered),
            ("failures", self.tally.failures),
            ("strange", self.tally.strange),
            ("closed", self.tally.closed),
            ("held back", self.tally.held_back),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }
}

fn delivery(delivery: &Delivery) -> String {
    let lost = match delivery.lost_percent {
        0.0 => "none lost".to_owned(),
        ..0.01 => "under 0.01 % lost".to_owned(),
        percent => format!("{percent:.2} % lost"),
    };
    format!(
        "{} of {}, {lost}",
        thousands(delivery.came),
        thousands(delivery.due)
    )
}

fn mega(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}

/// A number with its digits in groups of three.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1 234 567");
    }

    #[test]
    fn a_loss_is_never_rounded_away() {
        let told = |came, lost_percent| {
            delivery(&Delivery {
                due: 100_000,
                came,
                lost_percent,
            })
        };
        assert_eq!(told(100_000, 0.0), "100 000 of 100 000, none lost");
        assert_eq!(told(99_999, 0.001), "99 999 of 100 000, under 0.01 % lost");
        assert_eq!(told(90_000, 10.0), "90 000 of 100 000, 10.00 % lost");
    }
}
