//! The seeder's shell: WebRTC, tracker client, storage.

pub mod rtc;
