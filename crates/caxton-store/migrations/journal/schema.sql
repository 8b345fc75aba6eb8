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
    opened    INTEGER PRIMARY KEY, -- seq of its first event: newest first is descending order
    id        BLOB    NOT NULL UNIQUE,
    opened_at INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    trace     TEXT    NOT NULL,
    protocol  TEXT,
    initiator TEXT,
    messages  INTEGER NOT NULL DEFAULT 0,
    pending   INTEGER NOT NULL DEFAULT 0, -- queued messages and open turns
    outcome   INTEGER                     -- of the last end in it: 1 completed, 0 failed
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

-- Turns that have begun and not ended.
CREATE TABLE turn (
    id           BLOB PRIMARY KEY,
    agent        TEXT    NOT NULL,
    conversation BLOB    NOT NULL,
    message      BLOB    NOT NULL,
    began        INTEGER NOT NULL,
    at           INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX turn_message ON turn (message);

CREATE TABLE blob (
    digest BLOB PRIMARY KEY,
    size   INTEGER NOT NULL,
    bytes  BLOB -- null where a file under blobs/ holds them
);
