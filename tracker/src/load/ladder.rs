//! What is shed at which load: a ladder of steps, taken one by one while there is too
//! much to do and given back one by one when there is not. Pure.

use std::time::{Duration, Instant};

/// What is shed; each step has those before it with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Nothing.
    #[default]
    Calm,
    /// Scrapes are refused.
    Scrapes,
    /// Few offers of an announce are relayed.
    Offers,
    /// Clients are asked to announce less often.
    Announces,
    /// No more sockets are taken in.
    Sockets,
}

/// Thousandths of full load above which the second step and so on are taken. The first
/// is [`Step::Calm`], which is never taken.
const MARKS: [u16; 5] = [0, 500, 625, 750, 875];
/// A step is given back when the load is so much below its mark.
const SLACK: u16 = 125;
impl Step {
    const ALL: [Self; 5] = [
        Self::Calm,
        Self::Scrapes,
        Self::Offers,
        Self::Announces,
        Self::Sockets,
    ];

    /// What is shed from this step on.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calm => "nothing",
            Self::Scrapes => "scrapes",
            Self::Offers => "offers",
            Self::Announces => "announces",
            Self::Sockets => "sockets",
        }
    }

    /// The load at which it is taken.
    pub(super) const fn mark(self) -> u16 {
        MARKS[self as usize]
    }

    pub(super) fn from_number(number: u8) -> Self {
        let step = Self::ALL.get(usize::from(number)).copied();
        step.unwrap_or_default()
    }

    fn up(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    fn down(self) -> Option<Self> {
        Self::ALL.get((self as usize).checked_sub(1)?).copied()
    }
}

/// The state of the ladder.
#[derive(Debug)]
pub(crate) struct Ladder {
    rise: Duration,
    fall: Duration,
    step: Step,
    /// Since when the load has been above the next mark.
    high_since: Option<Instant>,
    /// Since when it has been well below the mark of this step.
    low_since: Option<Instant>,
}

impl Ladder {
    pub(crate) const fn new(rise: Duration, fall: Duration) -> Self {
        Self {
            rise,
            fall,
            step: Step::Calm,
            high_since: None,
            low_since: None,
        }
    }

    /// Looks at the load, in thousandths; returns the step when it is another one.
    pub(crate) fn look(&mut self, now: Instant, load: u16) -> Option<Step> {
        let up = self.step.up().filter(|up| load >= up.mark());
        let is_low = load < self.step.mark().saturating_sub(SLACK);
        let down = self.step.down().filter(|_| is_low);
        let high_for = lasts(&mut self.high_since, now, up.is_some());
        let low_for = lasts(&mut self.low_since, now, down.is_some());
        let step = if high_for.is_some_and(|time| time >= self.rise) {
            up?
        } else if low_for.is_some_and(|time| time >= self.fall) {
            down?
        } else {
            return None;
        };
        self.step = step;
        // Each step has its time to show what it helps.
        self.high_since = None;
        self.low_since = None;
        Some(step)
    }
}

/// How long something has been so by now.
fn lasts(since: &mut Option<Instant>, now: Instant, is_so: bool) -> Option<Duration> {
    if !is_so {
        *since = None;
        return None;
    }
    let since = *since.get_or_insert(now);
    Some(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ladder() -> Ladder {
        Ladder::new(2 * SECOND, 5 * SECOND)
    }

    /// The steps that follow from loads a second apart, and when.
    fn walk(ladder: &mut Ladder, loads: impl IntoIterator<Item = u16>) -> Vec<(usize, Step)> {
        let start = Instant::now();
        let seconds = (0..).map(|second| start + second * SECOND);
        let looks = seconds.zip(loads).enumerate();
        looks
            .filter_map(|(second, (now, load))| Some((second, ladder.look(now, load)?)))
            .collect()
    }

    #[test]
    fn steps_are_taken_one_by_one_while_there_is_too_much_to_do() {
        assert_eq!(
            walk(&mut ladder(), [1000; 20]),
            [
                (2, Step::Scrapes),
                (5, Step::Offers),
                (8, Step::Announces),
                (11, Step::Sockets),
            ]
        );
    }

    #[test]
    fn no_step_is_taken_beyond_the_load_and_none_for_a_moment() {
        let up_to = |load| walk(&mut ladder(), [load; 30]).last().copied();
        assert_eq!(up_to(499), None);
        assert_eq!(up_to(500), Some((2, Step::Scrapes)));
        assert_eq!(up_to(749), Some((5, Step::Offers)));
        assert_eq!(up_to(874), Some((8, Step::Announces)));
        let moments = [1000, 1000, 0].into_iter().cycle().take(100);
        assert_eq!(walk(&mut ladder(), moments), []);
    }

    #[test]
    fn steps_are_given_back_one_by_one_when_there_has_long_been_less_to_do() {
        let mut ladder = ladder();
        walk(&mut ladder, [1000; 20]);
        assert_eq!(
            walk(&mut ladder, [0; 40]),
            [
                (5, Step::Announces),
                (11, Step::Offers),
                (17, Step::Scrapes),
                (23, Step::Calm),
            ]
        );
    }

    #[test]
    fn a_load_between_a_mark_and_the_slack_below_it_changes_nothing() {
        let across = [499, 300, 500, 300].into_iter().cycle().take(100);
        let loads = [600; 3].into_iter().chain([376; 100]).chain([624; 100]);
        let loads = loads.chain(across).chain([500]).chain([374; 6]);
        assert_eq!(
            walk(&mut ladder(), loads),
            [(2, Step::Scrapes), (309, Step::Calm)]
        );
    }

    #[test]
    fn a_step_is_the_same_by_its_number_and_others_are_none() {
        for (number, step) in (0..).zip(Step::ALL) {
            assert_eq!(Step::from_number(number), step);
        }
        assert_eq!(Step::from_number(9), Step::Calm);
    }
}
