//! How browsers reach a seeder: what `seed` and `share` have in common.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use anyhow::Context;
use seeder::rtc::{self, Offered, Transport, Turn};

/// The usual port of STUN and TURN (RFC 8489 §18.6).
const STUN_PORT: u16 = 3478;

/// Arguments beside the UDP address.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Take the first free UDP port from that of the WebRTC address to this one.
    #[arg(long, value_name = "PORT")]
    rtc_last_port: Option<u16>,
    /// Of this machine's addresses, tell browsers these alone: an address, a network or an
    /// interface; may be given more than once [default: all].
    #[arg(long, value_name = "CIDR|NAME")]
    rtc_offer: Vec<Offered>,
    /// Be an ICE-lite agent, on a server that browsers reach directly: no checks are sent but in
    /// answer to theirs.
    #[arg(long)]
    ice_lite: bool,
    /// Listen on the same port for TCP, too, for browsers whose networks drop UDP.
    #[arg(long)]
    ice_tcp: bool,
    /// A STUN server, which tells how this machine looks from outside: behind a router, browsers
    /// are told that address, too.
    #[arg(long, value_name = "HOST[:PORT]")]
    stun: Option<Server>,
    /// A TURN server, which relays to browsers that cannot reach this machine.
    #[arg(
        long,
        value_name = "USER:PASSWORD@HOST[:PORT]",
        env = "SHOAL_TURN",
        hide_env_values = true,
        conflicts_with = "ice_lite"
    )]
    turn: Option<Relay>,
}

impl Args {
    /// Has browsers reach a seeder so.
    ///
    /// # Errors
    /// When a server's name has no address.
    pub(crate) fn apply(&self, transport: &mut Transport) -> anyhow::Result<()> {
        transport.last_port = self.rtc_last_port;
        transport.offered.clone_from(&self.rtc_offer);
        transport.ice_lite = self.ice_lite;
        transport.ice_tcp = self.ice_tcp;
        let resolve = |server: &Server| server.resolve(transport.listen.ip());
        transport.stun = self.stun.as_ref().map(resolve).transpose()?;
        let turn = self.turn.as_ref().map(|relay| {
            anyhow::Ok(Turn {
                server: resolve(&relay.server)?,
                user: relay.user.clone(),
                password: relay.password.clone(),
            })
        });
        transport.turn = turn.transpose()?;
        Ok(())
    }

    /// What those servers said, for people: a word each and what it is about.
    pub(crate) fn outside(&self, outside: rtc::Outside) -> Vec<(&'static str, String)> {
        let said = |address: Option<SocketAddr>, what: &str| {
            let unknown = || format!("not known: the {what} server has not answered yet");
            address.map_or_else(unknown, |address| address.to_string())
        };
        let stun = self.stun.iter();
        let stun = stun.map(|_| ("Outside", said(outside.mapped, "STUN")));
        let turn = self.turn.iter();
        let turn = turn.map(|_| ("Relay", said(outside.relayed, "TURN")));
        stun.chain(turn).collect()
    }

    /// What browsers need to find their own way to this machine (RFC 7064), for `iceServers`.
    pub(crate) fn ice_servers(&self) -> Vec<serde_json::Value> {
        let stun = self.stun.iter();
        stun.map(
            |Server { host, port }| serde_json::json!({ "urls": format!("stun:{host}:{port}") }),
        )
        .collect()
    }
}

/// A server by name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    host: String,
    port: u16,
}

impl std::str::FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "give a name or an address, with a port or without, as in `stun.example.org:3478` or `[2001:db8::1]`";
        let end = text.rfind(']').map_or(0, |bracket| bracket + 1);
        let colon = text.get(end..).and_then(|rest| rest.find(':'));
        let (host, port) = match colon {
            Some(at) => (text.get(..end + at), text.get(end + at + 1..)),
            None => (Some(text), None),
        };
        let host = host.filter(|host| !host.is_empty() && !host.contains(['/', '@', ' ']));
        let port = port.map_or(Ok(STUN_PORT), str::parse);
        match (host, port) {
            (Some(host), Ok(port)) if port > 0 => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(wanted),
        }
    }
}

