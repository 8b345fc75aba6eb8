//! Who is deployed in a workspace and what they offer: the table that addresses are resolved in.

use caxton_store::AgentRow;
use caxton_types::{
    Address, AgentName, Route,
    error::{AgentError, RoutingError},
    nearest,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use tokio::sync::Semaphore;

/// The agents of one workspace as of one deployment; replaced whole, never changed.
#[derive(Debug, Default)]
pub struct Registry {
    agents: BTreeMap<AgentName, Arc<Semaphore>>,
    /// Labels and phrases, folded, to the agents that offer them.
    offers: HashMap<Box<str>, Vec<AgentName>>,
    /// Words of labels and phrases to the agents that offer them.
    words: HashMap<Box<str>, BTreeSet<AgentName>>,
}

impl Registry {
    /// Builds the table; mailboxes of agents that stay are carried over, so that their bound keeps counting.
    pub(crate) fn build(rows: &[AgentRow], previous: &Self, mailbox_len_max: usize) -> Self {
        let mut registry = Self::default();
        for row in rows {
            let mailbox = previous.agents.get(&row.name).map_or_else(|| Arc::new(Semaphore::new(mailbox_len_max)), Arc::clone);
            registry.agents.insert(row.name.clone(), mailbox);
            for capability in &row.spec.capabilities {
                for offer in std::iter::once(capability.label.as_str()).chain(capability.phrases.iter().map(|phrase| &**phrase)) {
                    registry.offer(&row.name, offer);
                }
            }
        }
        registry
    }

    fn offer(&mut self, agent: &AgentName, text: &str) {
        let agents = self.offers.entry(folded(text)).or_default();
        if !agents.contains(agent) {
            agents.push(agent.clone());
        }
        for word in words(text) {
            self.words.entry(word).or_default().insert(agent.clone());
        }
    }

    /// The number of agents.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether nobody is deployed.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    pub(crate) fn mailbox(&self, agent: &AgentName) -> Option<&Arc<Semaphore>> {
        self.agents.get(agent)
    }

    /// The agent that an address means, and how that was found: by name, by an offered label or phrase, by its words.
    pub(crate) fn resolve(&self, address: &Address) -> Result<(AgentName, Route), Unresolved> {
        match address {
            Address::Agent(name) if self.agents.contains_key(name) => Ok((name.clone(), Route::Direct)),
            Address::Agent(name) => {
                let nearest = nearest(name.as_str(), self.agents.keys().map(AgentName::as_str));
                Err(AgentError::NotFound {
                    name: name.as_str().into(),
                    nearest: nearest.and_then(|n| n.parse().ok()).into_iter().collect(),
                }
                .into())
            }
            Address::Capability(text) => self.resolve_capability(text),
            Address::Topic(_) | Address::All | Address::Client(_) => Err(Unresolved::Address(address.clone())),
        }
    }

    fn resolve_capability(&self, text: &str) -> Result<(AgentName, Route), Unresolved> {
        if let Some(agent) = self.offers.get(&folded(text)).and_then(|agents| agents.first()) {
            return Ok((agent.clone(), Route::Capability));
        }
        // Rare words tell more: each word counts by how few agents offer it.
        let mut scores: BTreeMap<&AgentName, f64> = BTreeMap::new();
        #[expect(clippy::cast_precision_loss, reason = "a workspace has far fewer than 2^52 agents")]
        for agents in words(text).iter().filter_map(|word| self.words.get(word)) {
            let weight = (1.0 + self.agents.len() as f64 / agents.len() as f64).ln();
            for agent in agents {
                *scores.entry(agent).or_default() += weight;
            }
        }
        let best = scores.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(agent, _)| (agent.clone(), Route::Keyword)).ok_or_else(|| {
            let offered = self.offers.keys().map(|offer| &**offer);
            let mut nearest: Vec<Box<str>> = nearest(text, offered.clone()).map(Into::into).into_iter().collect();
            if nearest.is_empty() {
                nearest = offered.map(Into::into).collect::<BTreeSet<Box<str>>>().into_iter().take(5).collect();
            }
            RoutingError::NoRoute { capability: text.into(), nearest }.into()
        })
    }
}

