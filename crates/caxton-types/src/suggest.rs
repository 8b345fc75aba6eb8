//! "Did you mean …?"

/// What is longer is no slip of the pen, and comparing it would take long.
const LEN_MAX: usize = 128;

/// The candidate that `word` most likely means, if one is near enough to be worth suggesting.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const SIMILARITY_MIN: f64 = 0.7;
    if word.len() > LEN_MAX {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LEN_MAX)
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{LEN_MAX, nearest};

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let commands = ["agent", "deploy", "serve", "status"];
        assert_eq!(nearest("agents", commands), Some("agent"));
        assert_eq!(nearest("Depoly", commands), Some("deploy"));
        assert_eq!(nearest("xyzzy", commands), None);
        assert_eq!(nearest("", commands), None);
    }

    #[test]
    fn only_what_is_short_is_compared() {
        let [fits, long] = [LEN_MAX, LEN_MAX + 1].map(|len| "x".repeat(len));
        assert_eq!(nearest(&fits, [&*fits]), Some(&*fits));
        assert_eq!((nearest(&long, [&*fits]), nearest(&fits, [&*long])), (None, None));
    }
}
