//! The tracker's shell: sockets, HTTP, SQLite.
