//! Who is deployed in a workspace and what they offer: the table that addresses are resolved in.

use caxton_store::AgentEntry;
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
    /// In order of their names.
    agents: Vec<Registered>,
    /// Labels and phrases, folded, to the agents that offer them.
    offers: HashMap<Box<str>, Vec<Place>>,
    /// Words of labels and phrases to the agents that offer them.
    words: HashMap<Box<str>, Vec<Place>>,
}

#[derive(Debug)]
struct Registered {
    name: AgentName,
    mailbox: Arc<Semaphore>,
}

/// An agent by its place in the registry: a name would be copied once for every word.
type Place = u32;

/// Offers taken apart: many agents make the same ones.
type Terms<'o> = HashMap<&'o str, (Box<str>, BTreeSet<Box<str>>)>;

impl Registry {
    /// Builds the table; mailboxes of agents that stay are carried over, so that their bound keeps counting.
    pub(crate) fn build(rows: &[AgentEntry], previous: &Self, mailbox_len_max: usize) -> Self {
        let mut rows: Vec<&AgentEntry> = rows.iter().collect();
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        let mut registry = Self { agents: Vec::with_capacity(rows.len()), ..Self::default() };
        let mut terms = Terms::default();
        for row in rows {
            let mailbox = previous.mailbox(&row.name).map_or_else(|| Arc::new(Semaphore::new(mailbox_len_max)), Arc::clone);
            let capabilities = row.capabilities.iter();
            let offers = capabilities
                .flat_map(|capability| std::iter::once(capability.label.as_str()).chain(capability.phrases.iter().map(|phrase| &**phrase)));
            registry.add(row.name.clone(), mailbox, offers, &mut terms);
        }
        registry
    }

    /// Adds an agent behind those whose names come before.
    fn add<'o>(&mut self, name: AgentName, mailbox: Arc<Semaphore>, offers: impl Iterator<Item = &'o str>, terms: &mut Terms<'o>) {
        let Ok(place) = Place::try_from(self.agents.len()) else { return };
        self.agents.push(Registered { name, mailbox });
        for offer in offers {
            let (folded, words) = terms.entry(offer).or_insert_with(|| (folded(offer), words(offer)));
            note(&mut self.offers, folded, place);
            for word in &*words {
                note(&mut self.words, word, place);
            }
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

    fn find(&self, name: &AgentName) -> Option<&Registered> {
        let at = self.agents.binary_search_by(|agent| agent.name.cmp(name)).ok()?;
        self.agents.get(at)
    }

    fn at(&self, place: Place) -> Option<AgentName> {
        self.agents.get(place as usize).map(|agent| agent.name.clone())
    }

    pub(crate) fn mailbox(&self, agent: &AgentName) -> Option<&Arc<Semaphore>> {
        self.find(agent).map(|agent| &agent.mailbox)
    }

    /// The agent that an address means, and how that was found: by name, by an offered label or phrase, by its words.
    pub(crate) fn resolve(&self, address: &Address) -> Result<(AgentName, Route), Unresolved> {
        match address {
            Address::Agent(name) if self.find(name).is_some() => Ok((name.clone(), Route::Direct)),
            Address::Agent(name) => {
                let nearest = nearest(name.as_str(), self.agents.iter().map(|agent| agent.name.as_str()));
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
        let offering = self.offers.get(&folded(text)).and_then(|agents| agents.first());
        if let Some(agent) = offering.and_then(|place| self.at(*place)) {
            return Ok((agent, Route::Capability));
        }
        // Rare words tell more: each word counts by how few agents offer it.
        let mut scores: BTreeMap<Place, f64> = BTreeMap::new();
        #[expect(clippy::cast_precision_loss, reason = "a workspace has far fewer than 2^52 agents")]
        for agents in words(text).iter().filter_map(|word| self.words.get(word)) {
            let weight = (1.0 + self.agents.len() as f64 / agents.len() as f64).ln();
            for place in agents {
                *scores.entry(*place).or_default() += weight;
            }
        }
        let best = scores.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.and_then(|(place, _)| self.at(place)).map(|agent| (agent, Route::Keyword)).ok_or_else(|| {
            let offered = self.offers.keys().map(|offer| &**offer);
            let mut nearest: Vec<Box<str>> = nearest(text, offered.clone()).map(Into::into).into_iter().collect();
            if nearest.is_empty() {
                nearest = offered.map(Into::into).collect::<BTreeSet<Box<str>>>().into_iter().take(5).collect();
            }
            RoutingError::NoRoute { capability: text.into(), nearest }.into()
        })
    }
}

/// Notes that an agent offers something. Agents are added one after the other, so that a second mention can only be the last one.
fn note(table: &mut HashMap<Box<str>, Vec<Place>>, key: &str, place: Place) {
    match table.get_mut(key) {
        Some(agents) if agents.last() == Some(&place) => {}
        Some(agents) => agents.push(place),
        None => drop(table.insert(key.into(), vec![place])),
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
            registry.add(name.parse().unwrap(), Arc::new(Semaphore::new(1)), offers.iter().copied(), &mut Terms::default());
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

    #[test]
    fn an_agent_is_noted_once_for_a_word_that_it_offers_twice() {
        let registry = registry(&[("analyst", &["data-analysis", "analyze data"]), ("keeper", &["keep data"])]);
        assert_eq!((&*registry.words["data"], &*registry.words["anal"]), (&[0, 1][..], &[0][..]));
    }
}
