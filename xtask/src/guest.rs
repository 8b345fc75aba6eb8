//! `cargo xtask guest`: builds the example tools' WebAssembly components from source.
//!
//! The committed component was made by exactly these steps, and they are reproducible: with the toolchain recorded in
//! `toolchain.txt`, `--check` wants the same bytes. Debian moves its toolchain on with each Firefox; with another one
//! the bytes may differ, and the conformance table decides whether the tool still does the same.
mod strip;
mod toolchain;

use self::toolchain::{Absent, Toolchain};
use crate::{process, repo::Repo, say};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

const TOOL: &str = "examples/tools/csv-stats";
const TARGET: &str = "wasm32-wasip2";
/// The bound of the example: small enough to be embedded in the binary without a thought.
const SIZE_MAX: usize = 150_000;
/// Names the rebuilt component to the conformance test.
const REBUILT: &str = "CAXTON_GUEST_REBUILT";
/// A tool has no use for the text of a panic: it ends in a trap either way, and the machinery doubles the component.
const CODE_FLAGS: [&str; 4] = ["-Zunstable-options", "-Cpanic=immediate-abort", "-Zfmt-debug=none", "-Zlocation-detail=none"];

/// Builds each component, or with `check` compares it with the committed one.
pub(crate) fn run(check: bool) -> Result<()> {
    let repo = Repo::open()?;
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
    let component = build(&folder, &cache.join("guest-target"), &toolchain)?;
    if check { compare(&repo, &cache, &folder, &toolchain, &recorded, &component) } else { commit(&folder, &toolchain, &component) }
}

/// Compiles a tool and returns its component, without names.
fn build(folder: &Path, target: &Path, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let cargo = |words: &[&str]| {
        let mut cargo = process::cargo(folder);
        // What a developer sets for the server's build has no place in this one.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            cargo.env_remove(name);
        }
        toolchain.prepare(&mut cargo, TARGET, &CODE_FLAGS);
        cargo.args(words).arg("--target-dir").arg(target).args(["--target", TARGET, "--release", "--locked"]);
        cargo
    };
    // Cargo knows a package by its path inside the workspace: another checkout may have built it last.
    process::run(cargo(&["clean", "--quiet"]).args(["--package", "csv-stats"]))?;
    process::run(cargo(&["build"]).args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]))?;
    let made = target.join(TARGET).join("release/csv_stats.wasm");
    let component = fs::read(&made).with_context(|| format!("the build left no {}", made.display()))?;
    let component = strip::names(&component)?;
    let size = component.len();
    ensure!(size <= SIZE_MAX, "the component has {size} bytes, more than {SIZE_MAX}");
    Ok(component)
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
fn compare(repo: &Repo, cache: &Path, folder: &Path, toolchain: &Toolchain, recorded: &str, component: &[u8]) -> Result<()> {
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
    let rebuilt = cache.join("guest-target").join("csv-stats.rebuilt.wasm");
    write(&rebuilt, component)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
    let mut test = process::cargo(repo.root());
    test.env("CARGO_TARGET_DIR", target).env(REBUILT, &rebuilt);
    process::run(test.args(["test", "--locked", "--package", "caxton-sandbox", "--test", "it", "conformance"]))?;
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