impl Server {
    /// Its address, of the family of a socket at `ours`: the wildcard of IPv6 reaches both.
    fn resolve(&self, ours: IpAddr) -> anyhow::Result<SocketAddr> {
        let Self { host, port } = self;
        let mut found = format!("{host}:{port}")
            .to_socket_addrs()
            .with_context(|| format!("the server `{host}` cannot be found"))?;
        let reaches = |address: &SocketAddr| ours.is_ipv6() || address.is_ipv4();
        found.find(reaches).with_context(|| {
            format!("the server `{host}` has no IPv4 address: listen on `[::]:PORT`")
        })
    }
}

/// A TURN server and the login there.
#[derive(Clone)]
struct Relay {
    user: String,
    password: String,
    server: Server,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{:?}", self.user, self.server)
    }
}

impl std::str::FromStr for Relay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "give a login and a server, as in `name:password@turn.example.org:3478`";
        let (login, server) = text.rsplit_once('@').ok_or(wanted)?;
        let (user, password) = login.split_once(':').ok_or(wanted)?;
        if user.is_empty() || password.is_empty() {
            return Err(wanted);
        }
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            server: server.parse().map_err(|_| wanted)?,
        })
    }
}

/// Where servers say that this machine is, in the ready line of `--json`.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Outside {
    /// The address that the STUN server sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped: Option<SocketAddr>,
    /// The address at which the TURN server takes datagrams.
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<SocketAddr>,
}

impl From<rtc::Outside> for Outside {
    fn from(outside: rtc::Outside) -> Self {
        let rtc::Outside {
            mapped, relayed, ..
        } = outside;
        Self { mapped, relayed }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        transport: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        let words = ["shoal"].iter().chain(words);
        Cli::try_parse_from(words).map(|cli| cli.transport)
    }

    #[test]
    fn the_page_is_told_the_stun_server_and_never_the_login() {
        let args = parse(&["--stun", "[2001:db8::1]", "--turn", "me:secret@192.0.2.1"])
            .expect("arguments");
        assert_eq!(
            args.ice_servers(),
            [serde_json::json!({ "urls": "stun:[2001:db8::1]:3478" })]
        );
        let said = args.outside(rtc::Outside {
            mapped: "192.0.2.7:9".parse().ok(),
            ..rtc::Outside::default()
        });
        let unknown = "not known: the TURN server has not answered yet";
        assert_eq!(
            said,
            [
                ("Outside", "192.0.2.7:9".to_owned()),
                ("Relay", unknown.to_owned())
            ]
        );
    }

    #[test]
    fn a_lite_agent_has_no_relay() {
        assert!(parse(&["--ice-lite", "--turn", "me:secret@192.0.2.1"]).is_err());
    }

    #[test]
    fn a_server_is_of_the_family_of_the_socket() {
        let mut transport = Transport::default();
        let args = parse(&["--stun", "[::1]:9"]).expect("arguments");
        let error = args.apply(&mut transport).expect_err("no way there");
        assert_eq!(
            error.to_string(),
            "the server `[::1]` has no IPv4 address: listen on `[::]:PORT`"
        );
        transport.listen = "[::]:0".parse().expect("an address");
        args.apply(&mut transport).expect("both families");
        assert_eq!(transport.stun, "[::1]:9".parse().ok());
    }

    fn server(text: &str) -> Option<(String, u16)> {
        let server = text.parse::<Server>().ok()?;
        Some((server.host, server.port))
    }

    #[test]
    fn a_server_has_a_host_and_may_have_a_port() {
        let is = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(server("stun.example.org"), is("stun.example.org", 3478));
        assert_eq!(server("192.0.2.1:19302"), is("192.0.2.1", 19302));
        assert_eq!(server("[2001:db8::1]"), is("[2001:db8::1]", 3478));
        assert_eq!(server("[2001:db8::1]:9"), is("[2001:db8::1]", 9));
        for wrong in [
            "",
            ":3478",
            "host:",
            "host:0",
            "host:70000",
            "stun:host:1",
            "a@b",
            "http://host",
        ] {
            assert_eq!(server(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_relay_has_a_login_that_is_not_shown() {
        let relay: Relay = "me:p:w@rd@turn.example.org".parse().expect("a relay");
        assert_eq!(
            (relay.user.as_str(), relay.password.as_str()),
            ("me", "p:w@rd")
        );
        assert!(!format!("{relay:?}").contains("p:w@rd"));
        for wrong in [
            "host",
            "me@host",
            "me:@host",
            ":secret@host",
            "me:secret@",
            "me:secret@host:0",
        ] {
            assert!(wrong.parse::<Relay>().is_err(), "{wrong}");
        }
    }
}
