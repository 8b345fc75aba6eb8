//! Deployments: validates a workspace whole and applies it in one batch.
