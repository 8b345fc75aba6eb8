//! The files that tools made, as the turn's reply will carry them.

use caxton_types::Attachment;

/// The most files that one reply carries; the first ones stay.
const FILES_MAX: usize = 32;

/// Adds what a call made: what is there already is not added again, and a name that is taken gets a number.
pub(super) fn keep(files: &mut Vec<Attachment>, made: Vec<Attachment>) {
    for mut file in made {
        if files.len() == FILES_MAX || files.iter().any(|known| known.digest == file.digest && known.name == file.name) {
            continue;
        }
        let is_taken = |name: &str| files.iter().any(|known| *known.name == *name);
        if is_taken(&file.name) {
            let (stem, end) = file.name.rsplit_once('.').map_or((&*file.name, String::new()), |(stem, end)| (stem, format!(".{end}")));
            let free = (2..=FILES_MAX + 1).map(|number| format!("{stem}-{number}{end}")).find(|name| !is_taken(name));
            let Some(free) = free else { continue };
            file.name = free.into();
        }
        files.push(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::Digest;

    fn file(name: &str, bytes: &str) -> Attachment {
        Attachment { name: name.into(), media_type: "image/svg+xml".into(), digest: Digest::of(bytes.as_bytes()), size: bytes.len() as u64 }
    }

    fn names(files: &[Attachment]) -> Vec<&str> {
        files.iter().map(|file| &*file.name).collect()
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_a_file_that_is_there_is_not_added_again() {
        let mut files = vec![];
        keep(
            &mut files,
            vec![file("chart.svg", "a"), file("chart.svg", "b"), file("chart.svg", "a"), file("notes", "c"), file("notes", "d")],
        );
        keep(&mut files, vec![file("chart.svg", "e")]);
        assert_eq!(names(&files), ["chart.svg", "chart-2.svg", "notes", "notes-2", "chart-3.svg"]);
    }

    #[test]
    fn the_first_files_stay() {
        let mut files = vec![];
        keep(&mut files, (0..100).map(|at| file("chart.svg", &at.to_string())).collect());
        assert_eq!((files.len(), &*files[0].name), (FILES_MAX, "chart.svg"));
    }
}
