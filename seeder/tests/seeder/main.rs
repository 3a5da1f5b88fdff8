//! The seeder against scripted leechers, over real UDP and a real WebSocket.

mod bench;
mod connections;
mod content;
mod faults;
mod hostile;
mod leecher;
mod relay;
mod slots;
mod trackers;
mod transfer;
mod uploads;
mod wire;
mod wrapper;
