//! Questions about calls that the later era carries back to us: each is known by a word that nobody can guess, and answered once.

use caxton_types::Digest;
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// The most questions that are open at the same time. The oldest gives way: its client is asked again.
const OPEN_MAX: usize = 4096;
/// How long somebody may think about one.
const PATIENCE: Duration = Duration::from_mins(10);

/// The open questions of one server. They end with it, so that after a restart a client is asked again.
#[derive(Debug, Default)]
pub(crate) struct Consents(Mutex<HashMap<Uuid, Open>>);

#[derive(Debug)]
struct Open {
    /// What exactly was asked, and of whom.
    subject: Digest,
    until: Instant,
}

impl Consents {
    /// A word for a question that is put now.
    pub(super) fn open(&self, subject: Digest) -> String {
        let (now, word) = (Instant::now(), Uuid::new_v4());
        let mut open = self.0.lock();
        if open.len() >= OPEN_MAX {
            open.retain(|_, question| question.until > now);
        }
        if open.len() >= OPEN_MAX {
            let oldest = open.iter().min_by_key(|(_, question)| question.until).map(|(word, _)| *word);
            oldest.and_then(|word| open.remove(&word));
        }
        open.insert(word, Open { subject, until: now + PATIENCE });
        word.to_string()
    }

    /// Whether this word was given for this very question, and not taken yet. It is no good for a second time, whatever comes of it.
    pub(super) fn take(&self, word: &str, subject: Digest) -> bool {
        let Ok(word) = word.parse::<Uuid>() else { return false };
        self.0.lock().remove(&word).is_some_and(|question| question.subject == subject && question.until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(call: &str) -> Digest {
        Digest::of(call.as_bytes())
    }

    #[test]
    fn a_word_is_good_once_and_for_its_question_only() {
        let consents = Consents::default();
        let word = consents.open(about("pay 5"));
        assert!(consents.take(&word, about("pay 5")));
        assert!(!consents.take(&word, about("pay 5")), "a second time");
        let word = consents.open(about("pay 5"));
        assert!(!consents.take(&word, about("pay 500")), "another call");
        assert!(!consents.take(&word, about("pay 5")), "it was tried out");
        for made_up in [about("pay 5").to_string(), Uuid::new_v4().to_string(), String::new()] {
            assert!(!consents.take(&made_up, about("pay 5")), "{made_up}");
        }
    }

    #[test]
    fn the_oldest_question_gives_way() {
        let consents = Consents::default();
        let words: Vec<_> = (0..=OPEN_MAX).map(|_| consents.open(about("x"))).collect();
        assert_eq!(consents.0.lock().len(), OPEN_MAX);
        assert!(consents.take(&words[OPEN_MAX], about("x")));
    }
}
