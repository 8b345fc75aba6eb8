//! Boots the real server for tests and reads like a story.
