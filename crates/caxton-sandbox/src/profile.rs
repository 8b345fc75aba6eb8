//! Which WebAssembly proposals a component may use.

use std::fmt;

use wasmparser::{Validator, WasmFeatures};

/// Which WebAssembly proposals components may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// What every stock toolchain emits, and no more: bulk memory, reference types, multi-value, SIMD.
    #[default]
    Default,
    /// Neither bulk memory nor reference types nor SIMD: only for guests built so on purpose.
    Strict,
}

/// A proposal with its name and what in a toolchain leaves it out.
type Proposal = (WasmFeatures, &'static str, &'static str);

const NEVER: [Proposal; 9] = [
    (WasmFeatures::THREADS.union(WasmFeatures::SHARED_EVERYTHING_THREADS), "threads", "-C target-feature=-atomics"),
    (WasmFeatures::MEMORY64, "memory64", "a 32-bit target"),
    (WasmFeatures::MULTI_MEMORY, "multi-memory", "a single memory"),
    (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "gc", "a toolchain that manages its own memory"),
    (WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS), "exceptions", "panic = \"abort\" or -fno-exceptions"),
    (WasmFeatures::TAIL_CALL, "tail calls", "-C target-feature=-tail-call"),
    (WasmFeatures::STACK_SWITCHING, "stack switching", "no stack switching"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", "the default page size"),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD", "-C target-feature=-relaxed-simd"),
];

const STRICT: [Proposal; 3] = [
    (WasmFeatures::BULK_MEMORY.union(WasmFeatures::BULK_MEMORY_OPT), "bulk memory", "-C target-feature=-bulk-memory"),
    (
        WasmFeatures::REFERENCE_TYPES.union(WasmFeatures::CALL_INDIRECT_OVERLONG),
        "reference types",
        "-C target-feature=-reference-types,-call-indirect-overlong",
    ),
    (WasmFeatures::SIMD, "SIMD", "-C target-feature=-simd128"),
];

impl Profile {
    fn refused(self) -> impl Iterator<Item = &'static Proposal> {
        let strict: &[Proposal] = match self {
            Self::Default => &[],
            Self::Strict => &STRICT,
        };
        NEVER.iter().chain(strict)
    }

    /// Everything that a component must not use.
    fn refused_features(self) -> WasmFeatures {
        self.refused().fold(WasmFeatures::empty(), |all, (features, ..)| all | *features)
    }

    /// Everything that the engine must not accept. Between two components of one, it copies by adapters of its own, which
    /// have both memories: it must know what no guest may use.
    pub(crate) fn refused_by_engine(self) -> WasmFeatures {
        self.refused_features() & !WasmFeatures::MULTI_MEMORY
    }

    /// Whether a component uses no more than it may.
    pub(crate) fn accepts(self, wasm: &[u8]) -> bool {
        Validator::new_with_features(WasmFeatures::all() & !self.refused_features()).validate_all(wasm).is_ok()
    }

    /// The proposals because of which `wasm` was refused; none if it is invalid altogether.
    pub(crate) fn culprits(self, wasm: &[u8]) -> Vec<&'static str> {
        let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
        if !valid(WasmFeatures::all()) {
            return Vec::new();
        }
        self.refused()
            .filter(|(features, ..)| !valid(WasmFeatures::all() & !with_dependents(*features)))
            .map(|(_, name, _)| *name)
            .collect()
    }

    /// How to build a component that this profile accepts.
    pub(crate) fn remedy(self, proposals: &[&'static str]) -> String {
        let ways: Vec<&str> = self.refused().filter(|(_, name, _)| proposals.contains(name)).map(|(_, _, way)| *way).collect();
        let build = format!("build it with {}", ways.join(" and "));
        let only_strict = self == Self::Strict && STRICT.iter().any(|(_, name, _)| proposals.contains(name));
        if only_strict { format!("{build}, or set `tools.sandbox.profile = \"default\"`") } else { build }
    }
}

/// A proposal with those that cannot be on without it.
fn with_dependents(features: WasmFeatures) -> WasmFeatures {
    let mut all = features;
    if features.contains(WasmFeatures::SIMD) {
        all |= WasmFeatures::RELAXED_SIMD;
    }
    if features.contains(WasmFeatures::REFERENCE_TYPES) {
        all |= WasmFeatures::FUNCTION_REFERENCES | WasmFeatures::GC;
    }
    all
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Strict => "strict",
        })
    }
}
