//! Who recalls what.

use crate::support::{BOTH, agent, event, open};
use caxton_store::{Batch, MemoryQuery, ObservationFilter, Store, Workspace};
use caxton_types::{Fact, Observation, Scope, WorkspaceName};
use proptest::prelude::*;

async fn remember(workspace: &Workspace, who: &str, scope: Scope, entity: &str, text: &str) {
    let observation = Observation { entity: entity.into(), kind: "fact".into(), text: text.into(), scope, agent: agent(who) };
    workspace.commit(Batch::of(vec![event(Fact::ObservationStored { observation })])).await.unwrap();
}

async fn recall(workspace: &Workspace, who: &str, scope: Scope, words: &[&str]) -> Vec<String> {
    let terms = words.iter().map(ToString::to_string).collect();
    let query = MemoryQuery { terms, agent: Some(agent(who)), scopes: scope.up_to().to_vec(), limit: 10 };
    workspace.search_memory(query).await.unwrap().into_iter().map(|found| found.text).collect()
}

fn other(store: &Store) -> Workspace {
    store.workspace(&"other".parse::<WorkspaceName>().unwrap()).unwrap()
}

#[tokio::test]
async fn nobody_recalls_what_is_not_theirs() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (store, here) = open(dir.path(), durability);
        let there = other(&store);
        remember(&here, "ann", Scope::Agent, "secret", "the secret of ann here").await;
        remember(&here, "bob", Scope::Agent, "secret", "the secret of bob here").await;
        remember(&here, "ann", Scope::Workspace, "plan", "the secret plan here").await;
        remember(&here, "ann", Scope::Global, "law", "the secret law").await;
        remember(&there, "ann", Scope::Agent, "secret", "the secret of ann there").await;
        remember(&there, "ann", Scope::Workspace, "plan", "the secret plan there").await;

        let check = async |workspace: &Workspace, who: &str, scope: Scope, expected: &[&str]| {
            let mut found = recall(workspace, who, scope, &["secret"]).await;
            found.sort();
            assert_eq!(found, expected, "{durability} {who} {scope:?}");
        };
        check(&here, "ann", Scope::Agent, &["the secret of ann here"]).await;
        check(&here, "bob", Scope::Agent, &["the secret of bob here"]).await;
        check(&here, "eve", Scope::Agent, &[]).await;
        check(&here, "bob", Scope::Workspace, &["the secret of bob here", "the secret plan here"]).await;
        check(&here, "eve", Scope::Global, &["the secret law", "the secret plan here"]).await;
        check(&there, "ann", Scope::Global, &["the secret law", "the secret of ann there", "the secret plan there"]).await;

        let listed = here.observations(ObservationFilter { agent: Some(agent("ann")), ..ObservationFilter::default() }).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(), ["the secret plan here", "the secret of ann here"]);
    }
}

#[tokio::test]
async fn the_best_match_comes_first_with_its_score() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        for place in 0..20 {
            remember(&workspace, "ann", Scope::Workspace, "filler", &format!("nothing of note happened on day {place}")).await;
        }
        remember(&workspace, "ann", Scope::Workspace, "latitude", "the mean latitude of all zones was 31.5 degrees").await;
        remember(&workspace, "ann", Scope::Workspace, "offset", "most zones have one offset").await;
        let query = MemoryQuery {
            terms: vec!["latitudes".into(), "zone".into()],
            agent: Some(agent("bob")),
            scopes: Scope::Workspace.up_to().to_vec(),
            limit: 5,
        };
        let found = workspace.search_memory(query).await.unwrap();
        assert_eq!(found.iter().map(|one| &*one.entity).collect::<Vec<_>>(), ["latitude", "offset"], "stems match");
        assert!(found[0].lexical > found[1].lexical && found[1].lexical > 0.0, "{found:?}");
        assert_eq!(found[0].scope, Scope::Workspace);

        let terms = ["nothing", "Zones", "day note", "unheard", "", "!?"].map(String::from);
        assert_eq!(workspace.term_counts(&terms).await.unwrap(), [20, 2, 20, 0, 0, 0]);
    }
}

#[tokio::test]
async fn no_word_is_an_operator() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        remember(&workspace, "ann", Scope::Workspace, "note", "she said \"hello\" AND left; 100% of café (it's) NEAR*").await;
        remember(&workspace, "bob", Scope::Agent, "note", "hello from bob").await;
        for word in ["\"hello\"", "hello", "CAFE", "café", "AND", "it's", "100%", "near*"] {
            assert_eq!(recall(&workspace, "ann", Scope::Workspace, &[word]).await.len(), 1, "{word}");
        }
        for word in ["name:", "body: hello", "bob\" OR \"hello", "^*", "hello) OR (bob", "-", "", "\0", "NOT"] {
            let found = recall(&workspace, "ann", Scope::Workspace, &[word]).await;
            assert!(found.iter().all(|text| !text.contains("from bob")), "{word}: {found:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_words_are_looked_for_without_an_error(words in prop::collection::vec(any::<String>(), 0..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (_store, workspace) = open(dir.path(), caxton_types::Durability::Memory);
            remember(&workspace, "ann", Scope::Agent, "e", "a text").await;
            let found = recall(&workspace, "bob", Scope::Global, &words.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert!(found.is_empty());
            assert_eq!(workspace.term_counts(&words).await.unwrap().len(), words.len());
        });
    }
}
