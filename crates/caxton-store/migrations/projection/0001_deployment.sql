-- A reading of the journal: it can be deleted and is made again from there.
CREATE TABLE applied (
    workspace TEXT PRIMARY KEY,
    seq       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE agent (
    name     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    digest   BLOB    NOT NULL,
    spec     TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL
);

CREATE TABLE file (
    path    TEXT PRIMARY KEY,
    digest  BLOB    NOT NULL,
    size    INTEGER NOT NULL,
    version INTEGER NOT NULL -- of the deployment that last changed it
) WITHOUT ROWID;

CREATE TABLE deployment (
    seq       INTEGER PRIMARY KEY,
    id        BLOB    NOT NULL,
    version   INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    caller    TEXT    NOT NULL,
    git       TEXT,
    added     INTEGER NOT NULL,
    modified  INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    removed   INTEGER NOT NULL,
    agents    INTEGER NOT NULL,
    took_ms   INTEGER NOT NULL
);
