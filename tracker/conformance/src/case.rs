use std::fmt;
use std::pin::Pin;

use crate::lab::Lab;

/// One thing that a tracker does or does not do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, `group.case`; stable, for `--only` and for scripts.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// The requirements of the specification that it checks, such as `R-4.9`.
    pub requirements: &'static [&'static str],
    /// Whether a tracker has to, or had better.
    pub level: Level,
    /// What a tracker that conforms does.
    pub expected: &'static str,
    pub(crate) run: Run,
}

/// How much a requirement demands (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Clients break, or peers are harmed, where it does not hold.
    Must,
    /// Good reasons may speak against it.
    Should,
}

/// Why a case did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The tracker did something else: what was seen.
    Differs(String),
    /// The case could not be put to the tracker: why.
    Skipped(String),
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(seen) => f.write_str(seen),
            Self::Skipped(why) => f.write_str(why),
        }
    }
}

/// What was seen, if it was as expected.
pub(crate) type Outcome = Result<String, Miss>;

pub(crate) type Run = for<'a> fn(&'a Lab) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

impl Case {
    /// A case that every tracker has to pass.
    pub(crate) const fn must(
        id: &'static str,
        title: &'static str,
        requirements: &'static [&'static str],
        expected: &'static str,
        run: Run,
    ) -> Self {
        Self {
            id,
            title,
            requirements,
            level: Level::Must,
            expected,
            run,
        }
    }

    /// A case that a tracker had better pass.
    pub(crate) const fn should(
        id: &'static str,
        title: &'static str,
        requirements: &'static [&'static str],
        expected: &'static str,
        run: Run,
    ) -> Self {
        Self {
            id,
            title,
            requirements,
            level: Level::Should,
            expected,
            run,
        }
    }
}

/// A miss that tells what was seen.
pub(crate) fn differs<T>(seen: impl Into<String>) -> Result<T, Miss> {
    Err(Miss::Differs(seen.into()))
}
