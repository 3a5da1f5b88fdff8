//! The load generator against trackers: one that is made to lose messages, and ours.

mod lossy;
