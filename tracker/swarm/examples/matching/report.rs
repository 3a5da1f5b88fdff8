//! What a run says.

use crate::World;

/// Milliseconds that leechers which answer waited, sorted, and what was counted.
pub(crate) struct Report {
    first: Vec<u64>,
    first_seed: Vec<u64>,
    answered: f64,
    to_nearer: f64,
    /// Offers a second of seeds that were there for a minute: the greatest to the mean, and Jain's index.
    spread: (f64, f64),
}

impl Report {
    pub(crate) fn new(world: &World) -> Self {
        let (mut first, mut first_seed) = (Vec::new(), Vec::new());
        let mut seeds: Vec<f64> = Vec::new();
        for peer in &world.peers {
            let here = peer.leaves.min(world.run) - peer.joined;
            if !peer.is_seed && !peer.is_mute {
                // Who never met anybody waited as long as it was there.
                let wait = |met: Option<u64>| met.map_or(here, |met| met - peer.joined);
                first.push(wait(peer.first));
                first_seed.push(wait(peer.first_seed));
            }
            if peer.is_seed && !peer.is_mute && here >= 60_000 {
                seeds.push(peer.given as f64 / here as f64);
            }
        }
        first.sort_unstable();
        first_seed.sort_unstable();
        let sum: f64 = seeds.iter().sum();
        let squares: f64 = seeds.iter().map(|rate| rate * rate).sum();
        let max = seeds.iter().copied().fold(0.0, f64::max);
        let count = seeds.len() as f64;
        Self {
            first,
            first_seed,
            answered: 100.0 * world.answered as f64 / world.given as f64,
            to_nearer: 100.0 * world.to_nearer as f64 / world.given as f64,
            spread: (max / (sum / count), sum * sum / (count * squares)),
        }
    }

    pub(crate) fn policy(&self) -> String {
        format!(
            "{:.1} / {:.1} | {:.1} / {:.1} | {:.0} % | {}",
            percentile(&self.first, 50),
            percentile(&self.first, 95),
            percentile(&self.first_seed, 50),
            percentile(&self.first_seed, 95),
            self.answered,
            self.spread()
        )
    }

    pub(crate) fn waits(&self) -> String {
        let wait = |waits: &[u64]| {
            let (median, late) = (percentile(waits, 50), percentile(waits, 95));
            let mean = waits.iter().sum::<u64>() as f64 / waits.len() as f64 / 1000.0;
            format!("{mean:.1} / {median:.1} / {late:.1}")
        };
        format!("{} | {}", wait(&self.first), wait(&self.first_seed))
    }

    pub(crate) fn nearness(&self) -> String {
        format!("{:.0} % | {}", self.to_nearer, self.spread())
    }

    fn spread(&self) -> String {
        format!("{:.1} | {:.2}", self.spread.0, self.spread.1)
    }
}

/// Seconds.
fn percentile(waits: &[u64], percent: usize) -> f64 {
    waits[(waits.len() - 1) * percent / 100] as f64 / 1000.0
}
