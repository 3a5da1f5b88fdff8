//! Checking pieces: all of them once, then those of files that changed.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metainfo::Cores;
use rand::RngExt;

use super::files::CLOCK_STEP;
use super::{ReadError, Stamp, Storage, memory};
use crate::Event;

/// Sessions are told of new pieces so often at most: one look costs a
/// comparison of bitfields each.
const TELL_EVERY: Duration = Duration::from_millis(20);

/// A file that changed is checked again after it was left alone for so long, and
/// so on while it changes.
const SETTLE: Duration = Duration::from_secs(1);

/// Files of pieces that are not there are looked at so often, give or take a
/// tenth: they may have been put back.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl Storage {
    /// Checks every piece once, then those of files that change or are put back,
    /// until cancelled. Pieces are served as soon as they are found to match.
    pub(crate) async fn run_checks(self: Arc<Self>) {
        // What was written just now and is written again gets another time by then.
        tokio::time::sleep(CLOCK_STEP).await;
        let storage = Arc::clone(&self);
        if tokio::task::spawn_blocking(move || storage.check_all())
            .await
            .is_err()
        {
            return;
        }
        while !self.cancelled.load(Ordering::Relaxed) {
            let look_in = LOOK_EVERY.mul_f64(rand::rng().random_range(0.9..=1.1));
            let storage = Arc::clone(&self);
            let done = tokio::select! {
                () = self.suspects.notified() => {
                    tokio::time::sleep(SETTLE).await;
                    tokio::task::spawn_blocking(move || storage.check_suspects()).await
                }
                () = tokio::time::sleep(look_in) => {
                    tokio::task::spawn_blocking(move || storage.look_at_bad_files()).await
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Has files of pieces that are not there checked again if they do not look
    /// as they did when they were checked.
    fn look_at_bad_files(&self) {
        let have = self.have();
        if have.is_full() {
            return;
        }
        for (file, path) in self.paths.iter().enumerate() {
            if self.cancelled.load(Ordering::Relaxed) {
                return;
            }
            let is_whole = self.pieces_of(file).all(|piece| have.contains(piece));
            if !is_whole && Stamp::of(path) != self.stamp(file) {
                self.suspect(file);
            }
        }
    }

    /// What a file looked like when its pieces were checked.
    pub(super) fn stamp(&self, file: usize) -> Option<Stamp> {
        self.lock().stamps.get(file).copied().flatten()
    }

    fn check_all(&self) {
        for file in 0..self.paths.len() {
            self.take_stamp(file);
        }
        let told = Mutex::new(None::<Instant>);
        let bad = Mutex::new(BTreeSet::new());
        let observer = |checked: metainfo::PieceChecked| {
            if !checked.is_good {
                bad.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(checked.index);
                return;
            }
            self.lock().have.insert(checked.index);
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                *told = Some(Instant::now());
                self.changes.send_modify(|count| *count += 1);
            }
        };
        let report = metainfo::verify(
            &self.metainfo,
            &self.content,
            // Peers are served meanwhile.
            Cores::AllButOne,
            &observer,
            &self.cancelled,
        );
        self.tell_bad(&bad.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.finish_check(report.is_ok());
    }

    fn finish_check(&self, whole: bool) {
        self.checking.store(false, Ordering::Relaxed);
        self.changes.send_modify(|count| *count += 1);
        if whole {
            self.tell(Event::Verified {
                info_hash: self.metainfo.info_hash(),
                good: self.verified(),
                pieces: self.metainfo.piece_count(),
            });
        }
    }

    /// Notes what a file looks like before its pieces are checked.
    fn take_stamp(&self, file: usize) {
        let path = self.path(file);
        let stamp = Stamp::of(path);
        if let Some(slot) = self.lock().stamps.get_mut(file) {
            *slot = stamp;
        }
        if stamp.is_none() && !self.pieces_of(file).is_empty() {
            self.tell(Event::FileMissing {
                info_hash: self.metainfo.info_hash(),
                path: path.to_owned(),
            });
        }
    }

    /// Tells of pieces that do not match, those that follow each other in one, but for those in missing
    /// files: these were told, and may be thousands.
    fn tell_bad(&self, bad: &BTreeSet<u32>) {
        let mut run: Option<RangeInclusive<u32>> = None;
        for piece in bad
            .iter()
            .copied()
            .filter(|piece| !self.is_in_missing_file(*piece))
        {
            run = Some(match run {
                Some(run) if run.end() + 1 == piece => *run.start()..=piece,
                other => {
                    self.tell_run(other);
                    piece..=piece
                }
            });
        }
        self.tell_run(run);
    }

    fn tell_run(&self, run: Option<RangeInclusive<u32>>) {
        if let Some(pieces) = run {
            self.tell(Event::PiecesBad {
                info_hash: self.metainfo.info_hash(),
                pieces,
            });
        }
    }

    fn is_in_missing_file(&self, piece: u32) -> bool {
        let size = self.metainfo.piece_size(piece).unwrap_or_default();
        let mut segments = self.metainfo.segments(piece, 0, size);
        segments.any(|segment| self.stamp(segment.file).is_none())
    }

    /// Takes out all pieces of a file that does not look as it did, and has it
    /// checked again.
    pub(super) fn suspect(&self, file: usize) {
        self.disk.open.close((self.number, file));
        {
            let mut state = self.lock();
            if !state.suspect.insert(file) {
                return;
            }
            if let Some(stamp) = state.stamps.get_mut(file) {
                *stamp = None;
            }
            for piece in self.pieces_of(file) {
                state.have.remove(piece);
            }
        }
        self.changes.send_modify(|count| *count += 1);
        self.tell(Event::ContentChanged {
            info_hash: self.metainfo.info_hash(),
            path: self.path(file).to_owned(),
        });
        self.suspects.notify_one();
    }

    /// The pieces that hold bytes of a file.
    fn pieces_of(&self, file: usize) -> std::ops::Range<u32> {
        let Some(entry) = self.metainfo.files().get(file).filter(|f| f.length > 0) else {
            return 0..0;
        };
        let piece_length = u64::from(self.metainfo.piece_length()).max(1);
        let first = entry.offset / piece_length;
        let end = (entry.offset + entry.length).div_ceil(piece_length);
        match (u32::try_from(first), u32::try_from(end)) {
            (Ok(first), Ok(end)) => first..end,
            _ => 0..0,
        }
    }

    fn check_suspects(&self) {
        self.checking.store(true, Ordering::Relaxed);
        let files = std::mem::take(&mut self.lock().suspect);
        let mut pieces = BTreeSet::new();
        for &file in &files {
            self.take_stamp(file);
            pieces.extend(self.pieces_of(file));
        }
        let mut bad = BTreeSet::new();
        for piece in pieces {
            if self.cancelled.load(Ordering::Relaxed) {
                return;
            }
            if !self.check_piece(piece) {
                bad.insert(piece);
            }
        }
        self.tell_bad(&bad);
        self.finish_check(true);
    }

    /// Reads a piece and serves it from now on if it matches.
    fn check_piece(&self, piece: u32) -> bool {
        let size = self.metainfo.piece_size(piece).unwrap_or_default();
        let mut bytes = vec![0; memory(size)];
        match self.read_bytes(piece, 0, &mut bytes) {
            Ok(()) => {}
            Err((file, ReadError::Changed)) => {
                self.suspect(file);
                return false;
            }
            Err((_, ReadError::Io(_) | ReadError::NotVerified(_))) => return false,
        }
        let good = self.metainfo.piece_matches(piece, &bytes);
        if good {
            self.lock().have.insert(piece);
        }
        good
    }
}
