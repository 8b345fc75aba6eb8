//! "Did you mean …?"

/// The candidate that `word` most likely means, if one is near enough to be worth suggesting.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const SIMILARITY_MIN: f64 = 0.7;
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let commands = ["agent", "deploy", "serve", "status"];
        assert_eq!(nearest("agents", commands), Some("agent"));
        assert_eq!(nearest("Depoly", commands), Some("deploy"));
        assert_eq!(nearest("xyzzy", commands), None);
        assert_eq!(nearest("", commands), None);
    }
}
