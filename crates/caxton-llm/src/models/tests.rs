use super::*;
use crate::ApiKey;
use caxton_types::{Code, Fault};

fn two() -> Models {
    let provider =
        |name: &str, kind, model: &str| ProviderOptions { api_key: Some(ApiKey::new("k")), ..ProviderOptions::new(name, kind, model) };
    Models::new(Options {
        providers: vec![
            provider("openai", ProviderKind::OpenAi { base_url: None }, "gpt-x"),
            provider("claude", ProviderKind::Anthropic { base_url: None }, "claude-x"),
            provider("spare", ProviderKind::Offline, ""),
            provider("routed", ProviderKind::OpenAi { base_url: None }, ""),
        ],
        models: BTreeMap::from([
            ("fast".into(), ModelRoute { provider: "openai".into(), model: Some("gpt-mini".into()) }),
            ("deep".into(), ModelRoute { provider: "claude".into(), model: None }),
            ("draft".into(), ModelRoute { provider: "routed".into(), model: Some("small".into()) }),
        ]),
        default: Some("claude".into()),
    })
    .unwrap()
}

fn resolved(models: &Models, name: &str) -> String {
    models.inner.resolve(name).map_or_else(|error| format!("no: {error}"), |(entry, model)| format!("{} {model}", entry.provider.name()))
}

#[test]
fn names_lead_to_providers_and_models() {
    let models = two();
    for (name, expected) in [
        ("chat", "claude claude-x"),
        ("", "claude claude-x"),
        ("fast", "openai gpt-mini"),
        ("deep", "claude claude-x"),
        ("openai", "openai gpt-x"),
        ("mcp://openai/chat", "openai gpt-x"),
        ("mcp://openai/gpt-5/turbo", "openai gpt-5/turbo"),
        ("openai/gpt-7", "openai gpt-7"),
        ("gpt-x", "openai gpt-x"),
        ("spare", "spare planner"),
        ("draft", "routed small"),
        ("routed", "no: no model is configured under the name `routed`"),
        ("mcp://mistral/chat", "no: no model is configured under the name `mcp://mistral/chat`"),
        ("openai/", "no: no model is configured under the name `openai/`"),
    ] {
        assert_eq!(resolved(&models, name), expected, "{name}");
    }
    let error = models.check("slow").unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(error.hint().unwrap(), "known here: `chat`, `deep`, `draft`, `fast`, `openai/gpt-x`, `claude/claude-x`, `spare/planner`");
    let shown: Vec<_> = models.providers().into_iter().map(|status| format!("{} {} {}", status.name, status.kind, status.model)).collect();
    assert_eq!(shown, ["claude anthropic claude-x", "spare offline planner", "routed openai ", "openai openai gpt-x"]);
}

#[test]
fn without_providers_the_offline_one_answers_to_any_name() {
    let listed = Options { providers: vec![ProviderOptions::new("offline", ProviderKind::Offline, "")], ..Options::default() };
    for options in [Options::default(), listed] {
        let models = Models::new(options).unwrap();
        for name in ["chat", "mcp://openai/chat", "gpt-4"] {
            assert_eq!(resolved(&models, name), "offline planner");
        }
    }
}

#[test]
fn contradictions_are_refused() {
    let twice = ["a", "a"].map(|name| ProviderOptions::new(name, ProviderKind::Offline, "")).to_vec();
    let route = BTreeMap::from([("fast".into(), ModelRoute { provider: "none".into(), model: None })]);
    for options in [
        Options { providers: twice, ..Options::default() },
        Options { models: route, ..Options::default() },
        Options { default: Some("none".into()), ..Options::default() },
    ] {
        assert_eq!(Models::new(options).unwrap_err().code(), Code::Invalid);
    }
}

#[test]
fn a_provider_of_this_process_takes_over() {
    let models = Models::new(Options::default()).unwrap().with(Arc::new(Offline::new("script")));
    assert_eq!(resolved(&models, "chat"), "script script");
    assert!(models.check("gpt-4").is_err(), "names count as soon as a provider is there");
    let models = two().with(Arc::new(Offline::new("script")));
    assert_eq!((resolved(&models, "chat").as_str(), resolved(&models, "deep").as_str()), ("script script", "claude claude-x"));
}

#[test]
fn a_key_is_never_shown() {
    let options = ProviderOptions { api_key: Some(ApiKey::new("sk-secret")), ..ProviderOptions::new("a", ProviderKind::Offline, "") };
    assert!(!format!("{options:?}").contains("secret"));
    assert!(!format!("{:?}", two()).contains("\"k\""));
}
