-- Everything the server knows. Tables that hang under a record name it by `key`, so that a
-- comparison is one of integers. Times are in ms since the epoch by the server's clock.

CREATE TABLE server (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    commit_seq  INTEGER NOT NULL, -- of the latest commit that changed a record
    purge_seq   INTEGER NOT NULL, -- the highest commit sequence among purged tombstones and losses
    purge_epoch INTEGER NOT NULL, -- how often tombstones or losses have been purged
    started_ms  INTEGER,          -- when the first start was over, which brought the grants in
    model       TEXT              -- the rules that the first start began with
) STRICT;
INSERT INTO server VALUES (1, 0, 0, 0, NULL, NULL);

CREATE TABLE users (
    name          TEXT PRIMARY KEY,
    password_salt TEXT NOT NULL,
    password_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    user      TEXT NOT NULL REFERENCES users (name),
    workspace TEXT NOT NULL,
    role      TEXT NOT NULL,
    PRIMARY KEY (user, workspace)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_workspace ON grants (workspace);

CREATE TABLE access_tokens (
    hash         BLOB PRIMARY KEY,
    user         TEXT NOT NULL REFERENCES users (name),
    signed_in_ms INTEGER,         -- when a password was shown for it; null: it was refreshed
    expires_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_ms);

-- A sign-in begins a session with generation 0. A use of generation n hands out one of n + 1.
CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    user       TEXT NOT NULL REFERENCES users (name),
    session    TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session, generation);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_ms);

CREATE TABLE records (
    key        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    entity     TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    parent     TEXT REFERENCES records (id),
    task       INTEGER REFERENCES records (key), -- the task that it hangs under, if that is one
    version    INTEGER NOT NULL,
    commit_seq INTEGER NOT NULL, -- of the record's latest change: where a pull finds it
    deleted_ms INTEGER,          -- a tombstone; it keeps the content until it is purged
    deleter    TEXT,             -- the device that deleted it
    purged     INTEGER NOT NULL DEFAULT 0 -- nothing is left but this row, so the id stays taken
) STRICT;
CREATE INDEX records_in_order ON records (workspace, commit_seq);
CREATE INDEX records_by_task ON records (task) WHERE task IS NOT NULL;
CREATE INDEX tombstones ON records (deleted_ms) WHERE deleted_ms IS NOT NULL AND purged = 0;

-- Tasks that are for their assignee and the admins alone, with all that hangs under them.
CREATE TABLE private_tasks (
    task     INTEGER PRIMARY KEY REFERENCES records (key),
    assignee TEXT
) STRICT;

-- What users have seen and may not see any more: their devices are told to let go of it.
CREATE TABLE losses (
    user       TEXT NOT NULL REFERENCES users (name),
    record     INTEGER NOT NULL REFERENCES records (key),
    commit_seq INTEGER NOT NULL, -- where a pull finds it
    lost_ms    INTEGER NOT NULL,
    PRIMARY KEY (user, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX losses_in_order ON losses (user, commit_seq);
CREATE INDEX losses_by_age ON losses (lost_ms);

-- A field that has a value. Which columns are used depends on its rule; a set has none here.
CREATE TABLE fields (
    record        INTEGER NOT NULL REFERENCES records (key),
    field         TEXT NOT NULL,
    value         ANY NOT NULL,  -- an integer, a text, or a set as JSON in a blob
    stamp_ms      INTEGER,       -- rule lww
    stamp_n       INTEGER,
    stamp_device  TEXT,
    version       INTEGER,       -- rules version, manual, custom
    writer_device TEXT,
    writer_number INTEGER,
    PRIMARY KEY (record, field)
) STRICT, WITHOUT ROWID;

-- Writes that name a version, came too late and said what stood there already:
-- their devices go on from `version` as if they had written it.
CREATE TABLE agreements (
    record  INTEGER NOT NULL REFERENCES records (key),
    field   TEXT NOT NULL,
    device  TEXT NOT NULL,
    number  INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (record, field, device, number)
) STRICT, WITHOUT ROWID;

-- Rule set: what holds a member in it.
CREATE TABLE additions (
    record   INTEGER NOT NULL REFERENCES records (key),
    field    TEXT NOT NULL,
    member   TEXT NOT NULL,
    addition TEXT NOT NULL,
    PRIMARY KEY (record, field, member, addition)
) STRICT, WITHOUT ROWID;

-- Open conflicts; a decided one has no row.
CREATE TABLE conflicts (
    record INTEGER NOT NULL REFERENCES records (key),
    user   TEXT NOT NULL REFERENCES users (name),
    field  TEXT NOT NULL,
    id     TEXT NOT NULL,
    device TEXT NOT NULL,
    shared INTEGER NOT NULL, -- rule manual: everybody who may write is asked, not only `user`
    mine   ANY NOT NULL,
    PRIMARY KEY (record, user, field, id)
) STRICT, WITHOUT ROWID;

-- What each device has had to do with a record.
CREATE TABLE touches (
    record  INTEGER NOT NULL REFERENCES records (key),
    device  TEXT NOT NULL,
    number  INTEGER,          -- its highest mutation that the record includes
    version INTEGER NOT NULL, -- the record's, after this device's latest edit; 0: it made none
    PRIMARY KEY (record, device)
) STRICT, WITHOUT ROWID;

-- What was answered to a mutation that was carried out. Fields that are not in `exceptions` were
-- applied; their names stand in the mutation, which the client repeats.
CREATE TABLE answers (
    device     TEXT NOT NULL,
    number     INTEGER NOT NULL,
    user       TEXT NOT NULL,
    payload    BLOB NOT NULL, -- the SHA-256 of the mutation
    exceptions TEXT,          -- JSON: field to what became of it
    made_ms    INTEGER NOT NULL,
    PRIMARY KEY (device, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (made_ms);

-- How far the answers to a user on a device have been forgotten.
CREATE TABLE forgotten (
    device TEXT NOT NULL,
    user   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (device, user)
) STRICT, WITHOUT ROWID;
