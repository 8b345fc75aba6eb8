//! cargo-deny, where one that reads our `deny.toml` is installed.
use crate::{process, repo::Repo};
use std::process::{Command, Stdio};

/// Older ones reject keys that our file uses.
const SERIES_MIN: (u32, u32) = (0, 16);

/// `cargo deny`, if it is there and new enough.
pub(crate) fn installed(repo: &Repo) -> Option<Command> {
    let mut probe = process::cargo(repo.root());
    let version = probe.args(["deny", "--version"]).stderr(Stdio::null()).output().ok()?;
    let mut cargo = process::cargo(repo.root());
    cargo.arg("deny");
    (series(&String::from_utf8_lossy(&version.stdout))? >= SERIES_MIN).then_some(cargo)
}

/// The major and minor number in `cargo-deny 0.18.3`.
fn series(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_our_file_is_used() {
        assert!(series("cargo-deny 0.18.3\n") >= Some(SERIES_MIN));
        assert!(series("cargo-deny 1.0.0") >= Some(SERIES_MIN));
        assert!(series("cargo-deny 0.14.2") < Some(SERIES_MIN));
        assert_eq!(series(""), None);
    }
}
