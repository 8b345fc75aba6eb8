-- What all migrations together make: for reading, and for the test that compares.
-- A reading of the journal: it can be deleted and is made again from there.
CREATE TABLE applied (
    workspace TEXT PRIMARY KEY,
    seq       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE agent (
    name     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    digest   BLOB    NOT NULL, -- of the spec
    listing  TEXT    NOT NULL, -- JSON of what listings show of the spec
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL
) WITHOUT ROWID;

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
CREATE TABLE scope (
    id    INTEGER PRIMARY KEY,
    kind  TEXT NOT NULL CHECK (kind IN ('agent', 'workspace', 'global')),
    owner TEXT NOT NULL, -- the agent, or nothing
    UNIQUE (kind, owner)
);

CREATE TABLE entity (
    id           INTEGER PRIMARY KEY,
    uid          BLOB    NOT NULL UNIQUE, -- derived from scope and name, so a rebuilt projection has the same
    scope_id     INTEGER NOT NULL REFERENCES scope (id),
    name         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    body         TEXT,
    meta         TEXT,
    created      INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    content_hash BLOB,
    deleted      INTEGER
);
CREATE INDEX entity_scope ON entity (scope_id);

CREATE TABLE observation (
    id         INTEGER PRIMARY KEY,
    entity_id  INTEGER NOT NULL REFERENCES entity (id),
    text       TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    workspace  TEXT    NOT NULL, -- whose journal holds the event `seq`
    seq        INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    valid_from INTEGER,
    valid_to   INTEGER
);
CREATE INDEX observation_entity ON observation (entity_id);

CREATE TABLE model (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    dims   INTEGER NOT NULL,
    sha256 BLOB    NOT NULL,
    format TEXT    NOT NULL
);

CREATE TABLE embedding (
    obs_id   INTEGER PRIMARY KEY REFERENCES observation (id),
    model_id INTEGER NOT NULL REFERENCES model (id),
    scale    REAL    NOT NULL,
    v        BLOB    NOT NULL
);

CREATE TABLE embedding_queue (
    obs_id INTEGER PRIMARY KEY REFERENCES observation (id)
);

CREATE TABLE relation (
    src     INTEGER NOT NULL REFERENCES entity (id),
    kind    TEXT    NOT NULL,
    dst     INTEGER NOT NULL REFERENCES entity (id),
    weight  REAL    NOT NULL DEFAULT 1,
    created INTEGER NOT NULL,
    PRIMARY KEY (src, kind, dst)
) WITHOUT ROWID;
CREATE INDEX relation_dst ON relation (dst, kind, src);

-- The text index keeps no text of its own: it reads name and body through this view.
CREATE VIEW observation_text (id, name, body) AS
    SELECT o.id, e.name, o.text FROM observation o JOIN entity e ON e.id = o.entity_id;
CREATE VIRTUAL TABLE fts USING fts5 (
    name, body, content = 'observation_text', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE fts_term USING fts5vocab (fts, row);

-- An external-content index must be told the old values, or it goes wrong in silence.
CREATE TRIGGER observation_fts_insert AFTER INSERT ON observation BEGIN
    INSERT INTO fts (rowid, name, body) SELECT new.id, e.name, new.text FROM entity e WHERE e.id = new.entity_id;
END;
CREATE TRIGGER observation_fts_delete BEFORE DELETE ON observation BEGIN
    INSERT INTO fts (fts, rowid, name, body) SELECT 'delete', old.id, e.name, old.text FROM entity e WHERE e.id = old.entity_id;
END;
CREATE TRIGGER observation_fts_update AFTER UPDATE OF text ON observation BEGIN
    INSERT INTO fts (fts, rowid, name, body) SELECT 'delete', old.id, e.name, old.text FROM entity e WHERE e.id = old.entity_id;
    INSERT INTO fts (rowid, name, body) SELECT new.id, e.name, new.text FROM entity e WHERE e.id = new.entity_id;
END;
CREATE TRIGGER entity_fts_update AFTER UPDATE OF name ON entity BEGIN
    INSERT INTO fts (fts, rowid, name, body) SELECT 'delete', o.id, old.name, o.text FROM observation o WHERE o.entity_id = old.id;
    INSERT INTO fts (rowid, name, body) SELECT o.id, new.name, o.text FROM observation o WHERE o.entity_id = new.id;
END;
