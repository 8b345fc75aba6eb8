-- Ended turns stay, with how they ended; what a turn waits for, decisions of people and spending get their tables.
CREATE TABLE turn_before AS SELECT * FROM turn;
DROP TABLE turn;

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

-- Conversations count it too.
CREATE TABLE conversation_before AS SELECT * FROM conversation;
DROP TABLE conversation;
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
INSERT INTO conversation (opened, id, opened_at, last_at, trace, protocol, initiator, messages, pending, outcome)
    SELECT opened, id, opened_at, last_at, trace, protocol, initiator, messages, pending, outcome FROM conversation_before;
DROP TABLE conversation_before;

-- Turns that ended before this migration, from their events. No journal before it holds a wait, a decision or spending.
INSERT INTO turn (began, id, agent, conversation, message, at) SELECT began, id, agent, conversation, message, at FROM turn_before;
DROP TABLE turn_before;

CREATE TEMP TABLE message_text (text TEXT PRIMARY KEY, id BLOB) WITHOUT ROWID;
INSERT OR IGNORE INTO message_text
    SELECT e.body ->> '$.fact.message.id', m.id FROM message m JOIN event e ON e.seq = m.seq;

INSERT OR IGNORE INTO turn (began, id, agent, conversation, message, at)
    SELECT e.seq, e.turn, e.agent, e.conversation, t.id, e.at
    FROM event e JOIN message_text t ON t.text = e.body ->> '$.fact.message'
    WHERE e.kind = 'turn_began' AND e.agent IS NOT NULL AND e.conversation IS NOT NULL;

UPDATE turn SET ended = e.at, outcome = e.body ->> '$.fact.end',
        reply = (SELECT t.id FROM message_text t WHERE t.text = e.body ->> '$.fact.reply')
    FROM event e WHERE e.turn = turn.id AND e.kind = 'turn_ended';
DROP TABLE message_text;
