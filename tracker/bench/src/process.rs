//! What Linux tells of a process (proc(5)).

use std::io;
use std::time::Duration;

/// Clock ticks a second: what Linux shows to programs, whatever the kernel's own clock
/// (`USER_HZ`, proc(5)).
const TICKS: u32 = 100;

/// A process to look at.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Resident memory in KiB.
    pub rss: u64,
    /// The most resident memory it ever had, in KiB.
    pub peak: u64,
}

impl Process {
    /// The process with an id.
    ///
    /// # Errors
    /// When there is none, or it may not be looked at.
    pub fn find(pid: u32) -> io::Result<Self> {
        Self(pid).usage().map(|_| Self(pid))
    }

    /// This process.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Its id.
    #[must_use]
    pub const fn id(self) -> u32 {
        self.0
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(self) -> io::Result<Usage> {
        let read = |file| std::fs::read_to_string(format!("/proc/{}/{file}", self.0));
        let (stat, status) = (read("stat")?, read("status")?);
        usage(&stat, &status).ok_or_else(|| io::Error::other("/proc is not as proc(5) tells"))
    }
}

fn usage(stat: &str, status: &str) -> Option<Usage> {
    // The name, field 2, may hold spaces and parentheses; `utime` and `stime` are 14 and 15.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Usage {
        cpu: Duration::from_secs(1) * user.checked_add(system)? / TICKS,
        rss: kib("VmRSS:")?,
        peak: kib("VmHWM:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n";
        let usage = usage(stat, status).expect("readable");
        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!((usage.rss, usage.peak), (1024, 2048));
    }

    #[test]
    fn this_process_is_there() {
        let usage = Process::own().usage().expect("readable");
        assert!(usage.rss > 0 && usage.peak >= usage.rss);
    }
}
