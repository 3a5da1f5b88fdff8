-- Why: the live swarms are in memory; this is their durable shadow, so that counters and who was already counted survive a restart.

-- Times are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE torrents (
    info_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(info_hash) = 20),
    -- Peers that finished downloading, each counted once.
    completed  INTEGER NOT NULL CHECK (completed >= 0),
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds the torrents to forget.
CREATE INDEX torrents_by_last_seen ON torrents (last_seen);

CREATE TABLE peers (
    info_hash  BLOB    NOT NULL CHECK (length(info_hash) = 20),
    peer_id    BLOB    NOT NULL CHECK (length(peer_id) = 20),
    role       TEXT    NOT NULL CHECK (role IN ('seeder', 'leecher')),
    -- Bytes it said are missing; NULL when it did not say.
    bytes_left INTEGER          CHECK (bytes_left >= 0),
    uploaded   INTEGER NOT NULL CHECK (uploaded >= 0),
    downloaded INTEGER NOT NULL CHECK (downloaded >= 0),
    -- The client and its version, as its peer id tells them.
    client     TEXT,
    connection TEXT    NOT NULL CHECK (connection IN ('ws', 'wss')),
    -- 1 when torrents.completed counts it.
    counted    INTEGER NOT NULL CHECK (counted IN (0, 1)),
    -- 0 when it left. 1 in the first read after a start: it was here and may return.
    present    INTEGER NOT NULL CHECK (present IN (0, 1)),
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (info_hash, peer_id)
) STRICT, WITHOUT ROWID;

-- Finds the peers to forget.
CREATE INDEX peers_by_last_seen ON peers (last_seen);

-- Facts about the file itself, as text.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
