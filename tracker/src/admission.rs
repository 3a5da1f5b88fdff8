//! Who gets a socket, and who loses it for what it does.

use std::net::IpAddr;
use std::sync::{MutexGuard, PoisonError};

use actix_http::ws::{CloseCode, CloseReason};

use crate::bans::{Ban, Bans, MadeBy, TooMany};
use crate::cidr::Cidr;
use crate::event::Event;
use crate::guests::Guest;
use crate::limit::Limit;
use crate::load::Step;
use crate::router::{Connection, NoRoom};
use crate::shared::Shared;
use crate::source::{Crowded, Place};
use crate::store::{Restored, Transport, unix_millis};

/// Why a socket is refused at its upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The tracker is stopping.
    Closing,
    /// It has as many sockets as it may.
    Full,
    /// It has too much to do.
    Overloaded,
    /// The address has as many sockets as it may.
    Crowded,
    /// The address is banned, for so many seconds if the ban ends.
    Banned {
        made_by: MadeBy,
        seconds: Option<u64>,
    },
}

impl Shared {
    /// Lets in a connection of a client at `from`, before it costs a TLS handshake or a request;
    /// `None` where nothing is counted. Exempt addresses come in though they are banned, and get
    /// no socket: nobody is shut out of the API on the machine itself.
    ///
    /// # Errors
    /// When the address is banned, or has as many connections as it may.
    pub(crate) fn let_in(&self, from: IpAddr) -> Result<Option<Guest>, Limit> {
        if self.sources.is_exempt(from) {
            return Ok(None);
        }
        let is_banned = self.bans().find(unix_millis(), from).is_some();
        let guest = if is_banned {
            Err(Limit::Bans)
        } else {
            self.guests.enter(from).ok_or(Limit::ConnectionsPerIp)
        };
        guest
            .map(Some)
            .inspect_err(|limit| self.counters.limited.add(*limit, 1))
    }

    /// Gives a new socket its place in the router, and in the account of its address.
    pub(crate) fn admit(
        &self,
        transport: Transport,
        from: IpAddr,
    ) -> Result<(Connection, Option<Place>), Refused> {
        let admitted = self.try_admit(transport, from);
        if let Err(refused) = &admitted {
            self.counters.sockets_refused.add(1);
            if let Some(limit) = refused.limit() {
                self.counters.limited.add(limit, 1);
            }
        }
        admitted
    }

    fn try_admit(
        &self,
        transport: Transport,
        from: IpAddr,
    ) -> Result<(Connection, Option<Place>), Refused> {
        let now = unix_millis();
        // Held until the socket is in the router: a ban that comes now closes it there.
        let bans = self.bans();
        if let Some((_, ban)) = bans.find(now, from) {
            let seconds = ban.until.map(|until| {
                let millis = until.saturating_sub(now);
                u64::try_from(millis).unwrap_or(0).div_ceil(1000)
            });
            let made_by = ban.made_by;
            return Err(Refused::Banned { made_by, seconds });
        }
        if self.load.step() >= Step::Sockets {
            return Err(Refused::Overloaded);
        }
        let place = self
            .sources
            .enter(from)
            .map_err(|Crowded| Refused::Crowded)?;
        let connection = self
            .router
            .connect(transport, from)
            .map_err(|no_room| match no_room {
                NoRoom::Full => Refused::Full,
                NoRoom::Closing => Refused::Closing,
            })?;
        Ok((connection, place))
    }

    /// Counts offences of a socket, and bans its address if these are too many.
    pub(crate) fn offended(&self, place: Option<&Place>, nanos: u64, count: u64) {
        let Some(network) = place.and_then(|place| place.offend(nanos, count)) else {
            return;
        };
        let mut bans = self.bans();
        self.forget_bans(&mut bans);
        let Some((ban, gone)) = bans.offended(unix_millis(), network) else {
            return;
        };
        self.record_ban(network, &ban, gone);
        drop(bans);
        tracing::warn!(%network, times = ban.times, "banned for what it sends");
        self.carry_out(network, ban);
    }

    /// Bans a network as an operator says; returns whether it was not banned before.
    pub(crate) fn ban(&self, network: Cidr, ban: Ban) -> Result<bool, TooMany> {
        let mut bans = self.bans();
        self.forget_bans(&mut bans);
        let (is_new, gone) = bans.put(unix_millis(), network, ban.clone())?;
        self.record_ban(network, &ban, gone);
        drop(bans);
        self.carry_out(network, ban);
        Ok(is_new)
    }

    /// Ends a ban, if there is one; the network's past is forgotten with it.
    pub(crate) fn lift(&self, network: Cidr) {
        let mut bans = self.bans();
        if bans.lift(&network) {
            self.store.ban(network, None);
            drop(bans);
            // Nobody may be listening.
            let _ = self.events.send(Event::BanLifted { network });
        }
    }

    /// Takes in what the database knew.
    pub(crate) fn restore(&self, restored: Restored) {
        for torrent in restored.torrents {
            self.router.restore(torrent);
        }
        let mut bans = self.bans();
        for (network, ban) in restored.bans {
            bans.restore(network, ban);
        }
    }

    /// Forgets bans that have long been over; there are more only when one is made.
    fn forget_bans(&self, bans: &mut Bans) {
        for network in bans.forget(unix_millis()) {
            self.store.ban(network, None);
        }
    }

    /// Tells the store of a ban, and of the one that made room for it.
    fn record_ban(&self, network: Cidr, ban: &Ban, gone: Option<Cidr>) {
        if let Some(gone) = gone {
            self.store.ban(gone, None);
        }
        self.store.ban(network, Some(ban.clone()));
    }

    /// The bans; look and let go. Who changes them tells the store before letting go, so
    /// that the database ends with what is in memory.
    pub(crate) fn bans(&self) -> MutexGuard<'_, Bans> {
        // No section under this lock can panic half-way through a change.
        self.bans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry_out(&self, network: Cidr, ban: Ban) {
        let closed = self.router.close_from(network, || CloseReason {
            code: CloseCode::Policy,
            description: Some("the address is banned".into()),
        });
        tracing::info!(%network, sockets = closed, "banned");
        let _ = self.events.send(Event::Banned {
            network,
            reason: ban.reason,
            made_by: ban.made_by.name(),
            sockets_closed: closed,
        });
    }
}

impl Refused {
    const fn limit(&self) -> Option<Limit> {
        match self {
            Self::Closing => None,
            Self::Full => Some(Limit::Sockets),
            Self::Overloaded => Some(Limit::Overload),
            Self::Crowded => Some(Limit::SocketsPerIp),
            Self::Banned { .. } => Some(Limit::Bans),
        }
    }
}
