-- What all migrations together make: for reading, and for the test that compares.
-- The journal: what happened, written once.
CREATE TABLE event (
    seq          INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL, -- microseconds since 1970, never going back
    v            INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    conversation BLOB,
    agent        TEXT,
    turn         BLOB,
    step         INTEGER,
    body         TEXT    NOT NULL  -- JSON of the event without seq, at and v
);

-- `trace` and SSE of one conversation; `trace` of one turn. Time needs no index: it rises with seq.
CREATE INDEX event_conversation ON event (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX event_turn ON event (turn) WHERE turn IS NOT NULL;
-- The messages of a conversation without walking over its steps.
CREATE INDEX event_message ON event (conversation) WHERE kind = 'message_accepted';
-- What the projections read: few events, found at once at boot.
CREATE INDEX event_fed ON event (kind) WHERE kind IN ('deployed', 'observation_stored');

-- Everything below is derived from the events by the writer in the same transaction.
CREATE TABLE message (
    id   BLOB PRIMARY KEY,
    seq  INTEGER NOT NULL, -- of the event that accepted it
    dead INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE dedup (
    sender  TEXT NOT NULL,
    key     TEXT NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (sender, key)
) WITHOUT ROWID;

CREATE TABLE conversation (
    opened     INTEGER PRIMARY KEY, -- seq of its first event: newest first is descending order
    id         BLOB    NOT NULL UNIQUE,
    opened_at  INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    trace      TEXT    NOT NULL,
    protocol   TEXT,
    initiator  TEXT,
    messages   INTEGER NOT NULL DEFAULT 0,
    pending    INTEGER NOT NULL DEFAULT 0, -- queued messages and open turns
    outcome    INTEGER,                    -- of the last end in it: 1 completed, 0 failed
    tokens     INTEGER NOT NULL DEFAULT 0, -- what its ended turns are settled at
    money      INTEGER NOT NULL DEFAULT 0, -- millionths of a dollar
    tool_calls INTEGER NOT NULL DEFAULT 0,
    steps      INTEGER NOT NULL DEFAULT 0,
    wall_us    INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE participant (
    conversation BLOB NOT NULL,
    party        TEXT NOT NULL,
    PRIMARY KEY (conversation, party)
) WITHOUT ROWID;

CREATE TABLE queue (
    message      BLOB PRIMARY KEY,
    seq          INTEGER NOT NULL,
    agent        TEXT    NOT NULL,
    conversation BLOB    NOT NULL
) WITHOUT ROWID;

-- Turns; the newest first is descending order.
CREATE TABLE turn (
    began        INTEGER PRIMARY KEY, -- seq of the event that began it
    id           BLOB    NOT NULL UNIQUE,
    agent        TEXT    NOT NULL,
    conversation BLOB    NOT NULL,
    message      BLOB    NOT NULL,
    at           INTEGER NOT NULL,
    origin       BLOB,    -- the turn whose past it shares
    origin_step  INTEGER, -- from which step on it does not
    ended        INTEGER, -- when; null while it is open
    outcome      TEXT,    -- how it ended
    reply        BLOB     -- the message that it answered with
);
CREATE INDEX turn_open ON turn (message) WHERE ended IS NULL;

-- What the steps of open turns wait for, at most one thing each.
CREATE TABLE wait (
    turn BLOB    NOT NULL,
    step INTEGER NOT NULL,
    kind TEXT    NOT NULL, -- approval, reply or time
    key  BLOB,             -- the approval, or the message whose reply it is
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    due  INTEGER NOT NULL,
    PRIMARY KEY (turn, step)
) WITHOUT ROWID;
CREATE INDEX wait_due ON wait (due);
CREATE INDEX wait_reply ON wait (key) WHERE kind = 'reply';

-- Decisions that people were asked for.
CREATE TABLE approval (
    asked        INTEGER PRIMARY KEY, -- seq of the event that asked
    id           BLOB    NOT NULL UNIQUE,
    turn         BLOB    NOT NULL,
    step         INTEGER NOT NULL,
    agent        TEXT    NOT NULL,
    conversation BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    subject      BLOB    NOT NULL, -- digest of what it is about
    at           INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    delegate     TEXT,
    state        INTEGER NOT NULL, -- 0 open, 1 decided, 2 withdrawn because its step or turn is over
    ruling       TEXT,             -- JSON
    reason       TEXT,
    decided_by   TEXT,
    decided_at   INTEGER
);
CREATE INDEX approval_open ON approval (turn, step) WHERE state = 0;

-- What ended turns are settled at.
CREATE TABLE spend (
    day        INTEGER NOT NULL, -- since 1970-01-01, in UTC
    agent      TEXT    NOT NULL,
    tokens     INTEGER NOT NULL,
    money      INTEGER NOT NULL, -- millionths of a dollar
    tool_calls INTEGER NOT NULL,
    steps      INTEGER NOT NULL,
    wall_us    INTEGER NOT NULL,
    PRIMARY KEY (day, agent)
) WITHOUT ROWID;

CREATE TABLE blob (
    digest BLOB PRIMARY KEY,
    size   INTEGER NOT NULL,
    bytes  BLOB -- null where a file under blobs/ holds them
);

-- What is given up when its time is over.
CREATE TABLE expired (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    until INTEGER NOT NULL -- the last event that was ever removed: behind it nothing is missing
);

-- Content that was sent ahead of the event that will name it.
CREATE TABLE upload (
    digest BLOB PRIMARY KEY,
    at     INTEGER NOT NULL -- when it was sent last
) WITHOUT ROWID;

-- Open turns that share the past of another one, which is kept for them.
CREATE INDEX turn_fork ON turn (origin) WHERE ended IS NULL AND origin IS NOT NULL;

-- What agents keep by key: not what happened, but what holds now. The call that wrote it is in the journal.
CREATE TABLE state (
    owner   TEXT    NOT NULL, -- whose it is
    key     TEXT    NOT NULL,
    value   TEXT    NOT NULL, -- JSON
    len     INTEGER NOT NULL, -- of key and value, in bytes
    version INTEGER NOT NULL, -- rises with each change, also over a removal
    call    TEXT    NOT NULL, -- the call that wrote it: its second attempt changes nothing
    expires INTEGER,          -- microseconds since 1970; null for never
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX state_expires ON state (expires) WHERE expires IS NOT NULL;

-- How much each owner has.
CREATE TABLE state_size (
    owner TEXT    PRIMARY KEY,
    keys  INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
