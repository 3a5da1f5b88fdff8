//! The WebRTC edge alone: what it leaves behind, and on how many sockets.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use seeder::rtc::{Channel, Rtc, RtcError, Transport};

fn bind() -> Rtc {
    Rtc::bind("127.0.0.1:0".parse().expect("an address"), None).expect("a port")
}

async fn connect(from: &Rtc, to: &Rtc) -> (Channel, Channel) {
    let (offer, waiting) = from.create_offer().await.expect("an offer");
    let (answer, opening) = to.accept_offer(&offer).await.expect("an answer");
    let ours = waiting.accept_answer(&answer).await.expect("it is taken");
    let (ours, theirs) = tokio::join!(ours.open(), opening.open());
    (ours.expect("it opens"), theirs.expect("it opens"))
}

async fn eventually(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).unwrap_or_default();
    pages.parse::<usize>().unwrap_or_default() * 4096
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_whole_and_in_order_and_the_end_is_seen() {
    let (ours, theirs) = (bind(), bind());
    let (sender, receiver) = connect(&ours, &theirs).await;
    for size in [1_usize, 13, 16_397, 65_536] {
        let fill = u8::try_from(size % 251).expect("a byte");
        let message = BytesMut::from_iter(std::iter::repeat_n(fill, size));
        sender.send(message.clone()).await.expect("it is sent");
        assert!(receiver.receive().await.as_deref() == Some(&message[..]));
    }
    let last = BytesMut::from("last words");
    sender.send(last.clone()).await.expect("it is sent");
    drop(sender);
    assert_eq!(receiver.receive().await.as_deref(), Some(&last[..]));
    assert_eq!(receiver.receive().await, None);
    assert!(receiver.send(BytesMut::from("late")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_connections_leave_no_state_and_no_socket_behind() {
    let seeder = bind();
    let mut files = 0;
    for round in 0..10 {
        let connections = (0..20).map(|_| async {
            let leecher = bind();
            let channels = connect(&leecher, &seeder).await;
            (leecher, channels)
        });
        let open = futures_util::future::join_all(connections).await;
        assert_eq!(seeder.census(), (20, 20));
        drop(open);
        eventually("all is closed", || seeder.census() == (0, 0)).await;
        if round == 0 {
            files = open_files();
        }
    }
    // Other tests of this process open files, too, but not hundreds.
    assert!(open_files() < files + 100, "{} files", open_files());
}

/// The long run is `cargo run --release -p seeder --example transport -- churn 10000`.
#[test]
fn three_hundred_connections_one_after_the_other_leave_no_memory_behind() {
    // In a process of its own: other tests of this one need memory, too.
    let program = std::env::current_exe().expect("this program");
    let name = "connections::churn_in_a_process_of_its_own";
    let run = std::process::Command::new(program)
        .args([name, "--exact", "--ignored", "--nocapture"])
        .output()
        .expect("it runs");
    let said = String::from_utf8(run.stdout).expect("text");
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test"]
async fn churn_in_a_process_of_its_own() {
    let seeder = bind();
    let mut warm = 0;
    for cycle in 0..300 {
        let leecher = bind();
        drop(connect(&leecher, &seeder).await);
        if cycle == 100 {
            warm = resident_bytes();
        }
    }
    eventually("all is closed", || seeder.census() == (0, 0)).await;
    // A connection takes 140 KB: a tenth of it must not stay, on either side.
    let grown = resident_bytes().saturating_sub(warm);
    assert!(grown < 200 * 28_000, "{grown} bytes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_without_an_answer_and_answers_without_a_peer_leave_nothing_behind() {
    let (ours, theirs) = (bind(), bind());
    for _ in 0..20 {
        let (offer, waiting) = ours.create_offer().await.expect("an offer");
        let (_, opening) = theirs.accept_offer(&offer).await.expect("an answer");
        drop((waiting, opening));
    }
    for bad in [
        "",
        "v=0",
        "v=0\r\nm=application 9 UDP/DTLS/SCTP x\r\n",
        "\0",
    ] {
        assert!(theirs.accept_offer(bad).await.is_err(), "{bad:?}");
    }
    eventually("all is closed", || ours.census() == (0, 0)).await;
    eventually("all is closed", || theirs.census() == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_does_not_open_is_given_up() {
    let (ours, theirs) = (bind(), bind());
    let (offer, waiting) = ours.create_offer().await.expect("an offer");
    let (_, opening) = theirs.accept_offer(&offer).await.expect("an answer");
    drop(waiting);
    let error = opening.open().await.expect_err("nobody is there");
    assert!(matches!(error, RtcError::OpenTimeout | RtcError::Gone));
    eventually("it is closed", || theirs.census() == (0, 0)).await;
}

#[tokio::test]
async fn of_a_range_of_ports_the_first_free_one_is_taken() {
    let first = bind();
    let taken = first.local_addr().port();
    let range = |last| Transport {
        listen: first.local_addr(),
        last_port: Some(last),
        ..Transport::default()
    };
    let alone = Rtc::start(range(taken)).expect_err("it is taken");
    assert_eq!(alone.kind(), std::io::ErrorKind::AddrInUse);
    // Another process may hold some of them, but hardly all.
    let second = Rtc::start(range(taken.saturating_add(100))).expect("a port");
    assert!(second.local_addr().port() > taken);
}

#[tokio::test]
async fn a_seeder_with_no_address_to_offer_does_not_start() {
    let none = Transport {
        offered: vec!["no-such-interface".parse().expect("a rule")],
        ..Transport::default()
    };
    let error = Rtc::start(none).expect_err("nobody could reach it");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrNotAvailable);
}

/// Whether the other side has closed it.
async fn is_closed(stream: &mut tokio::net::TcpStream) -> bool {
    use tokio::io::AsyncReadExt;
    !matches!(stream.read(&mut [0; 64]).await, Ok(1..))
}

#[tokio::test]
async fn tcp_connections_of_an_address_are_bounded_and_so_is_what_they_say() {
    use tokio::io::AsyncWriteExt;
    let transport = Transport {
        listen: "127.0.0.1:0".parse().expect("an address"),
        ice_tcp: true,
        ..Transport::default()
    };
    let rtc = Rtc::start(transport).expect("a port");
    let connect = || tokio::net::TcpStream::connect(rtc.local_addr());
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(connect().await.expect("it is accepted"));
    }
    // Those before it are known once it is refused.
    let mut one_more = connect().await.expect("the kernel accepts it");
    assert!(is_closed(&mut one_more).await);
    let mut long = open.pop().expect("a connection");
    long.write_all(&[0xff, 0xff, 1, 2, 3]).await.expect("sent");
    assert!(is_closed(&mut long).await);
    let mut again = connect().await.expect("it is accepted");
    again.write_all(b"\0\x04nope\0\0").await.expect("sent");
    let silent = tokio::time::timeout(Duration::from_millis(300), is_closed(&mut again)).await;
    assert!(silent.is_err(), "others' mistakes are not its own");
    // Nobody's in ten seconds.
    assert!(is_closed(&mut again).await);
}
