//! The content of one torrent on disk: which pieces match, and their blocks.
//!
//! Invariant: a block comes out only of a piece that matched its hash, from
//! files that still look as they did when it was checked. A file that looks
//! different takes all its pieces out at once; they are checked again.

mod check;
mod files;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use metainfo::Metainfo;
use peer::{Bitfield, BlockRequest};
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use crate::Event;
pub(crate) use files::OpenFiles;
use files::{Stamp, read_at};

/// Reads of content at a time, over all torrents; others wait in their sessions.
pub(crate) const MAX_READS: usize = 8;

/// What all torrents share of the disk.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) open: OpenFiles,
    reads: Semaphore,
    torrents: AtomicU64,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            open: OpenFiles::default(),
            reads: Semaphore::new(MAX_READS),
            torrents: AtomicU64::new(0),
        }
    }
}

/// A torrent's content.
#[derive(Debug)]
pub(crate) struct Storage {
    metainfo: Metainfo,
    content: PathBuf,
    paths: Vec<PathBuf>,
    disk: Arc<Disk>,
    /// The torrent's number among the open files.
    number: u64,
    /// Locked for look-ups and changes only, never while a file is read.
    state: Mutex<State>,
    /// Counts changes of the set of pieces.
    changes: watch::Sender<u64>,
    /// Rings when there is something to check again.
    suspects: Notify,
    checking: AtomicBool,
    cancelled: AtomicBool,
    events: broadcast::Sender<Event>,
}

#[derive(Debug)]
struct State {
    have: Bitfield,
    /// What each file looked like when its pieces were checked.
    stamps: Vec<Option<Stamp>>,
    /// Files that look different.
    suspect: BTreeSet<usize>,
}

/// Why a block was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The piece is not among those that match.
    #[error("piece {0} is not verified")]
    NotVerified(u32),
    /// A file is not as it was when it was checked.
    #[error("the content has changed")]
    Changed,
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A block with its header, as it goes on the wire, or why there is none.
pub(crate) type ReadBlock = (BlockRequest, Result<BytesMut, ReadError>);

impl Storage {
    /// The content of `metainfo` at `content`; nothing is verified yet.
    pub(crate) fn new(
        metainfo: Metainfo,
        content: PathBuf,
        disk: Arc<Disk>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let paths = metainfo.file_paths(&content);
        let state = State {
            have: Bitfield::empty(metainfo.piece_count()),
            stamps: vec![None; paths.len()],
            suspect: BTreeSet::new(),
        };
        Self {
            number: disk.torrents.fetch_add(1, Ordering::Relaxed),
            metainfo,
            content,
            paths,
            disk,
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            suspects: Notify::new(),
            checking: AtomicBool::new(true),
            cancelled: AtomicBool::new(false),
            events,
        }
    }

    pub(crate) fn metainfo(&self) -> &Metainfo {
        &self.metainfo
    }

    /// The pieces that match.
    pub(crate) fn have(&self) -> Bitfield {
        self.lock().have.clone()
    }

    /// How many pieces match.
    pub(crate) fn verified(&self) -> u32 {
        self.lock().have.count()
    }

    /// Whether pieces are being checked.
    pub(crate) fn is_checking(&self) -> bool {
        self.checking.load(Ordering::Relaxed)
    }

    /// Tells of changes of [`Storage::have`].
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ends checks that run and closes the files.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.disk.open.close_all(self.number);
    }

    /// Reads blocks, each straight behind its header, in one go off the async
    /// threads.
    pub(crate) async fn read(self: Arc<Self>, blocks: Vec<BlockRequest>) -> Vec<ReadBlock> {
        let permit = self.disk.reads.acquire().await;
        let storage = Arc::clone(&self);
        let read = tokio::task::spawn_blocking(move || {
            blocks
                .into_iter()
                .map(|block| (block, storage.read_block(block)))
                .collect()
        })
        .await;
        drop(permit);
        // Fails only when the runtime is shutting down.
        read.unwrap_or_default()
    }

    fn read_block(&self, block: BlockRequest) -> Result<BytesMut, ReadError> {
        let mut message = BytesMut::zeroed(BlockRequest::HEADER_LENGTH + memory(block.length));
        let (header, bytes) = message.split_at_mut(BlockRequest::HEADER_LENGTH);
        header.copy_from_slice(&block.header());
        if !self.lock().have.contains(block.piece) {
            return Err(ReadError::NotVerified(block.piece));
        }
        if let Err((file, error)) = self.read_bytes(block.piece, block.begin, bytes) {
            self.suspect(file);
            return Err(error);
        }
        // A file that changed meanwhile took its pieces out.
        if !self.lock().have.contains(block.piece) {
            return Err(ReadError::Changed);
        }
        Ok(message)
    }

    /// Reads bytes of a piece, if the files look afterwards as they did when they
    /// were stamped. `bytes` lie within the piece.
    ///
    /// # Errors
    /// The file that cannot be read or looks different, and which it is.
    fn read_bytes(
        &self,
        piece: u32,
        begin: u32,
        bytes: &mut [u8],
    ) -> Result<(), (usize, ReadError)> {
        let mut rest = bytes;
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        for segment in self.metainfo.segments(piece, begin, length) {
            let (part, after) = rest.split_at_mut(memory(segment.length));
            self.read_segment(segment.file, segment.offset, part)
                .map_err(|error| (segment.file, error))?;
            rest = after;
        }
        assert!(rest.is_empty(), "the bytes lie within the piece");
        Ok(())
    }

    fn read_segment(&self, index: usize, offset: u64, part: &mut [u8]) -> Result<(), ReadError> {
        let file = self
            .disk
            .open
            .open((self.number, index), self.path(index))?;
        let known = self.stamp(index);
        read_at(&file, part, offset)?;
        if known == Some(Stamp::from(&file.metadata()?)) {
            Ok(())
        } else {
            Err(ReadError::Changed)
        }
    }

    fn path(&self, file: usize) -> &Path {
        self.paths.get(file).expect("each file has a path")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }
}

/// A length on the wire as one in memory.
fn memory(length: u32) -> usize {
    usize::try_from(length).expect("32 bits fit into a usize")
}
