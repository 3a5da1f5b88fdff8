//! Upload limits in virtual time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{Bucket, ChokerConfig, Slots, UploadLimits};

const BLOCK: u64 = 16_384;

#[test]
fn a_limit_is_kept_to_a_hundredth_though_timers_fire_late() {
    for (rate, late) in [(1_024, 0), (100_000, 7), (2_000_000, 15), (20_000_000, 1)] {
        let mut bucket = Bucket::new(rate);
        let start = Instant::now();
        let (mut now, mut sent) = (start, 0);
        for block in 0..30_000 {
            let at = bucket.reserve(now, BLOCK);
            let fired = at + Duration::from_millis(if block % 3 == 0 { late } else { 0 });
            now = now.max(fired);
            sent += BLOCK;
        }
        let ratio = sent as f64 / ((now - start).as_secs_f64() * rate as f64);
        assert!((0.99..1.01).contains(&ratio), "{rate}: {ratio}");
    }
}

#[test]
fn a_limit_that_was_not_used_lets_a_tenth_of_a_second_go_at_once() {
    let mut bucket = Bucket::new(1_000);
    let start = Instant::now();
    let at = |bucket: &mut Bucket, now| bucket.reserve(now, 50) - start;
    assert_eq!(at(&mut bucket, start), Duration::ZERO);
    assert_eq!(at(&mut bucket, start), Duration::ZERO);
    assert_eq!(at(&mut bucket, start), Duration::ZERO);
    assert_eq!(at(&mut bucket, start), Duration::from_millis(50));
    let later = start + Duration::from_secs(10);
    assert_eq!(at(&mut bucket, later), Duration::from_secs(10));
    assert_eq!(at(&mut bucket, later), Duration::from_secs(10));
    assert_eq!(at(&mut bucket, later), Duration::from_secs(10));
    assert_eq!(at(&mut bucket, later), Duration::from_millis(10_050));
}

#[test]
fn a_choker_under_a_limit_serves_fewer_so_that_each_turn_carries_two_blocks() {
    let fit = |in_all, per_torrent, per_peer| {
        let limits = UploadLimits {
            in_all,
            per_torrent,
            per_peer,
        };
        let fitted = limits.fit(ChokerConfig::default());
        let Slots::Fixed(slots) = fitted.slots else {
            panic!("slots stay as they are");
        };
        let turn = fitted.shortest_turn.as_millis();
        (slots, fitted.slots_per_torrent, turn)
    };
    assert_eq!(fit(None, None, None), (8, usize::MAX, 500));
    assert_eq!(fit(Some(10_000_000), None, None), (8, usize::MAX, 500));
    assert_eq!(fit(Some(200_000), None, None), (3, usize::MAX, 500));
    assert_eq!(fit(Some(20_000), None, None), (1, usize::MAX, 1_638));
    assert_eq!(fit(None, Some(200_000), None), (8, 3, 500));
    assert_eq!(fit(None, None, Some(20_000)), (8, usize::MAX, 1_638));
    assert_eq!(fit(Some(1_024), None, None), (1, usize::MAX, 32_000));
}

proptest! {
    #[test]
    fn what_is_given_back_goes_to_others(rate in 1_000_u64..1_000_000, taken in 1_usize..20) {
        let mut bucket = Bucket::new(rate);
        let start = Instant::now();
        let first = bucket.reserve(start, BLOCK);
        for _ in 0..taken {
            bucket.reserve(start, BLOCK);
            bucket.give_back(BLOCK);
        }
        let second = bucket.reserve(start, BLOCK);
        let block = Duration::from_secs_f64(BLOCK as f64 / rate as f64);
        let slack = Duration::from_millis(101);
        prop_assert!(second - first <= block && second - first + slack >= block);
    }
}
