//! The world `tool-server`, generated from `sdk/wit/caxton-tool.wit`.
#![allow(clippy::pedantic, unreachable_pub, unused_qualifications, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../sdk/wit/caxton-tool.wit",
    world: "tool-server",
    exports: { default: async },
});

pub(crate) use exports::caxton::tool::tools::{Tool, ToolError};
