//! The closing line of a test run: nextest's own, or the sum of what each test binary said.

/// Whether this is the line with which nextest ends.
pub(super) fn is_nextest(line: &str) -> bool {
    line.trim_start().starts_with("Summary [")
}

/// Whether this is the line with which one test binary ends.
pub(super) fn is_cargo(line: &str) -> bool {
    line.starts_with("test result: ")
}

/// One `test result:` line out of many. `None` when there was none, or one that cannot be read.
pub(super) fn add_up(lines: &[String]) -> Option<String> {
    let mut sum = Counts::default();
    for line in lines {
        sum.add(line)?;
    }
    let verdict = if sum.failed == 0 { "ok" } else { "FAILED" };
    let Counts { passed, failed, ignored, filtered_out } = sum;
    (!lines.is_empty())
        .then(|| format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; {filtered_out} filtered out"))
}

#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
}

impl Counts {
    fn add(&mut self, line: &str) -> Option<()> {
        let (_, counts) = line.split_once(". ")?;
        for part in counts.split("; ") {
            let Some((count, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let into = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                "filtered out" => &mut self.filtered_out,
                _ => continue,
            };
            *into += count.parse::<u64>().ok()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_up_lines(lines: &[&str]) -> Option<String> {
        add_up(&lines.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn results_of_test_binaries_add_up() {
        let one = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s";
        let two = "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        assert_eq!(add_up_lines(&[one]).as_deref(), Some("test result: ok. 3 passed; 0 failed; 0 ignored; 1 filtered out"));
        assert_eq!(add_up_lines(&[one, two]).as_deref(), Some("test result: FAILED. 5 passed; 1 failed; 0 ignored; 1 filtered out"));
        assert_eq!(add_up_lines(&[]), None);
        assert_eq!(add_up_lines(&["test result: ok. many passed; 0 failed"]), None);
    }

    #[test]
    fn closing_lines_are_told_from_others() {
        assert!(is_nextest("     Summary [   1.2s] 123 tests run: 123 passed, 0 skipped"));
        assert!(!is_nextest("        PASS [   0.1s] caxton::it summary"));
        assert!(is_cargo("test result: ok. 1 passed; 0 failed"));
        assert!(!is_cargo("test results ... ok"));
    }
}
