use super::*;

const SECOND: u64 = 1_000_000_000;

fn site(number: u32) -> Cidr {
    Cidr::of(IpAddr::V4(number.into()))
}

impl Table {
    fn enter_new(&mut self, now: u64, site: Cidr) -> Arc<Account> {
        let rules = &sources(Limits::default(), 0).rules;
        let new = || Account {
            site,
            rules: Arc::clone(rules),
            sources: Weak::new(),
            messages: TokenBucket::default(),
            bytes: TokenBucket::default(),
            offences: TokenBucket::default(),
        };
        self.enter(now, site, 5, new).expect("room")
    }
}

/// The accounts of a tracker with these bounds that exempts nobody.
fn sources(limits: Limits, offences: u32) -> Arc<Sources> {
    let limits = Limits {
        exempt: Vec::new(),
        ..limits
    };
    let bans = Bans {
        offences,
        ..Bans::default()
    };
    Arc::new(Sources::new(&limits, &bans, Instant::now()))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn an_address_may_have_so_many_sockets_and_a_site_of_ipv6_is_one() {
    let limits = Limits {
        sockets_per_ip: 2,
        ..Limits::default()
    };
    let sources = sources(limits, 0);
    let enter = |from| sources.enter(ip(from)).map(|place| place.expect("counted"));
    let first = enter("2001:db8::1").expect("room");
    let _second = enter("2001:db8::2").expect("room");
    assert_eq!(enter("2001:db8::3").map(drop), Err(Crowded));
    let _other = enter("2001:db8:0:1::1").expect("another site");
    let _v4 = enter("192.0.2.1").expect("another address");
    let _mapped = enter("::ffff:192.0.2.1").expect("room");
    assert_eq!(enter("192.0.2.1").map(drop), Err(Crowded));
    drop(first);
    assert!(enter("2001:db8::3").is_ok());
}

#[test]
fn what_is_exempt_is_not_counted() {
    let limits = Limits {
        sockets_per_ip: 1,
        ..Limits::default()
    };
    let sources = Arc::new(Sources::new(&limits, &Bans::default(), Instant::now()));
    for from in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert!(matches!(sources.enter(ip(from)), Ok(None)), "{from}");
    }
    assert_eq!(sources.len(), 0);
}

#[test]
fn the_sockets_of_an_address_share_what_it_may_say() {
    let limits = Limits {
        messages_per_second_per_ip: 10,
        message_burst_per_ip: 3,
        bytes_per_second_per_ip: 1024,
        byte_burst_per_ip: 2048,
        ..Limits::default()
    };
    let sources = sources(limits, 0);
    let enter = |from| sources.enter(ip(from)).expect("room").expect("counted");
    let (one, two, other) = (enter("192.0.2.1"), enter("192.0.2.1"), enter("192.0.2.2"));
    for place in [&one, &two] {
        assert_eq!(place.messages(0, 1), Duration::ZERO);
        assert_eq!(place.bytes(0, 1000), Duration::ZERO);
    }
    assert_eq!(one.messages(0, 1), Duration::from_millis(100));
    assert_eq!(two.bytes(0, 1072).as_millis(), 1000);
    assert_eq!(other.messages(0, 1), Duration::ZERO);
    assert_eq!(other.bytes(0, 1000), Duration::ZERO);
    // Another socket does not begin anew.
    drop((one, two));
    assert_eq!(
        enter("192.0.2.1").messages(0, 1),
        Duration::from_millis(200)
    );
}

#[test]
fn too_many_offences_in_a_time_are_told_once_and_then_count_anew() {
    let sources = sources(Limits::default(), 10);
    let place = sources
        .enter(ip("192.0.2.1"))
        .expect("room")
        .expect("counted");
    assert_eq!(place.offend(0, 9), None);
    assert_eq!(place.offend(0, 1), Some(site(0xc000_0201)));
    assert_eq!(place.offend(0, 9), None);
    // They are forgiven with time: ten in ten minutes.
    assert_eq!(place.offend(120 * SECOND, 2), None);
    assert_eq!(place.offend(120 * SECOND, 1), Some(site(0xc000_0201)));
}

#[test]
fn where_nobody_is_to_be_banned_nothing_is_an_offence() {
    let sources = sources(Limits::default(), 0);
    let place = sources
        .enter(ip("192.0.2.1"))
        .expect("room")
        .expect("counted");
    assert_eq!(place.offend(0, u64::MAX), None);
}

#[test]
fn an_address_is_forgotten_when_its_sockets_are_gone_and_what_it_took_is_forgiven() {
    let rate = Rate::new(1, 100);
    let mut table = Table::default();
    let account = table.enter_new(0, site(1));
    account.messages.take(rate, 0, 10);
    table.leave(SECOND, site(1));
    assert_eq!(table.entries.len(), 1);
    // One that comes back has the same account, and is not forgotten while it is there.
    let same = table.enter_new(9 * SECOND, site(1));
    assert!(Arc::ptr_eq(&account, &same));
    table.enter_new(20 * SECOND, site(2));
    assert_eq!(table.entries.len(), 2);
    table.leave(20 * SECOND, site(1));
    assert_eq!(table.entries.len(), 1);
    table.leave(20 * SECOND, site(2));
    assert!(table.entries.is_empty() && table.forget.is_empty());
}

#[test]
fn addresses_that_are_remembered_are_bounded_and_the_nearest_to_forgiveness_go_first() {
    let rate = Rate::new(1, u32::MAX);
    let mut table = Table::default();
    let more = 10;
    let all = u32::try_from(REMEMBERED).expect("small") + more;
    for number in 0..all {
        let account = table.enter_new(0, site(number));
        // The later, the more was taken.
        account.bytes.take(rate, 0, u64::from(number) + 1);
        table.leave(0, site(number));
    }
    assert_eq!(table.entries.len(), REMEMBERED);
    assert_eq!(table.forget.len(), REMEMBERED);
    assert!(!table.entries.contains_key(&site(more - 1)));
    assert!(table.entries.contains_key(&site(more)));
}
