//! How the page and the tracker are called: by others, and by our own seeder.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use anyhow::{Context, bail};

/// The tracker's path below the page. Any path would do; this one says what it is.
pub(super) const TRACKER_PATH: &str = "announce";

/// The names of one running share.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The page, ending in `/`.
    pub(super) page: String,
    /// The tracker, for others.
    pub(super) tracker: String,
    /// The tracker, for our own seeder.
    pub(super) inside: String,
    reach: Reach,
}

/// Whose browsers can use the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only those of this machine.
    Machine,
    /// Others open it, but not as a secure page.
    Insecure,
    /// All.
    Everyone,
}

impl Addresses {
    /// Names what listens on `listening`: the page first, then, with `tls`, a plain
    /// listener for our own seeder.
    pub(super) fn new(
        listening: &[SocketAddr],
        tls: bool,
        public_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        let first = *listening.first().context("the tracker listens nowhere")?;
        let inside = if tls {
            *listening.get(1).context("the plain listener is missing")?
        } else {
            first
        };
        let scheme = if tls { "https" } else { "http" };
        let page = match public_url {
            Some(url) => url.to_owned(),
            None => format!("{scheme}://{}/", reachable(first, lan_address)),
        };
        let reach = if public_url.is_none() && first.ip().is_loopback() {
            Reach::Machine
        } else if page.starts_with("https://") {
            Reach::Everyone
        } else {
            Reach::Insecure
        };
        Ok(Self {
            tracker: tracker_of(&page),
            inside: format!("ws://{}/{TRACKER_PATH}", reachable(inside, || None)),
            page,
            reach,
        })
    }

    /// What to do so that others can use the page, if they cannot.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self.reach {
            Reach::Machine => Some(
                "Only browsers of this machine can open it. For others: --listen 0.0.0.0:8080 with --tls-cert and\n\
                 --tls-key, or an https proxy in front of it and --public-url https://…",
            ),
            Reach::Insecure => Some(
                "Browsers of other machines open it, but download only from https pages: give --tls-cert and --tls-key,\n\
                 or put an https proxy in front of it and say --public-url https://…",
            ),
            Reach::Everyone => None,
        }
    }
}

/// `http` becomes `ws`, `https` becomes `wss`.
fn tracker_of(page: &str) -> String {
    let rest = page.strip_prefix("http").unwrap_or(page);
    format!("ws{rest}{TRACKER_PATH}")
}

/// An address that a client can name: never "every interface".
fn reachable(address: SocketAddr, lan: impl Fn() -> Option<IpAddr>) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let ip = lan().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    SocketAddr::new(ip, address.port())
}

/// The address of the interface that leads out. Nothing is sent: the route alone is asked for.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // Reserved for documentation (RFC 5737); any address beyond the router would do.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// Reads `--public-url`: http or https with a host, without query or fragment; `/` is added at its end.
pub(super) fn public_url(text: &str) -> anyhow::Result<String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        bail!("it must start with `https://` or `http://`");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || text.contains(['?', '#', ' ', '"', '<', '>']) {
        bail!("give a host and at most a path, as in `https://share.example/clip/`");
    }
    Ok(format!("{}/", text.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_page_on_this_machine_is_called_by_its_address() {
        let names = Addresses::new(&[at("127.0.0.1:8080")], false, None).expect("names");
        assert_eq!(names.page, "http://127.0.0.1:8080/");
        assert_eq!(names.tracker, "ws://127.0.0.1:8080/announce");
        assert_eq!(names.inside, "ws://127.0.0.1:8080/announce");
        assert_eq!(names.reach, Reach::Machine);
    }

    #[test]
    fn a_public_address_names_page_and_tracker_but_the_seeder_stays_inside() {
        let listening = [at("0.0.0.0:443"), at("127.0.0.1:9")];
        let public = public_url("https://share.example/clip").expect("a URL");
        let names = Addresses::new(&listening, true, Some(&public)).expect("names");
        assert_eq!(names.page, "https://share.example/clip/");
        assert_eq!(names.tracker, "wss://share.example/clip/announce");
        assert_eq!(names.inside, "ws://127.0.0.1:9/announce");
        assert_eq!(names.hint(), None);
    }

    #[test]
    fn a_listener_on_every_interface_is_called_by_one_of_them() {
        let lan = || Some(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5)));
        assert_eq!(reachable(at("0.0.0.0:80"), lan), at("192.168.1.5:80"));
        assert_eq!(reachable(at("[::]:80"), || None), at("127.0.0.1:80"));
        let names = Addresses::new(&[at("0.0.0.0:80")], false, None).expect("names");
        assert_eq!(names.reach, Reach::Insecure);
    }

    #[test]
    fn a_public_url_without_scheme_or_host_is_refused() {
        for text in [
            "share.example",
            "ftp://a/",
            "https://",
            "https://a/?q",
            "https://a b/",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
