//! Checking content against a torrent.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{content, create, put};
use crate::{Cancelled, Cores, CreateOptions, FileProblem, Metainfo, Problem, Report};

const PIECE: usize = 16 << 10;

/// Files a (2.5 pieces), b (1 piece), c (empty), d (half a piece): 4 pieces.
fn made(root: &Path) -> Metainfo {
    put(&root.join("a"), &content(PIECE * 5 / 2));
    put(&root.join("b"), &content(PIECE));
    put(&root.join("c"), b"");
    put(&root.join("sub/d"), &content(PIECE / 2));
    let options = CreateOptions {
        piece_length: Some(1 << 14),
        ..CreateOptions::default()
    };
    create(root, &options).expect("created").metainfo
}

fn check(metainfo: &Metainfo, root: &Path) -> Report {
    crate::verify(metainfo, root, Cores::All, &|_| {}, &AtomicBool::new(false))
        .expect("not cancelled")
}

fn report(bad_pieces: &[u32], files: &[(usize, Problem)]) -> Report {
    Report {
        pieces: 4,
        bad_pieces: bad_pieces.to_vec(),
        files: files
            .iter()
            .map(|(file, problem)| FileProblem {
                file: *file,
                problem: problem.clone(),
            })
            .collect(),
    }
}

#[test]
fn content_that_is_all_there_is_complete() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    let found = check(&metainfo, &root);
    assert_eq!(found, report(&[], &[]));
    assert!(found.is_complete());
}

#[test]
fn a_changed_byte_tells_its_piece_and_every_file_in_it() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    let mut bytes = content(PIECE * 5 / 2);
    bytes[PIECE] ^= 1;
    put(&root.join("a"), &bytes);
    assert_eq!(
        check(&metainfo, &root),
        report(&[1], &[(0, Problem::Corrupt { pieces: 1 })])
    );
    bytes[PIECE * 2] ^= 1;
    put(&root.join("a"), &bytes);
    assert_eq!(
        check(&metainfo, &root),
        report(
            &[1, 2],
            &[
                (0, Problem::Corrupt { pieces: 2 }),
                (1, Problem::Corrupt { pieces: 1 })
            ]
        )
    );
}

#[test]
fn missing_short_and_long_files_are_told_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    std::fs::remove_file(root.join("b")).expect("removed");
    std::fs::remove_file(root.join("c")).expect("removed");
    let half = u64::try_from(PIECE / 2).expect("small");
    assert_eq!(
        check(&metainfo, &root),
        report(&[2, 3], &[(1, Problem::Missing), (2, Problem::Missing)])
    );
    put(&root.join("b"), &content(PIECE));
    put(&root.join("c"), b"");
    put(&root.join("sub/d"), &content(PIECE / 2 - 1));
    let short = Problem::WrongLength {
        expected: half,
        actual: half - 1,
    };
    assert_eq!(check(&metainfo, &root), report(&[3], &[(3, short)]));
    put(&root.join("sub/d"), &content(PIECE / 2 + 1));
    let long = Problem::WrongLength {
        expected: half,
        actual: half + 1,
    };
    assert_eq!(check(&metainfo, &root), report(&[], &[(3, long)]));
    std::fs::remove_file(root.join("sub/d")).expect("removed");
    std::fs::create_dir(root.join("sub/d")).expect("folder");
    assert_eq!(
        check(&metainfo, &root),
        report(&[3], &[(3, Problem::NotAFile)])
    );
}

/// Opening a pipe to read it waits for a writer, here for ever.
#[cfg(unix)]
#[test]
fn a_pipe_with_the_name_of_a_file_is_told_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    std::fs::remove_file(root.join("b")).expect("removed");
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("b"))
        .status();
    assert!(made.expect("mkfifo starts").success());
    assert_eq!(
        check(&metainfo, &root),
        report(&[2, 3], &[(1, Problem::NotAFile)])
    );
}

#[test]
fn every_piece_is_told_once_and_a_cancel_stops() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    let seen = Mutex::new(Vec::new());
    crate::verify(
        &metainfo,
        &root,
        Cores::AllButOne,
        &|piece| {
            seen.lock()
                .expect("lock")
                .push((piece.index, piece.is_good, piece.progress.done))
        },
        &AtomicBool::new(false),
    )
    .expect("not cancelled");
    let mut seen = seen.into_inner().expect("lock");
    assert_eq!(
        seen.last().map(|piece| piece.2),
        Some(metainfo.total_length())
    );
    seen.sort_unstable();
    let pieces: Vec<_> = seen
        .iter()
        .map(|(index, is_good, _)| (*index, *is_good))
        .collect();
    assert_eq!(pieces, [(0, true), (1, true), (2, true), (3, true)]);

    let cancel = AtomicBool::new(false);
    let stop = |_| cancel.store(true, Ordering::Relaxed);
    assert_eq!(
        crate::verify(&metainfo, &root, Cores::All, &stop, &cancel),
        Err(Cancelled)
    );
}

#[test]
fn one_piece_is_checked_on_its_own() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    let first = content(PIECE);
    assert!(metainfo.piece_matches(0, &first));
    assert!(!metainfo.piece_matches(1, &first));
    assert!(!metainfo.piece_matches(0, &content(PIECE - 1)));
    assert!(!metainfo.piece_matches(4, &first));
}

#[test]
fn content_is_found_by_itself_and_in_the_folder_it_was_put_into() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let metainfo = made(&root);
    assert_eq!(metainfo.locate(&root), root);
    assert_eq!(metainfo.locate(folder.path()), root);
    let renamed = folder.path().join("renamed");
    std::fs::rename(&root, &renamed).expect("renamed");
    assert_eq!(metainfo.locate(&renamed), renamed);
    assert_eq!(
        metainfo.locate(&root),
        root,
        "nothing is there, and it has the name"
    );
    assert_eq!(
        metainfo.locate(folder.path()),
        root,
        "where it is looked for"
    );

    put(&folder.path().join("x/file"), b"x");
    let file = create(&folder.path().join("x/file"), &CreateOptions::default());
    let file = file.expect("created").metainfo;
    let path = folder.path().join("x/file");
    assert_eq!(file.locate(&path), path);
    assert_eq!(file.locate(&folder.path().join("x")), path);
}
