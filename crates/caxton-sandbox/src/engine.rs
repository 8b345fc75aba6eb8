//! The wasmtime engine for tools: fast, untrusted, never replayed.

use std::{fs, num::NonZeroUsize};

use tracing::{info, warn};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{Error, Options, swap::may_swap};

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
    let scan = has_pagemap_scan() && !may_swap();
    let mut slots = options.slots.max(SLOTS_MIN);
    loop {
        match Engine::new(&config(options, slots, scan)) {
            Ok(engine) => {
                tell_maps(slots);
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
        // A tool's author sees the trap; addresses in stripped code help nobody. One frame says that the guest was running.
        .wasm_backtrace_max_frames(Some(NonZeroUsize::MIN))
        .wasm_features(options.profile.refused_by_engine(), false);
    config
}

/// Memory maps that an instance takes, and those that the rest of the process does.
const MAPS_OF_INSTANCE: u64 = 6;
const MAPS_OF_PROCESS: u64 = 10_000;

/// How many instances may live at once under the system's bound of memory maps (`vm.max_map_count`).
pub fn instances_within(maps_max: u64) -> u64 {
    maps_max.saturating_sub(MAPS_OF_PROCESS) / MAPS_OF_INSTANCE
}

/// How many memory maps so many instances take, and the process they live in.
pub fn maps_of(instances: u32) -> u64 {
    MAPS_OF_PROCESS.saturating_add(MAPS_OF_INSTANCE.saturating_mul(instances.into()))
}

/// A call for which the system has no map left fails, however many slots there are.
fn tell_maps(slots: u32) {
    let maps_max = fs::read_to_string("/proc/sys/vm/max_map_count").ok().and_then(|text| text.trim().parse().ok());
    if let Some(maps_max) = maps_max.filter(|max| instances_within(*max) < u64::from(slots)) {
        let room = instances_within(maps_max);
        warn!(slots, maps_max, room, "the system has not enough memory maps for all slots: raise vm.max_map_count");
    }
}

/// Whether the kernel tells which pages of memory were written.
pub fn has_pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}
