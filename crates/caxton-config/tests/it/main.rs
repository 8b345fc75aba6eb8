//! The crate from outside: golden messages, precedence, the guide's own examples, and properties.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod llm;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod runtime;
#[cfg(test)]
mod search;
#[cfg(test)]
mod workspaces;
#[cfg(test)]
mod world;
