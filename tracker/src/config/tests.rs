use super::*;
use crate::proxies::{ClientHeader, Trusted};

#[test]
fn a_file_may_set_any_field_and_leaves_the_others_at_their_defaults() {
    let config: Config = toml::from_str(
        "database = \"state.db\"\n\
         [[listen]]\n\
         addr = \"0.0.0.0:443\"\n\
         tls = { cert = \"c.pem\", key = \"k.pem\" }\n\
         [[listen]]\n\
         addr = \"unix:/run/shoal.sock\"\n\
         mode = \"600\"\n\
         proxy_protocol = true\n\
         [proxies]\n\
         trusted = [\"10.0.0.0/8\", \"unix\"]\n\
         header = \"forwarded\"\n\
         [limits]\n\
         sockets = 7\n\
         [store]\n\
         flush_interval = \"250ms\"\n\
         remember_torrents = \"3d\"\n",
    )
    .expect("the file is right");
    assert_eq!(config.database, Some("state.db".into()));
    assert_eq!(
        config.listen,
        [
            Listen::tls(
                "0.0.0.0:443".parse::<Address>().expect("an address"),
                TlsFiles {
                    cert: "c.pem".into(),
                    key: "k.pem".into()
                }
            ),
            Listen {
                mode: Some(0o600),
                proxy_protocol: true,
                ..Listen::plain(Address::Unix("/run/shoal.sock".into()))
            },
        ]
    );
    let network = "10.0.0.0/8".parse().expect("a network");
    assert_eq!(
        config.proxies.trusted,
        [Trusted::Network(network), Trusted::Unix]
    );
    assert_eq!(config.proxies.header, ClientHeader::Forwarded);
    assert_eq!(config.limits.sockets, 7);
    assert_eq!(config.limits.message_bytes, Limits::default().message_bytes);
    assert_eq!(config.store.flush_interval, Duration::from_millis(250));
    assert_eq!(
        config.store.remember_torrents,
        Duration::from_secs(3 * 86_400)
    );
    assert_eq!(config.check(), Ok(()));
}

#[test]
fn an_unknown_field_and_a_time_without_a_unit_are_refused_by_name() {
    let error = toml::from_str::<Config>("[limits]\nsocket = 7\n").expect_err("unknown");
    assert!(
        error
            .message()
            .starts_with("unknown field `socket`, expected one of `sockets`"),
        "{error}"
    );
    for wrong in [
        "2",
        "s",
        "2 weeks",
        "-1s",
        "99999999999999999999s",
        "999999999999999999d",
    ] {
        let error =
            toml::from_str::<Config>(&format!("[store]\naway = \"{wrong}\"\n")).expect_err(wrong);
        assert_eq!(
            error.message(),
            format!(
                "`{wrong}` is not a time: give a whole number and a unit (ms, s, m, h or d), as in `30s`"
            )
        );
    }
}

