//! Decisions are found through their list.
use super::Finding;
use crate::repo::Repo;
use anyhow::Result;

const LIST: &str = "docs/adr/README.md";

pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let list = if repo.has(LIST) { repo.read(LIST)? } else { String::new() };
    let unlisted = repo.files()?.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.parent().is_some_and(|folder| folder.ends_with("docs/adr"))
            && path.extension().is_some_and(|extension| extension == "md")
            && name != "README.md"
            && !list.contains(&format!("({name})"))
    });
    Ok(unlisted.map(|path| Finding::new(path, 1, "not listed in docs/adr/README.md", "add it to the list with its title")).collect())
}
