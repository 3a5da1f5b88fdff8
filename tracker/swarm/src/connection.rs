use std::fmt;

/// Names a client's connection in the whole cluster: the node that holds the socket in the upper
/// 16 bits, a serial number that the node never reuses in the lower 48.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    const SERIAL_BITS: u32 = 48;

    /// The connection with this serial number on this node. Of the serial the lower 48 bits count;
    /// at a million connections a second they last nine years.
    pub const fn new(node: u16, serial: u64) -> Self {
        let serial = serial & ((1 << Self::SERIAL_BITS) - 1);
        Self(((node as u64) << Self::SERIAL_BITS) | serial)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The node that holds the socket: where outputs for it must go.
    pub const fn node(self) -> u16 {
        (self.0 >> Self::SERIAL_BITS) as u16
    }

    /// The serial number within its node.
    pub const fn serial(self) -> u64 {
        self.0 & ((1 << Self::SERIAL_BITS) - 1)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node(), self.serial())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
