//! How browsers reach a seeder: what `seed` and `share` have in common.

use seeder::rtc::Offered;

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
}

impl Args {
    /// Configures a seeder so.
    pub(crate) fn apply(&self, config: &mut seeder::Config) {
        config.last_port = self.rtc_last_port;
        config.offered.clone_from(&self.rtc_offer);
        config.ice_lite = self.ice_lite;
    }
}
