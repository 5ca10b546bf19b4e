CREATE TABLE meta (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    value TEXT NOT NULL,       -- JSON: what the device knows of itself; see `Meta`
    seal  INTEGER NOT NULL
);

-- What the server said last, and what is shown. The user's own pending work is not in here:
-- it is laid over it from the queue, so that a pull can never overwrite it.
CREATE TABLE records (
    record    TEXT PRIMARY KEY,
    entity    TEXT NOT NULL,
    workspace TEXT NOT NULL,
    parent    TEXT,
    server    TEXT,             -- JSON; NULL while the server has not confirmed it
    asked_by  TEXT,             -- the device id that the server's `included` is about
    deleted   INTEGER NOT NULL, -- the server says so; pending work keeps it in view
    state     TEXT,             -- the badge as it is shown; NULL: not shown yet
    epoch     INTEGER NOT NULL, -- the full resync that saw it last
    seal      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE queue (
    seq        INTEGER PRIMARY KEY, -- the order in which work was saved
    device     TEXT NOT NULL,       -- with the mutation's number, its identity to the server
    record     TEXT NOT NULL,
    mutation   TEXT NOT NULL,       -- JSON, as it will be sent
    what       TEXT NOT NULL,       -- the same for people
    created_ms INTEGER NOT NULL,
    borrowed   INTEGER NOT NULL,    -- its words are not its user's own
    status     TEXT NOT NULL,       -- waiting, sending, retrying, failed
    attempts   INTEGER NOT NULL,    -- how often it was sent without an answer
    refusals   INTEGER NOT NULL,    -- the server's own errors in a row
    reason     TEXT,                -- the last error
    seal       INTEGER NOT NULL
);

-- What takes back this device's last change of a record.
CREATE TABLE undo (
    record  TEXT PRIMARY KEY,
    seq     INTEGER NOT NULL, -- the place of that change in the queue
    inverse TEXT NOT NULL,    -- JSON
    seal    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX queue_by_record ON queue (record, seq);

-- What stands in the tray, which every transaction shows anew.
CREATE INDEX queue_in_tray ON queue (seq) WHERE status = 'failed';
CREATE INDEX records_in_tray ON records (record) WHERE state IN ('conflict', 'failed');
