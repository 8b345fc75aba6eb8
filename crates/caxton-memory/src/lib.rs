//! What agents remember, by scope.
