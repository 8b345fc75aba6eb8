//! What people write: the server's configuration, agents, workspaces and secrets, parsed into domain types.
