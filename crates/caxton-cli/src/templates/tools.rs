//! The templates for tools: a tool that greets, and the SDK of its language beside it, whole and without a download.

use super::{File, Rendered};

/// What a tool can be made from.
pub(crate) struct ToolTemplate {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(super) files: &'static [File],
}

/// `[own files below templates/NAME; path <- path of an SDK's file in the repository, …]`
macro_rules! tool {
    ($folder:literal: $($own:literal),+; $($path:literal <- $source:literal),+ $(,)?) => {
        &[
            $(File { path: $own, bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates/", $folder, "/", $own)) },)+
            $(File { path: $path, bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../", $source)) }),+
        ]
    };
}

/// Every template for tools, in the order of `caxton template list`.
pub(crate) const TOOLS: [ToolTemplate; 5] = [
    ToolTemplate {
        name: "tool-rust",
        about: "A tool in Rust",
        files: tool!("tool-rust": "Cargo.toml", "README.md", "tool.toml", "src/lib.rs";
            "sdk/wit/caxton-tool.wit" <- "sdk/wit/caxton-tool.wit", "sdk/wit/caxton-host.wit" <- "sdk/wit/caxton-host.wit",
            "sdk/rust/src/host.rs" <- "sdk/rust/src/host.rs", "sdk/rust/Cargo.toml" <- "sdk/rust/Cargo.toml",
            "sdk/rust/README.md" <- "sdk/rust/README.md", "sdk/rust/src/lib.rs" <- "sdk/rust/src/lib.rs",
            "sdk/rust/src/answer.rs" <- "sdk/rust/src/answer.rs", "sdk/rust/src/arguments.rs" <- "sdk/rust/src/arguments.rs"),
    },
    ToolTemplate {
        name: "tool-c",
        about: "A tool in C",
        files: tool!("tool-c": "README.md", "tool.toml", "tool.c"; "caxton.h" <- "sdk/c/caxton.h"),
    },
    ToolTemplate {
        name: "tool-js",
        about: "A tool in JavaScript or TypeScript",
        files: tool!("tool-js": "README.md", "tool.toml", "tool.js", "package.json";
            "caxton.js" <- "sdk/js/caxton.js", "caxton.d.ts" <- "sdk/js/caxton.d.ts", "files.js" <- "sdk/js/files.js"),
    },
    ToolTemplate {
        name: "tool-python",
        about: "A tool in Python",
        files: tool!("tool-python": "README.md", "tool.toml", "tool.py", "requirements.txt"; "caxton.py" <- "sdk/python/caxton.py"),
    },
    ToolTemplate {
        name: "tool-go",
        about: "A tool in Go",
        files: tool!("tool-go": "README.md", "tool.toml", "main.go", "go.mod";
            "caxton/caxton.go" <- "sdk/go/caxton.go", "caxton/abi.go" <- "sdk/go/abi.go", "caxton/go.mod" <- "sdk/go/go.mod"),
    },
];

impl ToolTemplate {
    /// The template for tools of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|template| template.name == name)
    }

    /// The files of a tool with this name.
    pub(crate) fn render(&self, tool: &str) -> Vec<Rendered> {
        self.files.iter().map(|file| file.render(|variable| (variable == "tool_name").then_some(tool))).collect()
    }
}
