//! The kit, tested.
