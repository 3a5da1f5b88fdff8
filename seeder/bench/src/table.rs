//! A report for people.

use std::fmt;

use crate::plan::Crowd;
use crate::report::{Report, Spread};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<18}{value}");
        row("load", format!("{}, {:.1} s", self.leechers, self.seconds))?;
        if !self.path.is_nothing() {
            row("path", path(self))?;
        }
        let turns = &self.turns;
        row("connected", format!("{} at the end", self.connected))?;
        if self.megabytes > 0.0 {
            row("MB/s", format!("{:.1} in all", self.mb_per_second))?;
        }
        let spreads = [
            ("MB/s, a leecher", self.leecher_mb_per_second, 2),
            ("channel open, ms", self.open_ms, 0),
            ("first block, ms", self.first_block_ms, 0),
        ];
        for (name, spread, places) in spreads {
            if let Some(Spread { min, median, max }) = spread {
                row(
                    name,
                    format!("min {min:.places$}   median {median:.places$}   max {max:.places$}"),
                )?;
            }
        }
        if let Some(percent) = self.cpu_percent {
            let each = self
                .cpu_s_per_gb
                .map_or(String::new(), |seconds| format!("{seconds:.1} s a GB, "));
            row("seeder's CPU", format!("{each}{percent:.1} % of a core"))?;
        }
        if let Some(memory) = &self.memory {
            row(
                "seeder's RSS",
                format!(
                    "{:.1} MB before, {:.1} MB after, {:.1} MB at most; {:.0} KB a leecher",
                    memory.before_mb, memory.after_mb, memory.peak_mb, memory.kb_per_leecher
                ),
            )?;
        }
        row("pieces", format!("{} verified", self.pieces_verified))?;
        let counts = [
            ("pieces wrong", self.pieces_wrong),
            ("blocks unasked", self.blocks_unasked),
            ("blocks refused", self.blocks_refused),
            ("cycles", turns.cycles),
            ("unanswered", turns.unanswered),
            ("not connected", turns.failed),
            ("hung up on", turns.hung_up),
        ];
        for (name, count) in counts {
            if count > 0 {
                row(name, count.to_string())?;
            }
        }
        let percent = self.leechers_cpu_percent;
        row("leechers' CPU", format!("{percent:.0} % of a core"))?;
        match &self.complaint {
            Some(complaint) => row("first trouble", complaint.clone()),
            None => Ok(()),
        }
    }
}

fn path(report: &Report) -> String {
    let path = &report.path;
    let mut text = format!("{} ms RTT, {} % loss", path.rtt_ms, path.loss_percent);
    if let Some(rate) = path.mbit_per_second {
        text += &format!(", {rate} Mbit/s");
    }
    text
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("greedy", self.greedy),
            ("slow", self.slow),
            ("stalled", self.stalled),
            ("idle", self.idle),
            ("coming and going", self.churn),
        ];
        let there = kinds.iter().filter(|(_, count)| *count > 0);
        let told: Vec<String> = there
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        f.write_str(&told.join(", "))
    }
}
