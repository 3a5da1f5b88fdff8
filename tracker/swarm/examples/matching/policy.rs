//! Receivers as trackers choose them; none but ours knows roles.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::index;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Policy {
    Shoal,
    Random,
    Aquatic,
    WtTracker,
}

impl Policy {
    /// Members that get the offers of a peer; none by ours, which the real machine chooses.
    pub(crate) fn choose(
        self,
        rng: &mut StdRng,
        members: &[usize],
        peer: usize,
        offers: usize,
    ) -> Vec<usize> {
        let count = members.len();
        let picked: Vec<usize> = match self {
            Self::Shoal => Vec::new(),
            Self::Random => index::sample(rng, count, count.min(offers + 1)).into_vec(),
            Self::WtTracker => {
                let start = rng.random_range(0..count);
                (0..count.min(offers + 1))
                    .map(|step| (start + step) % count)
                    .collect()
            }
            Self::Aquatic if count <= offers + 1 => (0..count).collect(),
            Self::Aquatic => {
                let middle = count / 2;
                let run = offers.div_ceil(2);
                let first = rng.random_range(0..=middle - run.min(middle));
                let room = count - middle - run.min(count - middle);
                let second = middle + rng.random_range(0..=room);
                (first..first + run).chain(second..second + run).collect()
            }
        };
        picked
            .into_iter()
            .filter_map(|index| members.get(index).copied())
            .filter(|member| *member != peer)
            .take(offers)
            .collect()
    }
}
