//! WebAssembly components in a sandbox.