#[test]
fn a_wrong_proxy_is_refused_with_the_remedy() {
    for (wrong, told) in [
        ("trusted = [\"proxy\"]", "`proxy` is no network: give "),
        (
            "header = \"Via\"",
            "`Via` is no header with addresses of clients: give ",
        ),
    ] {
        let error = toml::from_str::<Config>(&format!("[proxies]\n{wrong}\n"));
        let error = error.expect_err("wrong").message().to_owned();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn a_value_out_of_range_is_refused_with_the_field_the_value_and_the_remedy() {
    let mut config = Config::default();
    config.limits.sockets = 0;
    assert_eq!(
        config.check().map_err(|error| error.to_string()),
        Err("`limits.sockets` is `0`: give 1 or more".into())
    );
    let mut config = Config::default();
    config.store.flush_interval = Duration::ZERO;
    assert_eq!(
        config.check().map_err(|error| error.to_string()),
        Err("`store.flush_interval` is `0ns`: give a time from 10ms to 86400s".into())
    );
    let mut config = Config::default();
    config.swarm.longest_interval = Some(Duration::from_secs(60));
    assert_eq!(
        config.check().map_err(|error| error.to_string()),
        Err("`swarm.longest_interval` is `60s`: give a time from 120s to 86400s".into())
    );
    let mut config = Config::default();
    config.bans.longest = Duration::from_secs(60);
    assert_eq!(
        config.check().map_err(|error| error.to_string()),
        Err("`bans.longest` is `60s`: give a time from 600s to 3153600000s".into())
    );
    let config = Config {
        listen: Vec::new(),
        ..Config::default()
    };
    assert_eq!(
        config.check().map_err(|error| error.to_string()),
        Err("`listen` is empty: give at least one address such as `127.0.0.1:8000`".into())
    );
}

#[test]
fn a_time_that_would_overflow_a_clock_is_refused() {
    for (text, field) in [
        (
            "[sockets]\nping_jitter = \"99999999999999999s\"",
            "sockets.ping_jitter",
        ),
        ("[store]\naway = \"36501d\"", "store.away"),
        (
            "[store]\nremember_peers = \"18446744073709551615s\"",
            "store.remember_peers",
        ),
        (
            "[store]\nremember_torrents = \"18446744073709551615ms\"",
            "store.remember_torrents",
        ),
    ] {
        let config: Config = toml::from_str(text).expect("the file is right");
        let error = config.check().expect_err(field).to_string();
        assert!(error.starts_with(&format!("`{field}` is `")), "{error}");
    }
}

#[test]
fn networks_are_read_from_the_file_and_what_is_none_is_named() {
    let config: Config = toml::from_str("[limits]\nexempt = [\"10.0.0.0/8\", \"::1\"]\n")
        .expect("the file is right");
    let exempt: Vec<String> = config
        .limits
        .exempt
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(exempt, ["10.0.0.0/8", "::1/128"]);
    let error = toml::from_str::<Config>("[limits]\nexempt = [\"10.0.0.1/8\"]\n");
    assert_eq!(
        error.expect_err("bits are set").message(),
        "`10.0.0.1/8` is an address inside a network: give `10.0.0.0/8` for all of it, or the \
         address alone"
    );
}

/// The example in the documentation.
const EXAMPLE: &str = include_str!("../../../docs/tracker.toml");

#[test]
fn the_example_file_gives_every_field_its_default() {
    let config: Config = toml::from_str(EXAMPLE).expect("the example is right");
    assert_eq!(format!("{config:#?}"), format!("{:#?}", Config::default()));
    // The fields without a default stand in it as comments.
    for table in [
        "", "proxies", "limits", "bans", "overload", "swarm", "sockets", "store",
    ] {
        let table = if table.is_empty() {
            String::new()
        } else {
            format!("[{table}]\n")
        };
        let error = toml::from_str::<Config>(&format!("{table}no_field = 1\n"));
        let error = error.expect_err("no such field").message().to_owned();
        let (_, fields) = error.split_once("expected ").expect("a list");
        for field in fields.split('`').skip(1).step_by(2) {
            let is_set = |line: &str| {
                let line = line.trim_start_matches("# ").trim_matches(['[', ']']);
                line == field || line.starts_with(&format!("{field} = "))
            };
            assert!(EXAMPLE.lines().any(is_set), "`{field}` is missing");
        }
    }
}

#[test]
fn a_secret_hides_itself_and_must_be_long_enough_and_fit_a_header() {
    let secret = Secret::new(" 0123456789abcdef\n").expect("long enough");
    assert_eq!(format!("{secret:?}"), "Secret(…)");
    assert!(secret.matches(b"0123456789abcdef"));
    assert!(!secret.matches(b"0123456789abcdeF"));
    assert!(!secret.matches(b"0123456789abcde"));
    assert!(matches!(
        Secret::new("short"),
        Err(SecretError::Length { bytes: 5 })
    ));
    assert!(matches!(
        Secret::new("0123456789 abcdef"),
        Err(SecretError::Characters)
    ));
}
