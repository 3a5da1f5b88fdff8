//! Making torrents of real files. tests/node holds the infohashes against
//! create-torrent's.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sha1::{Digest, Sha1};

use super::{content, create, put};
use crate::{
    CreateError, CreateOptions, MAX_DEFAULT_PIECE_LENGTH, Metainfo, NameError, Progress,
    SkippedReason, default_piece_length,
};

const PIECE: usize = 16 << 10;

fn small_pieces() -> CreateOptions {
    CreateOptions {
        piece_length: Some(1 << 14),
        ..CreateOptions::default()
    }
}

/// Hashes in the plainest way there is.
fn plain_hashes(content: &[u8]) -> Vec<[u8; 20]> {
    content
        .chunks(PIECE)
        .map(|piece| Sha1::digest(piece).into())
        .collect()
}

fn hashes(metainfo: &Metainfo) -> Vec<[u8; 20]> {
    (0..metainfo.piece_count())
        .map(|index| *metainfo.piece_hash(index).expect("a hash"))
        .collect()
}

fn paths(metainfo: &Metainfo) -> Vec<String> {
    metainfo
        .files()
        .iter()
        .map(|file| file.path.join("/"))
        .collect()
}

#[test]
fn a_file_of_any_length_round_its_pieces_is_hashed_to_the_last_byte() {
    let folder = tempfile::tempdir().expect("folder");
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 8 * PIECE, 64 * PIECE + 7] {
        let path = folder.path().join(format!("{length}.bin"));
        put(&path, &content(length));
        let metainfo = create(&path, &small_pieces()).expect("created").metainfo;
        assert_eq!(
            hashes(&metainfo),
            plain_hashes(&content(length)),
            "{length}"
        );
        assert_eq!(
            metainfo.total_length(),
            u64::try_from(length).expect("small")
        );
        assert!(!metainfo.is_multi_file());
    }
}

#[test]
fn files_come_in_the_order_of_their_components_and_run_on_in_one_piece() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    let files = [
        ("B.txt", 3),
        ("a.txt", PIECE),
        ("b/c/d.txt", 5),
        ("b/e.txt", 0),
        ("b-x.txt", PIECE + 1),
        ("b.txt", 7),
        ("\u{e9}.txt", 9),
        ("\u{1f600} #%.txt", 11),
        ("\u{1f600} last", 0),
    ];
    let mut all = Vec::new();
    for (path, length) in files {
        let bytes = content(length + path.len()).split_off(path.len());
        put(&root.join(path), &bytes);
        all.extend(bytes);
    }
    let metainfo = create(&root, &small_pieces()).expect("created").metainfo;
    assert_eq!(
        paths(&metainfo),
        files.map(|(path, _)| format!("root/{path}"))
    );
    assert_eq!(hashes(&metainfo), plain_hashes(&all));
}

#[test]
fn the_order_of_names_is_that_of_their_bytes_component_by_component() {
    let folder = tempfile::tempdir().expect("folder");
    for path in ["b/c.txt", "b.txt", "b-x.txt"] {
        put(&folder.path().join("r").join(path), b"x");
    }
    let metainfo = create(&folder.path().join("r"), &small_pieces())
        .expect("created")
        .metainfo;
    // A sort of whole paths would give b-x.txt, b.txt, b/c.txt as well; one by
    // walking gives the folder first.
    assert_eq!(paths(&metainfo), ["r/b/c.txt", "r/b-x.txt", "r/b.txt"]);
}

#[test]
fn all_options_are_written_in_canonical_form() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("plain.bin");
    put(&path, b"x");
    let options = CreateOptions {
        name: Some("n".to_owned()),
        piece_length: Some(1 << 15),
        private: true,
        source: Some("S".to_owned()),
        comment: Some("C".to_owned()),
        created_by: Some("B".to_owned()),
        creation_date: Some(7),
        announce: vec!["wss://a".to_owned(), "ws://b".to_owned()],
        web_seeds: vec!["https://w/".to_owned()],
        follow_links: false,
    };
    let made = create(&path, &options).expect("created");
    let mut expected = b"d8:announce7:wss://a13:announce-listll7:wss://ael6:ws://bee\
        7:comment1:C10:created by1:B13:creation datei7e8:encoding5:UTF-8\
        4:infod6:lengthi1e4:name1:n12:piece lengthi32768e6:pieces20:"
        .to_vec();
    expected.extend(Sha1::digest(b"x"));
    expected.extend(b"7:privatei1e6:source1:Se8:url-listl10:https://w/ee");
    assert_eq!(made.bytes, expected);
    assert_eq!(made.metainfo.warnings(), []);
}

