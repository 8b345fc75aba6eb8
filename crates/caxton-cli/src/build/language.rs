//! In which language a tool is written.

use crate::error::{Error, Result};
use clap::ValueEnum;
use serde::Serialize;
use std::{fmt, fs, path::Path};

/// A language that tools are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    Rust,
    C,
    #[value(alias = "javascript", alias = "ts", alias = "typescript")]
    Js,
    #[value(alias = "py")]
    Python,
    #[value(alias = "golang")]
    Go,
}

impl Language {
    /// What the files of a folder say; an error where they say nothing, or two things.
    pub(super) fn of(dir: &Path) -> Result<Self> {
        let entries = fs::read_dir(dir).map_err(|error| Error::io(format_args!("list `{}`", dir.display()), &error))?;
        let mut found: Vec<(Self, String)> = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(language) = Self::of_file(&name)
                && !found.iter().any(|(known, _)| *known == language)
            {
                found.push((language, name));
            }
        }
        found.sort_by(|one, other| one.1.cmp(&other.1));
        match found.as_slice() {
            [(language, _)] => Ok(*language),
            [] => Err(Error::invalid(format!("`{}` holds no sources that are known", dir.display()))
                .hint("a tool has Cargo.toml, tool.c, tool.js, tool.ts, tool.py or go.mod; else name its language with --language")),
            several => {
                let files: Vec<String> = several.iter().map(|(_, file)| format!("`{file}`")).collect();
                Err(Error::invalid(format!("`{}` may be of several languages: it holds {}", dir.display(), files.join(" and ")))
                    .hint(format!("name the one that is meant, such as --language {}", several.first().map_or(Self::C, |(one, _)| *one))))
            }
        }
    }

    fn of_file(name: &str) -> Option<Self> {
        match name {
            "Cargo.toml" => Some(Self::Rust),
            "go.mod" => Some(Self::Go),
            "package.json" | "tool.js" | "tool.mjs" | "tool.ts" => Some(Self::Js),
            "pyproject.toml" | "tool.py" => Some(Self::Python),
            name => Path::new(name).extension().is_some_and(|end| end == "c").then_some(Self::C),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Js => "js",
            Self::Python => "python",
            Self::Go => "go",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(files: &[&str]) -> Result<Language, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), "").unwrap();
        }
        Language::of(folder.path()).map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "DIR"))
    }

    #[test]
    fn the_files_tell_the_language() {
        assert_eq!(language(&["Cargo.toml", "README.md"]), Ok(Language::Rust));
        assert_eq!(language(&["tool.c", "caxton.h", "more.c"]), Ok(Language::C));
        assert_eq!(language(&["tool.ts", "package.json", "caxton.d.ts"]), Ok(Language::Js));
        assert_eq!(language(&["tool.py", "caxton.py"]), Ok(Language::Python));
        assert_eq!(language(&["go.mod", "main.go"]), Ok(Language::Go));
        insta::assert_snapshot!(language(&["README.md"]).unwrap_err(), @r"
        error: `DIR` holds no sources that are known
        hint: a tool has Cargo.toml, tool.c, tool.js, tool.ts, tool.py or go.mod; else name its language with --language
        ");
        insta::assert_snapshot!(language(&["tool.py", "tool.c"]).unwrap_err(), @r"
        error: `DIR` may be of several languages: it holds `tool.c` and `tool.py`
        hint: name the one that is meant, such as --language c
        ");
    }
}
