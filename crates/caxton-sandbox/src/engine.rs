//! The wasmtime engine for tools: fast, untrusted, never replayed.

use std::fs;

use tracing::{info, warn};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{Error, Options};

/// The smallest pool that is worth having.
const SLOTS_MIN: u32 = 1;
const STACK_LEN_MIN: usize = 512 << 10;
/// What a slot keeps in memory between calls; above what a Rust or C tool touches.
const KEEP_RESIDENT: usize = 2 << 20;
/// What a slot has. A component made by `wit-component` has three core instances and one memory; one that has more than
/// this takes several slots.
const CORE_INSTANCES: u32 = 12;
pub(crate) const MEMORIES: u32 = 2;
pub(crate) const TABLES: u32 = 8;
/// How many slots one component may take.
pub(crate) const SLOTS_OF_ONE_MAX: u32 = 8;

/// An engine that runs.
pub(crate) struct Started {
    pub(crate) engine: Engine,
    /// Fewer than asked for where the address space is short.
    pub(crate) slots: u32,
    pub(crate) pagemap_scan: bool,
}

/// Makes the engine with as many slots as there is room for.
pub(crate) fn start(options: &Options) -> Result<Started, Error> {
    let scan = may_scan();
    let mut slots = options.slots.max(SLOTS_MIN);
    loop {
        match Engine::new(&config(options, slots, scan)) {
            Ok(engine) => {
                info!(slots, profile = %options.profile, pagemap_scan = scan, "sandbox engine is ready");
                return Ok(Started { engine, slots, pagemap_scan: scan });
            }
            Err(error) if slots > SLOTS_MIN => {
                warn!(slots, %error, "sandbox pool does not fit; halving it");
                slots = (slots / 2).max(SLOTS_MIN);
            }
            Err(error) => return Err(Error::Engine(format!("{error:#}"))),
        }
    }
}

fn config(options: &Options, slots: u32, scan: bool) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES * SLOTS_OF_ONE_MAX.min(slots))
        .max_memories_per_component(MEMORIES * SLOTS_OF_ONE_MAX.min(slots))
        .max_tables_per_component(TABLES * SLOTS_OF_ONE_MAX.min(slots))
        .max_memory_size(options.memory_max.as_usize())
        .table_elements(options.table_entries_max as usize)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    if !scan {
        pool.decommit_batch_size(32);
    }
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .memory_init_cow(true)
        .guard_before_linear_memory(true)
        // The host's own part of a call needs room on the same stack.
        .async_stack_size(options.stack.as_usize().saturating_mul(2).max(STACK_LEN_MIN))
        .max_wasm_stack(options.stack.as_usize())
        .concurrency_support(false)
        // A tool's author sees the trap; addresses in stripped code help nobody.
        .wasm_backtrace_max_frames(None)
        .wasm_features(options.profile.refused_by_engine(), false);
    config
}

/// Whether the kernel tells which pages of memory were written.
pub fn has_pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Scanning page maps resets a slot cheaply, but does not see pages that were swapped out: without swap only.
fn may_scan() -> bool {
    let no_swap = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1);
    no_swap && has_pagemap_scan()
}
