-- Why: who was banned stays so over a restart, and who is banned again and again is banned for longer each time.

-- Times are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE bans (
    -- In CIDR notation, as in 192.0.2.0/24.
    network TEXT    NOT NULL PRIMARY KEY,
    made_by TEXT    NOT NULL CHECK (made_by IN ('operator', 'tracker')),
    reason  TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    -- NULL for no end. One that is over is kept for a while: it counts for the next.
    until   INTEGER,
    -- How often the tracker has banned the network.
    times   INTEGER NOT NULL CHECK (times >= 0)
) STRICT, WITHOUT ROWID;
