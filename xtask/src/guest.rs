//! Guests: tools that are built from source by `caxton build`, with toolchains kept under the user's cache folder.
//!
//! `cargo xtask guest` builds the one component that is committed, `csv-stats`. These steps are reproducible: with the
//! toolchain recorded in `toolchain.txt`, `--check` wants the same bytes. Debian moves its toolchain on with each
//! Firefox; with another one the bytes may differ, and the conformance table decides whether the tool still does the same.
mod languages;
mod sources;
mod toolchain;

pub(crate) use self::languages::Guests;

use self::toolchain::{Absent, Toolchain};
use crate::{process, repo::Repo, say, target::Target};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const TOOL: &str = "examples/tools/csv-stats";
const TARGET: &str = "wasm32-wasip2";
/// The bound of the example: small enough to be embedded in the binary without a thought.
const SIZE_MAX: usize = 150_000;
/// Names the rebuilt component to the conformance test.
const REBUILT: &str = "CAXTON_GUEST_REBUILT";
/// A tool has no use for the text of a panic: it ends in a trap either way, and the machinery doubles the component.
const CODE_FLAGS: [&str; 4] = ["-Zunstable-options", "-Cpanic=immediate-abort", "-Zfmt-debug=none", "-Zlocation-detail=none"];

/// Builds the committed component, or with `check` compares it with what its source makes.
pub(crate) fn run(repo: &Repo, check: bool) -> Result<()> {
    let target = Target::take(repo)?;
    let caxton = target.caxton(repo)?;
    committed(repo, &target, &caxton, check)
}

/// Builds the guests in every language and says where they are.
pub(crate) fn build(repo: &Repo, all: bool) -> Result<()> {
    let target = Target::take(repo)?;
    let guests = Guests::prepare(repo, &target, all, || target.caxton(repo))?;
    say::line(&format!("{}", guests.folder().display()));
    Ok(())
}

/// The same with the target folder and the `caxton` that builds.
pub(crate) fn committed(repo: &Repo, target: &Target, caxton: &Path, check: bool) -> Result<()> {
    let cache = cache()?;
    let folder = repo.path(TOOL);
    let recorded = fs::read_to_string(folder.join("toolchain.txt")).unwrap_or_default();
    let toolchain = match Toolchain::find(&cache.join("guest-toolchain"), &recorded) {
        Ok(toolchain) => toolchain,
        Err(error) if check && error.is::<Absent>() => {
            say::line(&format!("guest rebuild skipped: {error}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let made = cache.join("guest-target").join("csv-stats.rebuilt.wasm");
    rust(caxton, &folder, "csv-stats", &["--locked"], &cache.join("guest-target"), &toolchain, &made)?;
    let component = fs::read(&made).with_context(|| format!("the build left no {}", made.display()))?;
    let size = component.len();
    ensure!(size <= SIZE_MAX, "the component has {size} bytes, more than {SIZE_MAX}");
    if check { compare(repo, target, &made, &toolchain, &recorded, &component) } else { commit(&folder, &toolchain, &component) }
}

/// Compiles a tool in Rust with a toolchain that may lack the target's standard library.
fn rust(caxton: &Path, folder: &Path, package: &str, args: &[&str], target: &Path, toolchain: &Toolchain, output: &Path) -> Result<()> {
    let prepared = |mut command: Command| {
        // What a developer sets for the server's build has no place in this one.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            command.env_remove(name);
        }
        toolchain.prepare(&mut command, TARGET, &CODE_FLAGS);
        command
    };
    // Cargo knows a package by its path inside the workspace: another checkout may have built it last.
    let mut clean = prepared(process::cargo(folder));
    clean.args(["clean", "--quiet", "--release", "--target", TARGET, "--package", package]).args(args).arg("--target-dir").arg(target);
    process::run(&mut clean)?;
    let mut build = prepared(process::command(caxton, folder));
    build.args(["build", "--quiet", "--language", "rust", "--output"]).arg(output).arg("--").args(args);
    build.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size", "--target-dir"]).arg(target);
    process::run(build.stdout(std::process::Stdio::null()))
}

/// Puts the component where it is committed, with what it was made from.
fn commit(folder: &Path, toolchain: &Toolchain, component: &[u8]) -> Result<()> {
    let digest = digest(component);
    write(&folder.join("tool.wasm"), component)?;
    write(&folder.join("tool.wasm.sha256"), format!("{digest}  tool.wasm\n").as_bytes())?;
    write(&folder.join("toolchain.txt"), toolchain.record().as_bytes())?;
    say::line(&format!("{TOOL}/tool.wasm: {} bytes, sha256 {digest}", component.len()));
    Ok(())
}

/// Fails if what is committed is not what its source makes.
fn compare(repo: &Repo, target: &Target, made: &Path, toolchain: &Toolchain, recorded: &str, component: &[u8]) -> Result<()> {
    let folder = repo.path(TOOL);
    let committed = fs::read(folder.join("tool.wasm")).with_context(|| format!("{TOOL}/tool.wasm is missing; run `cargo xtask guest`"))?;
    let sum = fs::read_to_string(folder.join("tool.wasm.sha256")).unwrap_or_default();
    if sum.split_whitespace().next() != Some(digest(&committed).as_str()) {
        bail!("{TOOL}/tool.wasm.sha256 is not the digest of tool.wasm; run `cargo xtask guest`");
    }
    if component == committed {
        say::line(&format!("{TOOL}: rebuilt from source, the same {} bytes", committed.len()));
        return Ok(());
    }
    if recorded == toolchain.record() {
        bail!("{TOOL}/tool.wasm is not what its source makes; run `cargo xtask guest` and commit the result");
    }
    say::problem(&format!("{TOOL}: other bytes, as the toolchain is another one; comparing what it does\n{}", toolchain.record()));
    let mut test = target.cargo(repo);
    test.env(REBUILT, made);
    process::run(test.args(["test", "--locked", "--package", "caxton-sandbox", "--test", "it", "conformance_of_the_rebuilt"]))?;
    say::line(&format!("{TOOL}: rebuilt with another toolchain, behaves the same"));
    Ok(())
}

fn cache() -> Result<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("caxton"))
}

fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
