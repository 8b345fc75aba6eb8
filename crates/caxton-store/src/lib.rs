//! SQLite: the journal, its queues and blobs, and the projections read from it.
