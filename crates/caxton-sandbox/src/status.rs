//! How a sandbox is: its pool, what waits, what is compiled.

use std::io;

use caxton_types::unit::ByteSize;

use crate::{Sandbox, component::Loaded};

/// The slots that calls run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// How many were asked for.
    pub slots_wanted: u32,
    /// How many start-up got: fewer where the address space is short.
    pub slots: u32,
    /// Those that are taken, by calls and by instances that wait for one.
    pub slots_taken: u32,
    /// The most that were taken at once.
    pub slots_taken_max: u32,
    /// Instances that wait for their next call.
    pub waiting_instances: usize,
    /// Calls that wait for a slot.
    pub waiting_calls: usize,
    /// Memory that free slots keep from call to call.
    pub kept: ByteSize,
    /// Whether slots are reset by scanning page maps.
    pub pagemap_scan: bool,
    /// Whether they are reset at all: not after swap was turned on beside that scan.
    pub is_clean: bool,
}

/// Components, and the compiling of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeStatus {
    /// Components that are loaded.
    pub components: usize,
    /// Those whose code is in memory.
    pub resident: usize,
    /// Components being compiled or taken from the cache.
    pub compiling: usize,
    /// Components that wait for that.
    pub waiting: usize,
}

/// Compiled code on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStatus {
    /// Components.
    pub entries: usize,
    /// What they and what stands beside them hold.
    pub bytes: u64,
    /// The bound of that.
    pub bytes_max: u64,
}

impl Sandbox {
    /// How the pool is.
    pub fn pool(&self) -> PoolStatus {
        let shared = &self.0;
        let kept = shared.engine.pooling_allocator_metrics().map_or(0, |pool| {
            let tables = pool.unused_table_bytes_resident().saturating_add(pool.unused_stack_bytes_resident().unwrap_or_default());
            pool.unused_memory_bytes_resident().saturating_add(tables)
        });
        PoolStatus {
            slots_wanted: shared.options.slots,
            slots: shared.slots.total(),
            slots_taken: shared.slots.taken(),
            slots_taken_max: shared.slots.taken_max(),
            waiting_instances: shared.warm.len(),
            waiting_calls: shared.slots.waiting(),
            kept: ByteSize::new(kept as u64),
            pagemap_scan: shared.pagemap_scan,
            is_clean: shared.is_clean().is_ok(),
        }
    }

    /// How many components there are, and what is compiled.
    pub fn code(&self) -> CodeStatus {
        let shared = &self.0;
        let loaded: Vec<_> = shared.loaded.lock().iter().filter_map(std::sync::Weak::upgrade).collect();
        let compiling = (shared.options.compilations_max.max(1) as usize).saturating_sub(shared.compiles.available_permits());
        CodeStatus {
            components: loaded.len(),
            resident: loaded.iter().filter(|component: &&std::sync::Arc<Loaded>| component.resident.is_here()).count(),
            compiling,
            waiting: shared.compiles_waiting.len(),
        }
    }

    /// What the cache of compiled code holds; nothing where there is none. Reads a folder.
    pub fn cache(&self) -> io::Result<Option<CacheStatus>> {
        self.0.cache.as_ref().map(crate::cache::Cache::status).transpose()
    }
}
