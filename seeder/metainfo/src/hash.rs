//! Hashing pieces on all cores.
//!
//! Workers take turns at one reader, so that the disk sees one sequential
//! reader whatever the number of cores, and hash what they read while the next
//! one reads. Memory is one piece a worker; nothing is handed over.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use sha1::{Digest, Sha1};

/// Most bytes that the workers' buffers take together.
const MAX_BUFFER_BYTES: usize = 256 << 20;

/// Where buffers begin. From the page cache the kernel copies 2.5 GB/s to 16 bytes behind the start of
/// a page, where the allocator puts large buffers, and 11 GB/s to a multiple of this.
const CACHE_LINE: usize = 64;

/// How far hashing has come, in bytes of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes hashed.
    pub done: u64,
    /// Bytes to hash.
    pub total: u64,
}

/// How much of the machine hashing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cores {
    /// All of it: somebody waits for the result.
    All,
    /// All cores but one, or the only one: something else goes on meanwhile.
    AllButOne,
}

/// What a turn at the reader gave.
pub(crate) enum Turn {
    /// The buffer's first `length` bytes are piece `index`.
    Piece { index: u32, length: usize },
    /// Piece `index` cannot be read in full.
    Unreadable { index: u32 },
    /// There are no more pieces.
    End,
}

/// Hashes every piece that `read` puts into the buffer it is given, which holds
/// `piece_length` bytes, until it says [`Turn::End`] or fails, or `cancel` is
/// set. Calls `hashed` with a piece's index, length and hash (none when
/// unreadable), on any worker and in any order.
pub(crate) fn each_piece<E: Send>(
    piece_length: usize,
    cores: Cores,
    cancel: &AtomicBool,
    read: impl FnMut(&mut [u8]) -> Result<Turn, E> + Send,
    hashed: impl Fn(u32, usize, Option<[u8; 20]>) + Sync,
) -> Result<(), E> {
    let reader = Mutex::new(Some(read));
    let failure = Mutex::new(None);
    let work = || {
        let mut room = vec![0; piece_length + CACHE_LINE];
        let start = room.as_ptr().addr().wrapping_neg() % CACHE_LINE;
        let buffer = room.split_at_mut(start).1;
        let buffer = buffer.split_at_mut(piece_length).0;
        while !cancel.load(Ordering::Relaxed) {
            let turn = take_turn(&reader, &failure, buffer);
            match turn {
                Turn::Piece { index, length } => {
                    let piece = buffer.get(..length).unwrap_or_default();
                    hashed(index, length, Some(Sha1::digest(piece).into()));
                }
                Turn::Unreadable { index } => hashed(index, 0, None),
                Turn::End => break,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers(piece_length, cores) {
            scope.spawn(work);
        }
    });
    let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(()), Err)
}

/// Bytes of the largest piece: the piece length, or less for small content.
pub(crate) fn buffer_length(total: u64, piece_length: u32) -> usize {
    usize::try_from(total.min(u64::from(piece_length))).expect("a piece length is a u32")
}

/// Reads the next piece. The reader goes away when it ends or fails, so that
/// every other worker ends, too.
fn take_turn<E>(
    reader: &Mutex<Option<impl FnMut(&mut [u8]) -> Result<Turn, E>>>,
    failure: &Mutex<Option<E>>,
    buffer: &mut [u8],
) -> Turn {
    let mut reader = lock(reader);
    let turn = reader.as_mut().map_or(Ok(Turn::End), |read| read(buffer));
    match turn {
        Ok(Turn::End) => *reader = None,
        Ok(Turn::Piece { .. } | Turn::Unreadable { .. }) => {}
        Err(_) => *reader = None,
    }
    turn.unwrap_or_else(|error| {
        lock(failure).get_or_insert(error);
        Turn::End
    })
}

/// With all cores one more than these, so that all of them hash while one worker
/// reads; fewer when pieces are large, but two.
fn workers(piece_length: usize, cores: Cores) -> usize {
    let present = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let by_memory = (MAX_BUFFER_BYTES / piece_length.max(1)).max(2);
    match cores {
        Cores::All => (present + 1).min(by_memory),
        Cores::AllButOne => present.saturating_sub(1).clamp(1, by_memory),
    }
}

/// Locks, whatever became of a worker that panicked: the scope passes its panic on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
