-- A listing needs little of a spec, and the whole of it stands in the journal already.
CREATE TEMP TABLE agent_before AS SELECT name, revision, digest, spec, seq, at FROM agent;
DROP TABLE agent;
CREATE TABLE agent (
    name     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    digest   BLOB    NOT NULL, -- of the spec
    listing  TEXT    NOT NULL, -- JSON of what listings show of the spec
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO agent (name, revision, digest, listing, seq, at)
    SELECT name, revision, digest, json_object(
        'display_name', spec ->> 'display_name', 'version', spec ->> 'version', 'description', spec ->> 'description',
        'capabilities', json(coalesce(spec -> 'capabilities', '[]')), 'tools', json(coalesce(spec -> 'tools', '[]'))
    ), seq, at FROM agent_before;
DROP TABLE agent_before;
