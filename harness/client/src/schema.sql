-- One database holds one user's work on one device.

CREATE TABLE IF NOT EXISTS meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- What the server said last, and what is shown. The user's own pending work is not in here:
-- it is laid over it from the queue, so that a pull can never overwrite it.
CREATE TABLE IF NOT EXISTS records (
    record    TEXT PRIMARY KEY,
    entity    TEXT NOT NULL,
    workspace TEXT NOT NULL,
    parent    TEXT,
    server    TEXT,                        -- JSON; NULL while the server has not confirmed it
    deleted   INTEGER NOT NULL DEFAULT 0,  -- the server says so; pending work keeps it in view
    state     TEXT,                        -- the badge as it is shown; NULL: not shown yet
    epoch     INTEGER NOT NULL DEFAULT 0   -- the full resync that saw it last
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS queue (
    number     INTEGER PRIMARY KEY,
    record     TEXT NOT NULL,
    mutation   TEXT NOT NULL,              -- JSON, as it will be sent
    what       TEXT NOT NULL,              -- the same for people
    created_ms INTEGER NOT NULL,
    status     TEXT NOT NULL,              -- waiting, sending, retrying, failed
    attempts   INTEGER NOT NULL DEFAULT 0, -- all of them; the first may have reached the server
    refusals   INTEGER NOT NULL DEFAULT 0, -- the server's own errors in a row
    reason     TEXT                        -- the last error
);

CREATE INDEX IF NOT EXISTS queue_by_record ON queue (record, number);
