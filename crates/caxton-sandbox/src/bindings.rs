//! The worlds `tool-server` and `host`, generated from `sdk/wit`.
#![allow(clippy::pedantic, unreachable_pub, unused_qualifications, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../sdk/wit/caxton-tool.wit",
    world: "tool-server",
    exports: { default: async },
    additional_derives: [serde::Serialize, serde::Deserialize],
});

/// What a guest may import.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        path: "../../sdk/wit/caxton-host.wit",
        world: "host",
        imports: { default: async | trappable },
    });
}

pub(crate) use exports::caxton::tool::tools::{Tool, ToolError};