#[test]
fn hidden_junk_links_and_special_files_are_left_out_and_told() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    for path in [
        ".hidden",
        ".git/config",
        "Thumbs.db",
        "old~",
        "__MACOSX/x",
        "kept.txt",
        "x@eaDir/y",
    ] {
        put(&root.join(path), b"x");
    }
    std::os::unix::fs::symlink(root.join("kept.txt"), root.join("link")).expect("link");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("socket");
    let made = create(&root, &small_pieces()).expect("created");
    assert_eq!(paths(&made.metainfo), ["root/kept.txt"]);
    let skipped: Vec<_> = made
        .skipped
        .iter()
        .map(|skipped| {
            let name = skipped.path.strip_prefix(&root).expect("below the root");
            (name.to_str().expect("ASCII"), skipped.reason)
        })
        .collect();
    assert_eq!(
        skipped,
        [
            (".git", SkippedReason::Hidden),
            (".hidden", SkippedReason::Hidden),
            ("Thumbs.db", SkippedReason::Junk),
            ("__MACOSX", SkippedReason::Junk),
            ("link", SkippedReason::Link),
            ("old~", SkippedReason::Junk),
            ("socket", SkippedReason::Special),
            ("x@eaDir", SkippedReason::Junk),
        ]
    );
}

#[test]
fn links_are_followed_when_asked_for_and_loops_end_in_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("root");
    put(&root.join("a/x"), b"x");
    put(&folder.path().join("outside/y"), b"y");
    std::os::unix::fs::symlink("../outside", root.join("b")).expect("link");
    std::os::unix::fs::symlink("nowhere", root.join("broken")).expect("link");
    let options = CreateOptions {
        follow_links: true,
        ..small_pieces()
    };
    let made = create(&root, &options).expect("created");
    assert_eq!(paths(&made.metainfo), ["root/a/x", "root/b/y"]);
    assert_eq!(made.skipped[0].reason, SkippedReason::BrokenLink);

    std::os::unix::fs::symlink("..", root.join("a/up")).expect("link");
    let error = create(&root, &options).expect_err("a loop");
    assert!(matches!(error, CreateError::LinkLoop(path) if path == root.join("a/up")));
    create(&root, &small_pieces()).expect("links are skipped");
}

