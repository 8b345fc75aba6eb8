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
