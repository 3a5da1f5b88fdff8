//! What `share` says when it is ready.

use std::io::IsTerminal;

use indicatif::DecimalBytes;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde::Serialize;

use crate::cli::printable::printable;
use crate::cli::{report, transport};

/// The first line of `--json`, and what people are told in its place.
#[derive(Debug, Serialize)]
pub(super) struct Ready {
    /// `ready`.
    pub(super) event: &'static str,
    /// The page's URL.
    pub(super) page: String,
    /// The magnet link.
    pub(super) magnet: String,
    /// The URL of the `.torrent` file.
    pub(super) torrent: String,
    /// 40 hex digits.
    pub(super) info_hash: String,
    /// The tracker's URL.
    pub(super) tracker: String,
    /// Our process.
    pub(super) pid: u32,
    /// The torrent's name.
    pub(super) name: String,
    /// Bytes.
    pub(super) length: u64,
    /// How many files.
    pub(super) files: usize,
    #[serde(flatten)]
    pub(super) outside: transport::Outside,
    /// The same for people.
    #[serde(skip)]
    pub(super) servers: Vec<(&'static str, String)>,
    #[serde(skip)]
    pub(super) hint: Option<&'static str>,
}

impl Ready {
    /// Says it, as JSON or to people.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn tell(&self, json: bool, qr: bool) -> std::io::Result<()> {
        if json {
            return report::json(self);
        }
        let files = match self.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let (name, size) = (printable(&self.name), DecimalBytes(self.length));
        report::line(format_args!("Sharing   {name} ({size}, {files})"))?;
        report::line(format_args!("Page      {}", self.page))?;
        report::line(format_args!("Magnet    {}", self.magnet))?;
        report::line(format_args!("Tracker   {}", self.tracker))?;
        for (what, address) in &self.servers {
            report::line(format_args!("{what:<9} {address}"))?;
        }
        if qr && std::io::stdout().is_terminal() {
            // A URL too long for a QR code is still a URL.
            if let Ok(code) = QrCode::new(&self.page) {
                report::line(format_args!("\n{}", picture(&code)))?;
            }
        }
        if let Some(hint) = self.hint {
            report::line(format_args!("\n{hint}"))?;
        }
        report::line("\nOpen the page in a browser. Ctrl-C stops.")
    }
}

/// Black on white whatever the terminal's colours: not every reader takes the opposite.
fn picture(code: &QrCode) -> String {
    let blocks = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = blocks.lines();
    lines
        .map(|line| format!("\x1b[38;5;16;48;5;231m{line}\x1b[0m\n"))
        .collect()
}