#[test]
fn what_cannot_be_in_a_torrent_is_an_error_that_names_it() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("folder");
    let bad = |name: &OsStr| {
        let root = tempfile::tempdir_in(folder.path()).expect("folder");
        let path = root.path().join(name);
        put(&path, b"x");
        (
            path,
            create(
                root.path(),
                &CreateOptions {
                    name: Some("r".to_owned()),
                    ..small_pieces()
                },
            ),
        )
    };
    let (path, result) = bad(OsStr::from_bytes(b"caf\xe9"));
    assert!(matches!(result, Err(CreateError::NotUtf8(named)) if named == path));
    let (path, result) = bad(OsStr::new("a\\b"));
    assert!(matches!(
        result,
        Err(CreateError::Name { path: named, error: NameError::Separator(_) }) if named == path
    ));

    let missing = folder.path().join("missing");
    assert!(
        matches!(create(&missing, &small_pieces()), Err(CreateError::Read { path, .. }) if path == missing)
    );
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    assert!(
        matches!(create(&empty, &small_pieces()), Err(CreateError::NoFiles(path)) if path == empty)
    );
    let device = Path::new("/dev/null");
    assert!(
        matches!(create(device, &small_pieces()), Err(CreateError::NotAFile(path)) if path == device)
    );
    for name in ["..", "a/b", ""] {
        let options = CreateOptions {
            name: Some(name.to_owned()),
            ..small_pieces()
        };
        assert!(
            matches!(create(&empty, &options), Err(CreateError::Name { .. })),
            "{name}"
        );
    }
    for length in [0, 1 << 13, (1 << 14) + 1, 1 << 25] {
        let options = CreateOptions {
            piece_length: Some(length),
            ..small_pieces()
        };
        assert!(
            matches!(create(&empty, &options), Err(CreateError::PieceLength(l)) if l == length)
        );
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_an_error_that_names_it() {
    use std::io::Write;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("log");
    let change = |how: fn(&mut std::fs::File)| {
        put(&path, &content(64 * PIECE));
        let file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("file");
        let once = Mutex::new(Some(file));
        let result = crate::create(
            &path,
            &small_pieces(),
            &|_| {
                if let Some(mut file) = once.lock().expect("lock").take() {
                    how(&mut file);
                }
            },
            &AtomicBool::new(false),
        );
        assert!(matches!(result, Err(CreateError::Changed(named)) if named == path));
    };
    change(|file| file.write_all(b"more").expect("write"));
    change(|file| file.set_len(1).expect("truncate"));
}

#[test]
fn progress_reaches_the_end_and_a_cancel_stops() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("file");
    put(&path, &content(100 * PIECE));
    let seen = Mutex::new(Vec::new());
    let see = |progress: Progress| seen.lock().expect("lock").push(progress);
    crate::create(&path, &small_pieces(), &see, &AtomicBool::new(false)).expect("created");
    let seen = seen.into_inner().expect("lock");
    let total = 100 * 16_384;
    let expected: Vec<_> = (1..=100)
        .map(|n| Progress {
            done: n * 16_384,
            total,
        })
        .collect();
    assert_eq!(seen, expected);

    let cancel = AtomicBool::new(false);
    let stop = |_| cancel.store(true, Ordering::Relaxed);
    let result = crate::create(&path, &small_pieces(), &stop, &cancel);
    assert!(matches!(result, Err(CreateError::Cancelled)));
}

#[test]
fn a_folder_named_by_a_dot_gets_its_own_name() {
    let folder = tempfile::tempdir().expect("folder");
    put(&folder.path().join("root/sub/x"), b"x");
    let made = create(&folder.path().join("root/sub/.."), &small_pieces()).expect("created");
    assert_eq!(made.metainfo.name(), "root");
}

#[test]
fn the_default_piece_length_follows_the_table_of_create_torrent() {
    const MIB: u64 = 1 << 20;
    for (total, length) in [
        (0, 16 << 10),
        (16 * MIB, 16 << 10),
        (22 * MIB, 16 << 10),
        (23 * MIB, 32 << 10),
        (100 * MIB, 128 << 10),
        (512 * MIB, 512 << 10),
        (1024 * MIB, 1 << 20),
        (3 << 30, 4 << 20),
        // create-torrent's shift runs over and gives 16 KiB.
        (2 << 40, MAX_DEFAULT_PIECE_LENGTH),
        (u64::MAX, MAX_DEFAULT_PIECE_LENGTH),
    ] {
        assert_eq!(default_piece_length(total), length, "{total}");
    }
}

#[test]
fn a_sparse_file_over_four_gibibytes_is_counted_in_64_bits() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sparse");
    let length = (1_u64 << 42) + 1;
    std::fs::File::create(&path)
        .and_then(|file| file.set_len(length))
        .expect("sparse");
    // Cancelled at the first piece: the layout is what counts, not the zeros.
    let cancel = AtomicBool::new(false);
    let seen = Mutex::new(None);
    let stop = |progress: Progress| {
        *seen.lock().expect("lock") = Some(progress.total);
        cancel.store(true, Ordering::Relaxed);
    };
    let result = crate::create(&path, &CreateOptions::default(), &stop, &cancel);
    assert!(matches!(result, Err(CreateError::Cancelled)));
    assert_eq!(seen.into_inner().expect("lock"), Some(length));
    let result = create(&path, &small_pieces());
    assert!(
        matches!(result, Err(CreateError::TooManyPieces { pieces }) if pieces == (1 << 28) + 1)
    );
}
