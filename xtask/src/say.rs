//! The one door to the terminal: results on stdout, progress and problems on stderr.

/// Prints a line of a task's result.
#[expect(clippy::print_stdout, reason = "a task's result is what it prints")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a line about how a task is doing, or why it failed.
#[expect(clippy::print_stderr, reason = "progress and problems stay out of the result")]
pub(crate) fn problem(text: &str) {
    eprintln!("{text}");
}
