//! The client of Caxton's REST API.
