//! Third-party programs that tests hold us against, installed by their own package managers under the target folder.
use crate::{process, repo::Repo, say, target::Target};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Checks a running server against its `OpenAPI` description (`PyPI`).
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Speaks the wire formats of the model vendors (npm).
const AIMOCK: &str = "@copilotkit/aimock@1.43.0";
/// The official conformance suite of MCP, a client of it, and the node that the suite needs (npm).
const MCP_NODE: [&str; 3] = ["node@22.23.3", "@modelcontextprotocol/conformance@0.2.0-alpha.12", "@modelcontextprotocol/inspector@2.12.0"];
/// The reference client of MCP (`PyPI`).
const MCP_PYTHON: &str = "mcp==2.3.0";
/// Other people's MCP servers (npm and `PyPI`).
const MCP_SERVERS: [&str; 2] = ["@modelcontextprotocol/server-everything@2026.8.31", "@modelcontextprotocol/server-memory@2026.8.31"];
const FASTMCP: &str = "fastmcp==4.1.2";
/// Where the agent that runs under `LangGraph` is, and what it needs (`PyPI`).
const LANGGRAPH: &str = "bench-peers/langgraph";

/// Where the peers stand, as tests get it by environment.
pub(crate) struct Peers {
    /// The `schemathesis` program: `CAXTON_SCHEMATHESIS`.
    pub(crate) schemathesis: PathBuf,
    /// The package's folder, whose `dist/cli.js` node runs: `CAXTON_AIMOCK`.
    pub(crate) aimock: PathBuf,
    /// The folder whose `node_modules` has the conformance suite and the inspector of MCP: `CAXTON_MCP_PEERS`.
    pub(crate) mcp: PathBuf,
    /// The Python that has the reference client of MCP: `CAXTON_MCP_PYTHON`.
    pub(crate) mcp_python: PathBuf,
    /// The folder whose `node_modules` has other people's MCP servers: `CAXTON_MCP_SERVERS`.
    pub(crate) mcp_servers: PathBuf,
    /// The Python that has `FastMCP`: `CAXTON_FASTMCP`.
    pub(crate) fastmcp: PathBuf,
}

impl Peers {
    /// Installs what is missing or stands at another version.
    pub(crate) fn prepare(repo: &Repo, target: &Target) -> Result<Self> {
        let folder = |name: &str| target.folder().join(name);
        let schemathesis = pip(repo, &folder("caxton-venv"), SCHEMATHESIS, "schemathesis")?;
        let (aimock, mcp, mcp_servers) = (folder("caxton-npm"), folder("caxton-npm-mcp"), folder("caxton-npm-mcp-servers"));
        npm(repo, &aimock, AIMOCK, "@copilotkit/aimock/dist/cli.js")?;
        npm(repo, &mcp, &MCP_NODE.join("\n"), "@modelcontextprotocol/conformance/dist/index.js")?;
        let mcp_python = mcp_python(repo, target)?;
        npm(repo, &mcp_servers, &MCP_SERVERS.join("\n"), "@modelcontextprotocol/server-everything/dist/index.js")?;
        let fastmcp = pip(repo, &folder("caxton-venv-fastmcp"), FASTMCP, "python")?;
        let aimock = aimock.join("node_modules/@copilotkit/aimock");
        Ok(Self { schemathesis, aimock, mcp, mcp_python, mcp_servers, fastmcp })
    }
}

/// The Python that has the reference client of MCP, which `mcp.*` is held against too.
pub(crate) fn mcp_python(repo: &Repo, target: &Target) -> Result<PathBuf> {
    pip(repo, &target.folder().join("caxton-venv-mcp"), MCP_PYTHON, "python")
}

/// The Python that has `LangGraph`, which `turns.langgraph_*` is held against; benches get it as `CAXTON_LANGGRAPH`.
pub(crate) fn langgraph(repo: &Repo, target: &Target) -> Result<PathBuf> {
    let requirements = repo.path(LANGGRAPH).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let venv = target.folder().join("caxton-langgraph");
    let program = venv.join("bin").join("python");
    // A venv has its Python before it has anything else; the stamp is written last.
    install(&venv, &wanted, &program, |folder| python(repo, folder, &["--requirement", &requirements.to_string_lossy()]))?;
    Ok(program)
}

/// Fills a venv with this package of `PyPI`, and says where its program is.
pub(crate) fn pip(repo: &Repo, venv: &Path, package: &str, program: &str) -> Result<PathBuf> {
    let program = venv.join("bin").join(program);
    install(venv, package, &program, |venv| python(repo, venv, &[package]))?;
    Ok(program)
}

/// Fills a folder with these packages of npm, words apart, and says where this one of its modules' files is.
pub(crate) fn npm(repo: &Repo, folder: &Path, packages: &str, program: &str) -> Result<PathBuf> {
    let program = folder.join("node_modules").join(program);
    install(folder, packages, &program, |folder| node(repo, folder, &packages.split_whitespace().collect::<Vec<_>>()))?;
    Ok(program)
}

/// Fills `folder` anew unless its stamp says that `wanted` stands there whole.
fn install(folder: &Path, wanted: &str, program: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let stamp = folder.join("caxton-stamp");
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|stands| stands == wanted) {
        return Ok(());
    }
    let first = wanted.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    say::problem(&format!("installing {first} into {}", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fill(folder).with_context(|| format!("cannot install {first}"))?;
    ensure!(program.exists(), "{first} came without {}", program.display());
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn python(repo: &Repo, venv: &Path, packages: &[&str]) -> Result<()> {
    process::run(process::command("python3", repo.root()).args(["-m", "venv"]).arg(venv))
        .context("it needs python3 with its venv module (Debian: python3-venv)")?;
    let mut pip = process::command(venv.join("bin").join("python"), repo.root());
    process::run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]).args(packages))
}

fn node(repo: &Repo, folder: &Path, packages: &[&str]) -> Result<()> {
    // Its own package.json keeps npm from looking for one further up.
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = process::command("npm", repo.root());
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(folder).args(packages);
    process::run(&mut npm).context("it needs node with npm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_installed_once_per_version() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("peer");
        let program = folder.join("program");
        let installs = |wanted: &str| {
            let mut ran = false;
            install(&folder, wanted, &program, |_| {
                ran = true;
                Ok(fs::write(&program, wanted)?)
            })
            .unwrap();
            ran
        };
        assert!(installs("peer@1"));
        assert!(!installs("peer@1"));
        assert!(installs("peer@2"));
        fs::remove_file(&program).unwrap();
        assert!(installs("peer@2"), "a stamp without its program is not believed");
    }

    #[test]
    fn a_failed_install_is_tried_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("peer");
        let program = folder.join("program");
        assert!(install(&folder, "peer@1", &program, |_| anyhow::bail!("no network")).is_err());
        assert!(install(&folder, "peer@1", &program, |_| Ok(())).is_err(), "an install without its program is none");
        assert!(install(&folder, "peer@1", &program, |_| Ok(fs::write(&program, "")?)).is_ok());
    }
}
