use std::time::Duration;

/// Bits of a value that a bucket tells apart: 64 buckets for each doubling, 1.6 % at most off.
const PRECISION: u32 = 6;
const SUBBUCKETS: u64 = 1 << PRECISION;
const BUCKETS: usize = 64 << PRECISION;

/// Counts of latencies in buckets that grow with the value, so that the memory is fixed.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: 0,
        }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The largest, exactly; zero if there is none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The latency that `share` (0 to 1) of all do not exceed, at most 1.6 % too high.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(upper_edge(index).min(self.max));
            }
        }
        self.max()
    }
}

fn bucket(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(PRECISION + 1);
    let within = nanos >> shift;
    usize::try_from(u64::from(shift) * SUBBUCKETS + within).unwrap_or(BUCKETS - 1)
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUBBUCKETS {
        return bucket;
    }
    let shift = bucket / SUBBUCKETS - 1;
    let within = bucket - shift * SUBBUCKETS;
    (((within + 1) as u128) << shift)
        .saturating_sub(1)
        .min(u64::MAX.into()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_at_most_two_hundredths_above_what_it_counts() {
        for exponent in 0..63 {
            for offset in [0_u64, 1, 7, 99] {
                let nanos = (1_u64 << exponent) + offset % (1 << exponent);
                let edge = upper_edge(bucket(nanos));
                assert!(edge >= nanos, "{nanos} falls under {edge}");
                assert!(edge - nanos <= nanos / 50, "{nanos} is told as {edge}");
            }
        }
    }

    #[test]
    fn quantiles_of_a_thousand_even_steps_are_those_steps() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        let near = |share: f64, micros: f64| {
            let told = histogram.quantile(share).as_nanos() as f64 / 1000.0;
            assert!(
                (told / micros - 1.0).abs() < 0.02,
                "p{share} is {told}, not {micros}"
            );
        };
        near(0.5, 500.0);
        near(0.9, 900.0);
        near(0.99, 990.0);
        assert_eq!(histogram.max(), Duration::from_millis(1));
        assert_eq!(histogram.total(), 1000);
    }

    #[test]
    fn nothing_counted_is_zero() {
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
    }
}
