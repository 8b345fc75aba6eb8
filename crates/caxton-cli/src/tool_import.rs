//! `caxton tool import`: the MCP servers of another client, as our configuration has them.

mod read;

use self::read::{Server, Servers, Where};
use crate::{
    args::Import,
    error::{Error, Result},
    session::Session,
};
use caxton_types::Code;
use serde_json::Value;
use std::{fmt::Write as _, fs, io, path::Path};

/// The largest file that is read.
const FILE_LEN_MAX: u64 = 1 << 20;

pub(crate) fn run(args: &Import, session: &Session) -> Result<()> {
    let console = session.console();
    let file = session.here().join(&args.file);
    let servers = Servers::read(&text_of(&file)?).map_err(|reason| Error::invalid(format!("{}: {reason}", args.file.display())))?;
    for note in &servers.notes {
        console.note(format_args!("note: {note}"));
    }
    if servers.all.is_empty() {
        return Err(Error::invalid(format!("{} has no MCP server that can be used here", args.file.display())));
    }
    let block = block(&servers.all);
    if args.print {
        return console.write(block);
    }
    let target = session.configuration_file()?;
    append(&target, &block)?;
    let names: Vec<&str> = servers.all.iter().map(|server| server.name.as_str()).collect();
    console.line(format_args!("{}: {} added", target.display(), names.join(", ")))?;
    console.note("next: caxton config validate");
    Ok(())
}

fn text_of(file: &Path) -> Result<String> {
    let failed = |error: &io::Error| Error::io(format_args!("read {}", file.display()), error);
    let size = fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > FILE_LEN_MAX {
        return Err(Error::new(Code::TooLarge, format!("{} has {size} bytes; at most {FILE_LEN_MAX} are read", file.display())));
    }
    fs::read_to_string(file).map_err(|error| failed(&error))
}

/// Adds the block to a file that says nothing of integrations yet: what somebody wrote there is not ours to rearrange.
fn append(target: &Path, block: &str) -> Result<()> {
    let by_hand = || format!("`caxton tool import FILE --print` shows what to write into {}", target.display());
    if target.extension().is_some_and(|extension| extension == "toml") {
        return Err(Error::invalid(format!("{} is TOML, and only YAML is written", target.display())).hint(by_hand()));
    }
    let known = match fs::read_to_string(target) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io(format_args!("read {}", target.display()), &error)),
    };
    if known.lines().any(|line| line.starts_with("integrations")) {
        return Err(Error::new(Code::Conflict, format!("{} has `integrations` already", target.display())).hint(by_hand()));
    }
    let gap = if known.is_empty() || known.ends_with("\n\n") {
        ""
    } else if known.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    fs::write(target, format!("{known}{gap}{block}")).map_err(|error| Error::io(format_args!("write {}", target.display()), &error))
}

/// The servers as a block of `caxton.yaml`; a text of JSON is one of YAML too.
fn block(servers: &[Server]) -> String {
    let mut text = String::from("integrations:\n  mcp:\n    servers:\n");
    for server in servers {
        let mut put = |key: &str, value: Value| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "        {key}: {value}");
        };
        put("name", server.name.as_str().into());
        match &server.place {
            Where::Url { url } => put("url", url.as_str().into()),
            Where::Program { command, args, cwd } => {
                put("command", command.as_str().into());
                if !args.is_empty() {
                    put("args", args.clone().into());
                }
                if let Some(cwd) = cwd {
                    put("cwd", cwd.as_str().into());
                }
            }
        }
        for (key, table) in &server.tables {
            if !table.is_empty() {
                put(key, Value::Object(table.clone()));
            }
        }
        if let Some(bearer) = &server.bearer {
            put("bearer_secret", bearer.as_str().into());
        }
    }
    // Each server is an item of the list: its first key stands behind the dash.
    text.replace("        name: ", "      - name: ")
}

#[cfg(test)]
mod tests;
