use super::*;
use crate::ApiKey;
use caxton_types::{Code, Fault, Money};

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
            ("fast".into(), route(&[("openai", Some("gpt-4.1-mini"))])),
            ("deep".into(), route(&[("claude", None)])),
            ("draft".into(), route(&[("routed", Some("small"))])),
            ("safe".into(), route(&[("openai", Some("gpt-4.1")), ("claude", Some("claude-opus-4-1")), ("spare", None)])),
        ]),
        default: Some("claude".into()),
        prices: BTreeMap::from([
            ("claude".into(), Price { input: dollars("2"), output: dollars("9") }),
            ("claude/claude-opus-4-1".into(), Price { input: dollars("1.5"), output: dollars("20") }),
        ]),
        ..Options::default()
    })
    .unwrap()
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

fn route(chain: &[(&str, Option<&str>)]) -> ModelRoute {
    let link = |(provider, model): &(&str, Option<&str>)| ModelLink { provider: (*provider).into(), model: model.map(Into::into) };
    ModelRoute { chain: chain.iter().map(link).collect(), fallback: FallbackMode::Auto }
}

fn resolved(models: &Models, name: &str) -> String {
    let shown = |chain: Chain<'_>| chain.links.iter().map(Link::shown).collect::<Vec<_>>().join(", ").replace('/', " ");
    models.inner.resolve(name).map_or_else(|error| format!("no: {error}"), shown)
}

#[test]
fn names_lead_to_providers_and_models() {
    let models = two();
    for (name, expected) in [
        ("chat", "claude claude-x"),
        ("", "claude claude-x"),
        ("fast", "openai gpt-4.1-mini"),
        ("mcp://safe", "openai gpt-4.1, claude claude-opus-4-1, spare planner"),
        ("deep", "claude claude-x"),
        ("openai", "openai gpt-x"),
        ("mcp://openai/chat", "openai gpt-x"),
        ("mcp://openai/gpt-5/turbo", "openai gpt-5 turbo"),
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
    assert_eq!(
        error.hint().unwrap(),
        "known here: `chat`, `deep`, `draft`, `fast`, `safe`, `openai/gpt-x`, `claude/claude-x`, `spare/planner`"
    );
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
    let models = |chain| Options { models: BTreeMap::from([("fast".into(), route(chain))]), ..Options::default() };
    for options in [
        Options { providers: twice, ..Options::default() },
        models(&[("offline", None), ("none", None)]),
        models(&[]),
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
fn prices_are_configured_or_the_vendors_own() {
    let models = two();
    let shown = |price: Price| format!("{} {}", price.input, price.output);
    for (name, expected) in [
        ("fast", "$0.40 $1.60"),
        ("deep", "$2.00 $9.00"),
        ("safe", "$2.00 $20.00"),
        ("spare", "$0.00 $0.00"),
        ("openai/gpt-9", "no price is known for `openai/gpt-9`"),
    ] {
        assert_eq!(models.prices_of(name).map_or_else(|error| error.to_string(), shown), expected, "{name}");
    }
    assert!(models.prices_of("nobody").is_err() && models.price("nobody", "gpt-4.1").is_none());
    let provider = ProviderOptions::new("local", ProviderKind::OpenAi { base_url: Some("http://localhost:1".into()) }, "gpt-4.1");
    let local = Models::new(Options { providers: vec![provider], ..Options::default() }).unwrap();
    let error = local.prices_of("chat").unwrap_err();
    assert_eq!(error, Error::PriceUnknown { model: "local/gpt-4.1".into() }, "a vendor's price says nothing of another server's");
}

#[test]
fn a_key_is_never_shown() {
    let options = ProviderOptions { api_key: Some(ApiKey::new("sk-secret")), ..ProviderOptions::new("a", ProviderKind::Offline, "") };
    assert!(!format!("{options:?}").contains("secret"));
    assert!(!format!("{:?}", two()).contains("\"k\""));
}
