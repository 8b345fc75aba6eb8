//! What a store promises, from outside.

#[cfg(test)]
mod blobs;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod group;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod open;
#[cfg(test)]
mod power;
#[cfg(test)]
mod query;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod state;
#[cfg(test)]
mod support;
#[cfg(test)]
mod turns;
