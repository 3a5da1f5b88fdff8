use seeder::rtc::Transport;
use seeder::{Config, Seeder};
use seeder_bench::{BenchError, Crowd, Meeting, Plan, Report};

use crate::{PIECES, Scene};

/// Sets a crowd on our own seeder, in this process.
fn bench(crowd: Crowd, change: impl FnOnce(&mut Plan)) -> Report {
    let scene = Scene::new();
    let config = Config {
        transport: Transport {
            listen: ([127, 0, 0, 1], 0).into(),
            ..Transport::default()
        },
        trackers: vec![scene.url()],
        ..Config::default()
    };
    let seeder = scene.runtime.block_on(async {
        let seeder = Seeder::start(config).await.expect("it starts");
        let added = seeder.add(scene.metainfo.clone(), scene.path.clone());
        added.await.expect("it is added");
        seeder
    });
    let mut plan = scene.plan(crowd);
    plan.pid = Some(std::process::id());
    change(&mut plan);
    let report = seeder_bench::run(&plan).expect("a report");
    scene.runtime.block_on(seeder.stop());
    report
}

fn nobody() -> Crowd {
    Crowd::default()
}

#[test]
fn greedy_leechers_take_all_pieces_over_and_over_and_all_are_right() {
    let report = bench(
        Crowd {
            greedy: 3,
            ..nobody()
        },
        |_| {},
    );
    assert!(report.flawless(), "{report}");
    assert_eq!(report.connected, 3, "{report}");
    assert!(report.pieces_verified > 3 * PIECES as u64, "{report}");
    let each = report.leecher_mb_per_second.expect("rates");
    assert!(
        each.min > 0.0 && each.max < report.mb_per_second,
        "{report}"
    );
    let (open, first) = (report.open_ms, report.first_block_ms);
    assert!(open.expect("opened").min < first.expect("blocks came").max);
    assert!(report.cpu_s_per_gb.is_some() && report.memory.is_some());
}

#[test]
fn a_slow_leecher_takes_no_more_than_its_rate() {
    let report = bench(
        Crowd {
            slow: 1,
            slow_bytes_per_second: 300_000,
            ..nobody()
        },
        |_| {},
    );
    assert!(report.flawless(), "{report}");
    // A block that begins within the rate is taken whole.
    let most = 0.3 * report.seconds + 0.02;
    assert!(
        report.megabytes > 0.0 && report.megabytes < most,
        "{report}"
    );
}

#[test]
fn a_stalled_leecher_stays_connected_and_reads_no_block() {
    let report = bench(
        Crowd {
            stalled: 1,
            ..nobody()
        },
        |_| {},
    );
    assert_eq!(
        (report.connected, report.pieces_verified),
        (1, 0),
        "{report}"
    );
    assert_eq!(report.first_block_ms, None, "{report}");
}

#[test]
fn idle_leechers_stay_connected_and_take_nothing() {
    let report = bench(
        Crowd {
            idle: 5,
            ..nobody()
        },
        |_| {},
    );
    assert!(report.flawless(), "{report}");
    assert_eq!((report.connected, report.megabytes), (5, 0.0), "{report}");
    assert_eq!(report.cpu_s_per_gb, None);
}

#[test]
fn leechers_of_churn_come_and_go_again_and_again() {
    let report = bench(
        Crowd {
            churn: 1,
            greedy: 1,
            ..nobody()
        },
        |plan| plan.duration = std::time::Duration::from_secs(3),
    );
    assert!(report.flawless(), "{report}");
    assert!(report.turns.cycles > 1, "{report}");
    assert_eq!(report.turns.hung_up, 0, "{report}");
}

#[test]
fn a_path_takes_its_time_and_loses_its_share_and_yet_all_comes() {
    let report = bench(
        Crowd {
            greedy: 1,
            ..nobody()
        },
        |plan| {
            plan.path.rtt_ms = 40.0;
            plan.path.loss_percent = 1.0;
        },
    );
    assert!(report.flawless() && report.pieces_verified > 0, "{report}");
    // At least one check, the handshakes of DTLS and SCTP, the channel.
    let first = report.first_block_ms.expect("blocks came");
    assert!(first.min > 4.0 * 40.0, "{report}");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let scene = Scene::new();
    let refused = |plan: &Plan| match seeder_bench::run(plan) {
        Ok(report) => panic!("there is a report: {report}"),
        Err(error) => error.to_string(),
    };
    let none = refused(&scene.plan(nobody()));
    assert_eq!(none, "leechers is `0`; it must be from 1 to 10000");
    let crowd = Crowd {
        idle: 1,
        ..nobody()
    };
    let mut plan = scene.plan(crowd);
    plan.meeting = Meeting::Tracker("ws://192.0.2.1:80".parse().expect("a URL"));
    assert!(refused(&plan).contains("`192.0.2.1:80` is not loopback"));
    plan.meeting = Meeting::Own {
        listen: ([127, 0, 0, 1], 0).into(),
        command: Vec::new(),
    };
    plan.patience = std::time::Duration::from_millis(200);
    let error = seeder_bench::run(&plan).expect_err("nobody comes");
    assert!(matches!(error, BenchError::NoSeeder { .. }), "{error}");
}
