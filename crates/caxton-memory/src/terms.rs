//! The words of a question that are worth looking for.

use std::collections::BTreeSet;

/// English words that tell nothing about what is asked.
const STOP_WORDS: [&str; 92] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but", "by", "can", "could",
    "did", "do", "does", "earlier", "find", "for", "found", "from", "give", "had", "has", "have", "he", "her", "him", "his", "how", "i",
    "if", "in", "into", "is", "it", "its", "just", "let", "me", "my", "no", "not", "now", "of", "on", "or", "our", "out", "please",
    "remember", "say", "she", "should", "show", "so", "some", "tell", "than", "that", "the", "their", "them", "then", "there", "these",
    "they", "this", "those", "to", "us", "was", "we", "were", "what", "when", "where", "which", "who", "whose", "why", "will", "with",
    "would", "you", "your",
];

/// The longest text that is looked at, in characters.
const QUERY_LEN_MAX: usize = 4096;

/// Distinct telling words in the order of the question; where there is none, whatever words there are.
pub(crate) fn telling(query: &str) -> Vec<String> {
    let head: String = query.chars().take(QUERY_LEN_MAX).collect();
    let mut seen = BTreeSet::new();
    let words: Vec<String> = head
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= 64)
        .map(str::to_lowercase)
        .filter(|word| seen.insert(word.clone()))
        .collect();
    let telling: Vec<String> = words.iter().filter(|word| STOP_WORDS.binary_search(&word.as_str()).is_err()).cloned().collect();
    if telling.is_empty() { words } else { telling }
}

/// The `len_max` words that occur most rarely. A word that is not counted comes last: its stem may still be found.
pub(crate) fn rarest(terms: Vec<String>, counts: &[u64], len_max: usize) -> Vec<String> {
    let mut counted: Vec<(u64, String)> = counts.iter().copied().zip(terms).collect();
    counted.sort_by_key(|(count, _)| if *count == 0 { u64::MAX } else { *count });
    counted.into_iter().take(len_max).map(|(_, term)| term).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn questions_shrink_to_their_telling_words() {
        assert_eq!(telling("What is the Mean of the latitude, the MEAN?"), ["mean", "latitude"]);
        assert_eq!(telling("what is it"), ["what", "is", "it"]);
        assert!(telling("?! -").is_empty());
        let terms = vec!["common".into(), "rare".into(), "absent".into()];
        assert_eq!(rarest(terms, &[900, 2, 0], 2), ["rare", "common"]);
    }

    proptest! {
        #[test]
        fn any_question_is_read_without_a_panic(query: String) {
            let terms = telling(&query);
            prop_assert!(rarest(terms.clone(), &vec![1; terms.len()], 3).len() <= 3);
        }
    }
}
