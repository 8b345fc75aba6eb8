//! The sandbox from outside: what guests may do, what happens to those that misbehave, and the CSV tool's conformance.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod composed;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod files;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod host;
#[cfg(test)]
mod languages;
#[cfg(test)]
mod lent;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod network;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod property;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod reflect;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod support;