/// Why an address means nobody.
#[derive(Debug)]
pub(crate) enum Unresolved {
    Agent(AgentError),
    Routing(RoutingError),
    Address(Address),
}

impl From<AgentError> for Unresolved {
    fn from(error: AgentError) -> Self {
        Self::Agent(error)
    }
}

impl From<RoutingError> for Unresolved {
    fn from(error: RoutingError) -> Self {
        Self::Routing(error)
    }
}

/// `Data_Analysis` and `data analysis` are the same offer.
fn folded(text: &str) -> Box<str> {
    words_of(text).collect::<Vec<_>>().join("-").into()
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The telling words, in a rough stem so that `analyze` meets `analyzing` and `report` meets `reports`.
fn words(text: &str) -> BTreeSet<Box<str>> {
    const TELLING_NOTHING: [&str; 18] = [
        "the", "and", "for", "with", "that", "this", "from", "into", "can", "you", "who", "what", "please", "some", "any", "are", "how",
        "our",
    ];
    let stem = |word: String| -> Box<str> {
        let stem = [
            "ization", "ations", "ation", "izing", "izes", "ized", "ize", "yses", "ysis", "yzing", "yzes", "yzed", "yze", "ings", "ing",
            "ies", "ers", "er", "es", "ed", "s", "y", "e",
        ]
        .into_iter()
        .find_map(|suffix| word.strip_suffix(suffix).filter(|stem| stem.len() >= 3));
        stem.map_or_else(|| word.as_str().into(), Into::into)
    };
    words_of(text).filter(|word| word.len() > 2 && !TELLING_NOTHING.contains(&word.as_str())).map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(agents: &[(&str, &[&str])]) -> Registry {
        let mut registry = Registry::default();
        for (name, offers) in agents {
            let name: AgentName = name.parse().unwrap();
            registry.agents.insert(name.clone(), Arc::new(Semaphore::new(1)));
            offers.iter().for_each(|offer| registry.offer(&name, offer));
        }
        registry
    }

    fn check(registry: &Registry, address: &str, expected: Result<(&str, Route), &str>) {
        let found = registry.resolve(&address.parse().unwrap());
        match (found, expected) {
            (Ok((agent, route)), Ok(expected)) => assert_eq!((agent.as_str(), route), expected, "{address}"),
            (Err(Unresolved::Agent(error)), Err(text)) => assert_eq!(format!("{error:?}"), text),
            (Err(Unresolved::Routing(error)), Err(text)) => assert_eq!(format!("{error:?}"), text),
            (found, expected) => panic!("{address}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn addresses_resolve_by_name_then_offer_then_words() {
        let registry = registry(&[
            ("analyst", &["data-analysis", "analyze data", "generate reports"]),
            ("writer", &["content-generation", "write articles", "write reports"]),
        ]);
        check(&registry, "agent:analyst", Ok(("analyst", Route::Direct)));
        check(&registry, "capability:data-analysis", Ok(("analyst", Route::Capability)));
        check(&registry, "capability:Data Analysis", Ok(("analyst", Route::Capability)));
        check(&registry, "capability:Write Articles", Ok(("writer", Route::Capability)));
        check(&registry, "capability:please analyse my data", Ok(("analyst", Route::Keyword)));
        check(&registry, "capability:an article about whales", Ok(("writer", Route::Keyword)));
        check(&registry, "agent:analist", Err(r#"NotFound { name: "analist", nearest: [AgentName("analyst")] }"#));
        check(&registry, "agent:zzz", Err(r#"NotFound { name: "zzz", nearest: [] }"#));
    }

    #[test]
    fn an_offer_that_nobody_makes_names_what_is_offered() {
        let registry = registry(&[("analyst", &["data-analysis"])]);
        check(&registry, "capability:dataanalysis", Err(r#"NoRoute { capability: "dataanalysis", nearest: ["data-analysis"] }"#));
        check(&registry, "capability:cook", Err(r#"NoRoute { capability: "cook", nearest: ["data-analysis"] }"#));
        check(&Registry::default(), "capability:cook", Err(r#"NoRoute { capability: "cook", nearest: [] }"#));
    }
}
