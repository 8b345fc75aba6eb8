//! Results as `JUnit` XML, the form that build servers read.

use super::report::Verdict;
use std::{fmt::Write as _, time::Duration};

pub(super) fn write(verdicts: &[Verdict], took: Duration) -> String {
    let failures = |verdicts: &[Verdict]| verdicts.iter().filter(|verdict| !verdict.passed).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failed) = (verdicts.len(), failures(verdicts));
    let _ = writeln!(
        xml,
        "<testsuites name=\"caxton test\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{:.3}\">",
        took.as_secs_f64()
    );
    for of_file in verdicts.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = of_file.first() else { continue };
        let seconds: f64 = of_file.iter().map(|verdict| verdict.took_ms / 1e3).sum();
        let (tests, failed) = (of_file.len(), failures(of_file));
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">",
            escape(&first.file)
        );
        for verdict in of_file {
            case(&mut xml, verdict);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, verdict: &Verdict) {
    let (name, file, suite) = (escape(&verdict.name), escape(&verdict.file), escape(&verdict.suite));
    let (line, seconds) = (verdict.line, verdict.took_ms / 1e3);
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{suite}.{file}\" file=\"{file}\" line=\"{line}\" time=\"{seconds:.3}\"");
    let Some(first) = verdict.misses.first() else {
        xml.push_str("/>\n");
        return;
    };
    let message = escape(first.lines().next().unwrap_or_default());
    let _ = writeln!(xml, ">\n      <failure message=\"{message}\">{}</failure>\n    </testcase>", escape(&verdict.misses.join("\n")));
}

/// Text as XML 1.0 can hold it; what it cannot hold at all becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
