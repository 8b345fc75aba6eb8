//! A Rust toolchain that compiles to WebAssembly with WASI, made of Debian packages.
//!
//! Compiling `std` needs the compiler and the library sources of one and the same version: Debian's `rustc-web` and
//! `rust-web-src` are that, and `wasi-libc` is what they link against. The linkers come with the toolchain that builds
//! Caxton. Nothing is installed: the packages are unpacked into a cache folder.
use crate::{process, say};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The packages that everything else follows from.
const ROOTS: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];
/// What `rustc-web` wants on a machine that compiles for itself.
const NOT_NEEDED: [&str; 4] = ["gcc", "binutils", "libc-dev", "libc6-dev"];
const PACKAGES_MAX: usize = 64;

/// Why there is no toolchain and none can be had; a check is skipped then.
#[derive(Debug)]
pub(super) struct Absent(String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Absent {}

/// An unpacked toolchain.
pub(super) struct Toolchain {
    folder: PathBuf,
    record: String,
    /// Where the linkers are: in the toolchain that builds Caxton.
    linkers: PathBuf,
    /// Debian's name of this machine, such as `x86_64-linux-gnu`.
    machine: String,
}

impl Toolchain {
    /// The recorded toolchain if it is there, else the one that Debian offers today, unpacked if need be.
    pub(super) fn find(cache: &Path, recorded: &str) -> Result<Self> {
        let version = process::stdout(rustc().arg("-vV"))?;
        let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
        let host = field("host:").context("rustc does not tell its host")?;
        let linker = field("release:").context("rustc does not tell its release")?;
        let sysroot = process::stdout(rustc().args(["--print", "sysroot"]))?;
        let linkers = Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("bin");
        if !linkers.join("wasm-component-ld").is_file() {
            return Err(Absent(format!("this Rust toolchain has no wasm-component-ld ({})", linkers.display())).into());
        }
        let machine = host.replace("-unknown-", "-");
        let made = |versions: &[String; 3]| {
            let [compiler, _, libc] = versions;
            let folder = cache.join(format!("{compiler}_{libc}"));
            let record = format!("rustc-web {compiler}\nwasi-libc {libc}\nlinker {linker}\n");
            Self { folder, record, linkers: linkers.clone(), machine: machine.clone() }
        };
        let recorded_versions = versions_of(recorded);
        if let Some(versions) = &recorded_versions {
            let toolchain = made(versions);
            if toolchain.record == recorded && toolchain.is_unpacked() {
                return Ok(toolchain);
            }
        }
        let least = recorded_versions.as_ref().and_then(|[compiler, ..]| release(compiler));
        let is_too_old = |[compiler, ..]: &[String; 3]| release(compiler) < least;
        let known = candidates()?.filter(|versions| !is_too_old(versions)).map(|versions| made(&versions));
        if let Some(toolchain) = known.filter(Self::is_unpacked) {
            return Ok(toolchain);
        }
        // The machine's list of packages may be older than the packages that there are.
        update();
        let offered = candidates()?.ok_or_else(|| Absent(format!("apt does not offer {}", ROOTS.join(", "))))?;
        if is_too_old(&offered) {
            let [offered, ..] = &offered;
            let known = recorded.lines().next().unwrap_or_default();
            return Err(Absent(format!("apt offers rustc-web {offered} only, and {known} is what the guests are made with")).into());
        }
        let toolchain = made(&offered);
        if !toolchain.is_unpacked() {
            toolchain.unpack(cache)?;
        }
        Ok(toolchain)
    }

    /// What a component made with it is recorded to be made of, one part a line.
    pub(super) fn record(&self) -> String {
        self.record.clone()
    }

    /// Makes a cargo use it for `target`.
    pub(super) fn prepare(&self, cargo: &mut Command, target: &str, code_flags: &[&str]) {
        let variable = |name: &str| format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"));
        let libc = self.folder.join("usr/lib/wasm32-wasi");
        let mut flags: Vec<String> = code_flags.iter().map(|&flag| flag.to_owned()).collect();
        flags.push("-Clink-self-contained=no".to_owned());
        flags.push(format!("-L{}", libc.display()));
        flags.push(format!("-Clink-arg={}", libc.join("crt1-reactor.o").display()));
        flags.push(format!("-Clink-arg=--wasm-ld-path={}", self.linkers.join("gcc-ld/wasm-ld").display()));
        flags.push("-Clink-arg=--compress-relocations".to_owned());
        let libraries = [self.folder.join("usr/lib").join(&self.machine), self.folder.join("lib").join(&self.machine)];
        cargo
            .env("RUSTC", self.folder.join("usr/bin/rustc"))
            // Building std needs flags that a released compiler hides.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("LD_LIBRARY_PATH", libraries.map(|path| path.display().to_string()).join(":"))
            .env(variable("LINKER"), self.linkers.join("wasm-component-ld"))
            .env(variable("RUSTFLAGS"), flags.join(" "));
    }

    fn is_unpacked(&self) -> bool {
        self.folder.join("usr/bin/rustc").is_file()
    }

    /// Downloads the packages and unpacks them; the folder appears whole or not at all.
    fn unpack(&self, cache: &Path) -> Result<()> {
        let packages = needed()?;
        say::problem(&format!("downloading Debian packages into {}: {}", cache.display(), packages.join(", ")));
        fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let fresh = cache.join(format!("unpacking-{}", std::process::id()));
        let (archives, tree) = (fresh.join("archives"), fresh.join("tree"));
        for folder in [&archives, &tree] {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let unpacked = unpack_into(&archives, &tree, &packages).and_then(|()| {
            fs::rename(&tree, &self.folder).with_context(|| format!("cannot move the toolchain to {}", self.folder.display()))
        });
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot remove {}", fresh.display()))?;
        unpacked
    }
}

fn unpack_into(archives: &Path, tree: &Path, packages: &[String]) -> Result<()> {
    let mut download = process::command("apt-get", archives);
    download.args(["-o", "APT::Sandbox::User=root", "--quiet", "download"]).args(packages).stdout(Stdio::null());
    process::run(&mut download)?;
    for entry in fs::read_dir(archives)? {
        process::run(process::command("dpkg", archives).arg("-x").arg(entry?.path()).arg(tree))?;
    }
    // Four fifths of what the sources package holds are the compiler's own.
    for entry in fs::read_dir(tree.join("usr/src"))? {
        let sources = entry?.path();
        for unused in ["src", "compiler"] {
            let unused = sources.join(unused);
            if unused.is_dir() {
                fs::remove_dir_all(&unused).with_context(|| format!("cannot remove {}", unused.display()))?;
            }
        }
    }
    Ok(())
}

fn rustc() -> Command {
    process::command("rustc", Path::new("."))
}

/// The versions in a record, in the order of [`ROOTS`].
fn versions_of(record: &str) -> Option<[String; 3]> {
    let version = |name: &str| record.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
    let compiler = version("rustc-web")?;
    Some([compiler.clone(), compiler, version("wasi-libc")?])
}

/// The release of a Debian version such as `1.96.0+dfsg1-1~deb12u2`, as numbers.
fn release(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The versions that this machine knows Debian to offer, in the order of [`ROOTS`]; nothing where one is unknown.
fn candidates() -> Result<Option<[String; 3]>> {
    if !process::command("apt-cache", Path::new(".")).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Err(Absent("no apt; the toolchain that compiles Rust to WebAssembly comes from Debian packages".to_owned()).into());
    }
    let policy = process::stdout(process::command("apt-cache", Path::new(".")).arg("policy").args(ROOTS))?;
    let versions = policy.lines().filter_map(|line| line.trim().strip_prefix("Candidate: "));
    let found: Vec<String> = versions.filter(|version| *version != "(none)").map(str::to_owned).collect();
    Ok(found.try_into().ok())
}

fn update() {
    say::problem("renewing apt's list of packages: apt-get update");
    let updated = process::run(process::command("apt-get", Path::new(".")).args(["--quiet", "update"]).stdout(Stdio::null()));
    if updated.is_err() {
        say::problem("apt-get update failed; it needs root");
    }
}

/// The packages to unpack: the roots, their own libraries, and what else they need and this machine lacks.
fn needed() -> Result<Vec<String>> {
    let mut needed: Vec<String> = ROOTS.map(str::to_owned).into();
    let mut at = 0;
    while let Some(package) = needed.get(at) {
        let depends = process::stdout(process::command("apt-cache", Path::new(".")).args(["depends", "--important", package]))?;
        at += 1;
        for name in depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")) {
            let skip = name.starts_with('<') || NOT_NEEDED.contains(&name) || needed.iter().any(|known| known == name);
            if !skip && !is_installed(name) {
                needed.push(name.to_owned());
            }
        }
        if needed.len() > PACKAGES_MAX {
            bail!("more than {PACKAGES_MAX} packages are needed: this machine lacks too much");
        }
    }
    Ok(needed)
}

fn is_installed(package: &str) -> bool {
    let mut query = process::command("dpkg-query", Path::new("."));
    query.args(["--show", "--showformat=${db:Status-Status}", package]).stderr(Stdio::null());
    query.output().is_ok_and(|output| output.stdout == b"installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_its_versions() {
        let record = "rustc-web 1.96.0+dfsg1-1~deb12u2\nwasi-libc 0.0~git20220510\nlinker 1.95.0\n";
        let compiler = "1.96.0+dfsg1-1~deb12u2".to_owned();
        assert_eq!(versions_of(record), Some([compiler.clone(), compiler, "0.0~git20220510".to_owned()]));
        assert_eq!(versions_of(""), None);
    }

    #[test]
    fn releases_are_compared_as_numbers() {
        let release = |version| release(version).unwrap();
        assert!(release("1.85.0+dfsg3-1~deb12u3") < release("1.96.0+dfsg1-1~deb12u2"));
        assert!(release("1.96.0+dfsg1-1~deb12u2") < release("1.100.0~beta.1-1"));
        assert_eq!(super::release("none"), None);
    }
}
