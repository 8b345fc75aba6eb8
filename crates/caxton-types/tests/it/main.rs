//! What the types promise to others.

mod fixtures;
mod typestates;
