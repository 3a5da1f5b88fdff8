//! Looks at the files of certificates, and takes what is new.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::Certificate;
use crate::config::TlsFiles;
use crate::shared::Shared;
use crate::stats::Counters;
use crate::store::unix_millis;

/// Between two looks. A look costs two system calls a certificate.
const LOOK: Duration = Duration::from_secs(1);
/// An end that is nearer is warned of.
const NEAR_SECONDS: i64 = 14 * 24 * 60 * 60;
/// Between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Device, number, bytes and times of a file; links are followed.
type Stamp = Option<[i64; 6]>;

/// Certificate and key as they are on the disk.
pub(super) type Stamps = [Stamp; 2];

/// When a change is to be acted on: once nothing has changed between two looks, for
/// certificate and key are written one after the other.
#[derive(Debug)]
struct Changes {
    taken: Stamps,
    last: Stamps,
}

impl Changes {
    const fn new(now: Stamps) -> Self {
        Self {
            taken: now,
            last: now,
        }
    }

    /// Tells whether to take what is there `now`. It is tried once.
    fn are_complete(&mut self, now: Stamps) -> bool {
        let still = self.last == now;
        self.last = now;
        let complete = still && self.taken != now;
        if complete {
            self.taken = now;
        }
        complete
    }
}

/// Certificate and key as they are on the disk now.
pub(super) fn stamps(files: &TlsFiles) -> Stamps {
    [&files.cert, &files.key].map(|path| {
        let file = std::fs::metadata(path).ok()?;
        let (device, number, bytes) = (file.dev(), file.ino(), file.size());
        Some([
            device.cast_signed(),
            number.cast_signed(),
            bytes.cast_signed(),
            file.mtime(),
            file.mtime_nsec(),
            file.ctime(),
        ])
    })
}

struct Watched {
    certificate: Arc<Certificate>,
    changes: Changes,
    warned: Option<Instant>,
}

impl Watched {
    fn look(&mut self, counters: &Counters) {
        let certificate = &*self.certificate;
        if self.changes.are_complete(stamps(&certificate.files)) {
            let path = certificate.files.cert.display();
            match certificate.reload() {
                Ok(()) => {
                    counters.tls_reloads.add(1);
                    self.warned = None;
                    tracing::info!("`{path}` has changed: new connections get it");
                }
                Err(error) => {
                    counters.tls_reloads_failed.add(1);
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "`{path}` or its key has changed and cannot be used: connections get the one before it"
                    );
                }
            }
        }
        self.warn_of_the_end();
    }

    fn warn_of_the_end(&mut self) {
        let certificate = &*self.certificate;
        let Some(ends) = certificate.ends() else {
            return;
        };
        let left = ends.saturating_sub(unix_millis() / 1000);
        let rests = self.warned.is_some_and(|at| at.elapsed() < WARN_EVERY);
        if left >= NEAR_SECONDS || rests {
            return;
        }
        self.warned = Some(Instant::now());
        let path = certificate.files.cert.display();
        match left {
            ..=0 => tracing::warn!("`{path}` has expired: clients refuse it"),
            _ => tracing::warn!("`{path}` expires in {} hours: renew it", left / 3600),
        }
    }
}

/// Takes changed certificates until it is dropped, and warns of those that end soon.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut watched: Vec<_> = shared
        .certificates
        .iter()
        .map(|certificate| Watched {
            certificate: Arc::clone(certificate),
            changes: Changes::new(certificate.loaded_from),
            warned: None,
        })
        .collect();
    while !watched.is_empty() {
        let counters = Arc::clone(&shared.counters);
        // The files may be on a disk that makes us wait.
        let look = spawn_blocking(move || {
            for one in &mut watched {
                one.look(&counters);
            }
            watched
        });
        let Ok(again) = look.await else { return };
        watched = again;
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_taken_once_and_when_nothing_has_changed_since_the_last_look() {
        let [old, cert, both] = [[None, None], [Some([1; 6]), None], [Some([1; 6]); 2]];
        let mut changes = Changes::new(old);
        let looks = [old, cert, both, both, both, cert, both, old, old];
        let taken = looks.map(|now| changes.are_complete(now));
        let expected = [false, false, false, true, false, false, false, false, true];
        assert_eq!(taken, expected);
    }
}
