//! The server through its outer door: a real listener, a real store, a model that is scripted.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod config;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod events;
#[cfg(test)]
mod life;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod support;
