//! The tracker's swarm state as a pure machine.
