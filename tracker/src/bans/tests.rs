use super::*;

const MINUTE: i64 = 60_000;

fn bans() -> Bans {
    Bans::new(Duration::from_secs(10 * 60), Duration::from_secs(3600))
}

fn network(text: &str) -> Cidr {
    text.parse().expect("a network")
}

fn site(number: u32) -> Cidr {
    Cidr::of(IpAddr::V4(number.into()))
}

fn operators(until: Option<i64>) -> Ban {
    Ban {
        made_by: MadeBy::Operator,
        reason: "spam".into(),
        since: 0,
        until,
        times: 0,
    }
}

/// The network that an address is banned with.
fn found(bans: &Bans, now: i64, address: &str) -> Option<String> {
    let address = address.parse().expect("an address");
    bans.find(now, address)
        .map(|(network, _)| network.to_string())
}

#[test]
fn an_address_is_found_in_the_smallest_network_that_is_banned() {
    let mut bans = bans();
    for text in ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "::/1"] {
        assert_eq!(
            bans.put(0, network(text), operators(None)),
            Ok((true, None))
        );
    }
    for (address, expected) in [
        ("10.2.3.4", Some("10.0.0.0/8")),
        ("10.1.3.4", Some("10.1.0.0/16")),
        ("::ffff:10.1.3.4", Some("10.1.0.0/16")),
        ("11.0.0.1", None),
        ("2001:db8:1::1", Some("2001:db8::/32")),
        ("2001:db9::1", Some("::/1")),
        ("fe80::1", None),
    ] {
        assert_eq!(found(&bans, 0, address).as_deref(), expected, "{address}");
    }
    assert!(bans.lift(&network("10.1.0.0/16")));
    assert!(!bans.lift(&network("10.1.0.0/16")));
    assert_eq!(found(&bans, 0, "10.1.3.4").as_deref(), Some("10.0.0.0/8"));
}

#[test]
fn a_ban_ends_and_a_smaller_one_that_is_over_does_not_hide_a_greater() {
    let mut bans = bans();
    bans.put(0, network("10.0.0.0/8"), operators(Some(100)))
        .expect("room");
    bans.put(0, network("10.1.0.0/16"), operators(Some(50)))
        .expect("room");
    let at = |now| found(&bans, now, "10.1.0.1");
    assert_eq!(at(49).as_deref(), Some("10.1.0.0/16"));
    assert_eq!(at(50).as_deref(), Some("10.0.0.0/8"));
    assert_eq!(at(100), None);
    let listed: Vec<_> = bans.after(60, None).map(|(of, _)| of.to_string()).collect();
    assert_eq!(listed, ["10.0.0.0/8"]);
    assert_eq!(bans.get(60, &network("10.1.0.0/16")), None);
}

#[test]
fn each_further_ban_lasts_twice_as_long_until_the_longest() {
    let mut bans = bans();
    let mut now = 0;
    let mut lasted = Vec::new();
    for times in 1..=80 {
        let (ban, gone) = bans.offended(now, site(1)).expect("banned");
        assert_eq!((ban.times, gone), (times, None));
        assert_eq!(bans.offended(now, site(1)), None, "it is banned already");
        let until = ban.until.expect("it ends");
        lasted.push((until - now) / MINUTE);
        now = until;
    }
    assert_eq!(lasted[..5], [10, 20, 40, 60, 60]);
    assert!(lasted[5..].iter().all(|minutes| *minutes == 60));
}

#[test]
fn a_ban_is_remembered_for_as_long_as_the_longest_after_its_end() {
    let mut bans = bans();
    bans.offended(0, site(1));
    assert_eq!(bans.forget(69 * MINUTE), []);
    let (ban, _) = bans.offended(69 * MINUTE, site(1)).expect("banned");
    assert_eq!(ban.times, 2);
    let end = (69 + 20 + 60) * MINUTE;
    assert_eq!(bans.forget(end - 1), []);
    assert_eq!(bans.forget(end), [site(1)]);
    assert_eq!(bans.len(), 0);
    let (ban, _) = bans.offended(end, site(1)).expect("banned");
    assert_eq!(ban.times, 1);
}

#[test]
fn an_operators_ban_without_end_is_neither_shortened_nor_forgotten() {
    let mut bans = bans();
    bans.put(0, site(1), operators(None)).expect("room");
    assert_eq!(bans.offended(5, site(1)), None);
    assert_eq!(bans.forget(i64::MAX), []);
    assert_eq!(bans.put(9, site(1), operators(Some(10))), Ok((false, None)));
    assert_eq!(bans.put(11, site(1), operators(None)), Ok((true, None)));
}

#[test]
fn when_full_the_trackers_ban_that_ends_first_makes_room_and_no_operators_does() {
    let mut bans = bans();
    let all = u32::try_from(BANS).expect("small");
    for number in 0..all {
        bans.offended(i64::from(number), site(number))
            .expect("banned");
    }
    let (_, gone) = bans.offended(5, site(all)).expect("banned");
    assert_eq!(gone, Some(site(0)));
    assert_eq!(bans.len(), BANS);
    let put = |bans: &mut Bans, number| bans.put(5, site(number), operators(None));
    assert_eq!(put(&mut bans, all + 1), Ok((true, Some(site(1)))));
    assert_eq!(bans.len(), BANS);
    for number in 2..=all {
        assert_eq!(put(&mut bans, number), Ok((false, None)));
    }
    assert_eq!(put(&mut bans, all + 2), Err(TooMany));
    assert_eq!(bans.offended(5, site(0)), None);
    bans.restore(site(0), operators(None));
    assert_eq!(bans.len(), BANS);
}
