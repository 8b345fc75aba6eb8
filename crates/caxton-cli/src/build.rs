//! `caxton build`: makes a tool's component of its sources, with the toolchain of their language.
//!
//! A toolchain is only started here; what every component needs besides is done in this process: the world is embedded,
//! WASI's first version adapted, names are taken out, and the result is loaded into the sandbox before it is written.

mod c;
mod component;
mod go;
mod javascript;
mod language;
mod python;
mod reserved;
mod rust;
mod sections;
mod toolchain;

pub(crate) use self::language::Language;

use self::toolchain::Job;
use crate::{
    args::Build,
    console::{Console, GOOD, NAME, STRONG},
    error::{Error, Result},
    session::Session,
};
use caxton_sandbox::{Options, Sandbox, ToolInfo};
use caxton_types::{Access, Code, Digest, HostRule, MemoryGrant, Permissions, Scope, ToolGrant, unit::ByteSize};
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The compilers that are there for a tool in this folder, each with how one gets it where it is not.
pub(crate) fn toolchains(dir: &Path) -> [(Language, Option<PathBuf>, &'static str); 5] {
    let found = |program: &toolchain::Program| (toolchain::find(dir, program.name), program.get);
    let sdk = || std::env::var_os("WASI_SDK_PATH").map(|sdk| PathBuf::from(sdk).join("bin/clang")).filter(|clang| clang.is_file());
    let (cargo, rust) = found(&rust::CARGO);
    let (componentize, js) = found(&javascript::COMPONENTIZE);
    let (componentize_py, python) = found(&python::COMPONENTIZE);
    let (go, get_go) = found(&go::GO);
    [
        (Language::Rust, cargo, rust),
        (Language::C, sdk().or_else(|| toolchain::find(dir, "zig")), c::GET),
        (Language::Js, componentize, js),
        (Language::Python, componentize_py, python),
        (Language::Go, go, get_go),
    ]
}

/// What was built, for `--json` and for people.
#[derive(Debug, Serialize)]
struct Built {
    language: Language,
    output: PathBuf,
    size: usize,
    digest: Digest,
    tools: Vec<Offered>,
    steps: Vec<toolchain::Step>,
}

#[derive(Debug, Serialize)]
struct Offered {
    name: String,
    description: String,
}

pub(crate) async fn run(args: &Build, session: &Session) -> Result<()> {
    let console = session.console();
    let dir = session.here().join(args.dir.as_deref().unwrap_or(Path::new("")));
    if !dir.is_dir() {
        return Err(Error::new(Code::NotFound, format!("there is no folder `{}`", dir.display()))
            .hint("name the folder of a tool's sources; `caxton init NAME --template tool-c` makes one"));
    }
    let language = match args.language {
        Some(language) => language,
        None => Language::of(&dir)?,
    };
    let output = args.output.as_ref().map_or_else(|| dir.join("tool.wasm"), |output| session.here().join(output));
    let mut job = Job::new(dir, &args.compiler_args, console)?;
    let made = match language {
        Language::Rust => rust::compile(&mut job),
        Language::C => c::compile(&mut job),
        Language::Js => javascript::compile(&mut job),
        Language::Python => python::compile(&mut job),
        Language::Go => go::compile(&mut job),
    }?;
    let wasm = job.step("wrapped", || component::wrap(made))?;
    let tools = check(&mut job, &wasm).await?;
    write(&output, &wasm)?;
    let steps = job.into_steps();
    let built = Built {
        language,
        output: output.strip_prefix(session.here()).map_or(output.clone(), Path::to_path_buf),
        size: wasm.len(),
        digest: Digest::of(&wasm),
        tools: tools.into_iter().map(|ToolInfo { name, description, .. }| Offered { name, description }).collect(),
        steps,
    };
    tell(&built, console)
}

/// Loads it as the server would, with all granted: what the server would refuse is not written.
async fn check(job: &mut Job<'_>, wasm: &[u8]) -> Result<Vec<ToolInfo>> {
    let begun = std::time::Instant::now();
    let sandbox = Sandbox::new(Options::new(job.scratch().join("calls")))?;
    let component = sandbox.load_granted("tool", wasm.to_vec(), &everything()).await?;
    job.ended("loaded as a server would", begun);
    Ok(component.tools().to_vec())
}

/// Permissions with which no import is missing; nothing is called that could use them.
fn everything() -> Permissions {
    let nowhere = HostRule { host: "host.invalid".into(), scheme: None, port: None, methods: Vec::new(), private: false };
    let memory = vec![MemoryGrant { scope: Scope::Agent, access: Access::ReadWrite }];
    let tools = vec![ToolGrant::Server("nobody".into())];
    Permissions { hosts: vec![nowhere], sockets: true, memory, tools, ..Permissions::default() }
}

/// The file appears whole, or what was there stays.
fn write(output: &Path, wasm: &[u8]) -> Result<()> {
    let mut name = output.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = output.with_file_name(name);
    let done = || {
        if let Some(parent) = output.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&new, wasm)?;
        fs::rename(&new, output)
    };
    done().map_err(|error| {
        // What is left of it helps nobody; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&new);
        Error::io(format_args!("write `{}`", output.display()), &error)
    })
}

fn tell(built: &Built, console: &Console) -> Result<()> {
    if console.json {
        return console.value(built);
    }
    let painter = console.painter();
    let size = ByteSize::new(built.size as u64);
    console.line(format_args!(
        "{} Built {} ({}, {size})",
        painter.paint(GOOD, "✓"),
        painter.paint(STRONG, built.output.display()),
        built.language
    ))?;
    for Offered { name, description } in &built.tools {
        console.line(format_args!("  {} {}", painter.paint(NAME, name), description.lines().next().unwrap_or_default()))?;
    }
    Ok(())
}
