//! The edge: HTTP, telemetry and the life of the process.
