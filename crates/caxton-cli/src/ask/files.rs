//! Files that come with an answer.

use crate::{
    console::Console,
    error::{Error, Result},
    session::explained,
};
use caxton_api::ReplyView;
use caxton_client::Client;
use caxton_types::{Attachment, unit::ByteSize};
use std::{fs, io::Write as _, path::Path};

/// So many files of one name are told apart.
const NUMBER_MAX: u32 = 1000;

/// Tells which files there are.
pub(super) fn tell(reply: &ReplyView, console: &Console) {
    for file in &reply.attachments {
        let media_type = file.media_type.as_deref().unwrap_or("application/octet-stream");
        let size = file.size.map(|size| format!(", {}", ByteSize::new(size))).unwrap_or_default();
        console.note(format_args!("file: {} ({media_type}{size}, {})", file.name, file.digest));
    }
}

/// Writes them into the directory; a file that is there stays, and the new one gets a number.
pub(super) async fn save(reply: &ReplyView, dir: &Path, client: &Client, console: &Console) -> Result<()> {
    if !reply.attachments.is_empty() {
        fs::create_dir_all(dir).map_err(|error| Error::io(format_args!("create `{}`", dir.display()), &error))?;
    }
    for file in &reply.attachments {
        if !Attachment::is_valid_name(&file.name) {
            return Err(Error::invalid(format!("a file cannot be saved as `{}`", file.name.escape_debug())));
        }
        let bytes = client.blob(file.digest).await.map_err(explained)?;
        let path = dir.join(&*put(dir, &file.name, &bytes)?);
        if console.has_notes() {
            console.note(format_args!("saved: {}", path.display()));
        }
    }
    Ok(())
}

/// Writes under the first name that is free; answers with it.
fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<String> {
    let (stem, end) = name.rsplit_once('.').map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
    for number in 1..=NUMBER_MAX {
        let name = if number == 1 { name.to_owned() } else { format!("{stem}-{number}{end}") };
        let written = fs::File::create_new(dir.join(&name)).and_then(|mut file| file.write_all(bytes));
        match written {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(format_args!("write `{}`", dir.join(&name).display()), &error)),
        }
    }
    Err(Error::invalid(format!("`{}` has too many files named `{name}`", dir.display())).hint("choose another directory for `--save`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let names = [b"a", b"b", b"c"].map(|bytes| put(dir.path(), "chart.svg", bytes).unwrap());
        assert_eq!(names, ["chart.svg", "chart-2.svg", "chart-3.svg"]);
        assert_eq!(fs::read(dir.path().join("chart.svg")).unwrap(), b"a");
    }
}
