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
