//! Finds digests in texts: whatever looks like one counts as a reference, so that no kind of fact can be forgotten here.

use caxton_types::Digest;
use std::collections::HashMap;

/// The digits of a digest.
const DIGITS: usize = 64;

/// Content that nothing is known to name, with its size.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    unnamed: HashMap<Digest, u64>,
}

impl Marks {
    pub(crate) fn insert(&mut self, digest: Digest, size: u64) {
        self.unnamed.insert(digest, size);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unnamed.is_empty()
    }

    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.unnamed.contains_key(digest)
    }

    /// What is left, in order.
    pub(crate) fn rest(&self) -> Vec<(Digest, u64)> {
        let mut rest: Vec<_> = self.unnamed.iter().map(|(digest, size)| (*digest, *size)).collect();
        rest.sort_unstable();
        rest
    }

    /// Takes out everything that the text names, and returns it.
    pub(crate) fn take_named(&mut self, text: &[u8]) -> Vec<Digest> {
        if self.unnamed.is_empty() {
            return Vec::new();
        }
        let mut named = Vec::new();
        each_run(text, |run| {
            for window in run.windows(DIGITS) {
                let digest = std::str::from_utf8(window).ok().and_then(|text| text.parse().ok());
                if let Some(digest) = digest.filter(|digest| self.unnamed.remove(digest).is_some()) {
                    named.push(digest);
                }
            }
        });
        named
    }
}

/// Each longest piece of hexadecimal digits that may hold a digest. Looks at every 64th byte where there is none.
fn each_run<'t>(text: &'t [u8], mut found: impl FnMut(&'t [u8])) {
    let is_digit = |place: usize| text.get(place).is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut probe = DIGITS - 1;
    while probe < text.len() {
        if !is_digit(probe) {
            probe += DIGITS;
            continue;
        }
        let mut start = probe;
        while start > 0 && is_digit(start - 1) {
            start -= 1;
        }
        let mut end = probe + 1;
        while is_digit(end) {
            end += 1;
        }
        if end - start >= DIGITS {
            found(text.get(start..end).unwrap_or_default());
        }
        // The byte at `end` is no digit: a next run begins behind it.
        probe = end + DIGITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks(digests: &[Digest]) -> Marks {
        let mut marks = Marks::default();
        for digest in digests {
            marks.insert(*digest, 1);
        }
        marks
    }

    #[test]
    fn what_is_named_anywhere_is_found() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let text = format!(r#"{{"a":"sha256:{one}","b":"{two}{one}"}}"#);
        let mut all = marks(&[one, two, Digest::of(b"3")]);
        assert_eq!(all.take_named(text.as_bytes()).len(), 2);
        assert_eq!(all.rest(), [(Digest::of(b"3"), 1)]);
        assert!(marks(&[one]).take_named(&one.to_string().as_bytes()[1..]).is_empty());
    }

    proptest! {
        #[test]
        fn a_digest_is_found_wherever_it_stands(before in "[0-9a-fg\"]{0,200}", after in "[0-9a-fg\"]{0,200}", seed: u8) {
            let digest = Digest::of(&[seed]);
            let text = format!("{before}{digest}{after}");
            prop_assert_eq!(marks(&[digest]).take_named(text.as_bytes()), vec![digest]);
        }
    }
}
