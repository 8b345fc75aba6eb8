//! Providers, their keys, and who answers for which model.

use crate::world::{World, world};
use caxton_config::server::{Llm, ProviderKind};
use caxton_types::FallbackMode;

const OPENAI: &str = "llm:\n  providers:\n    - {name: main, type: openai, model: gpt-x}\n";
const LOCAL: &str = "llm:\n  providers:\n    - {name: local, type: openai, base_url: 'http://localhost:11434/v1', model: qwen}\n";

fn llm(world: &World) -> Llm {
    world.loaded().config.llm
}

fn key(world: &World) -> Option<String> {
    llm(world).providers[0].api_key.as_ref().map(|key| key.expose().to_owned())
}

#[test]
fn without_providers_the_offline_one_answers() {
    let llm = llm(&world().env("OPENAI_API_KEY", "sk-1"));
    let [(provider, model)] = llm.chain("chat")[..] else { panic!("one answers") };
    assert_eq!((provider.kind, model), (ProviderKind::Offline, None), "a key in the environment configures nothing");
    assert!(llm.chain("other").is_empty());
}

#[test]
fn agents_name_what_they_need_and_the_configuration_who_gives_it() {
    let text = "llm:\n  default: main\n  providers:\n    - {name: other, type: anthropic, api_key: k, model: claude-x}\n    - {name: main, type: openai, api_key: k, model: gpt-x}\n  models:\n    reasoning: {provider: other, model: claude-y}\n    fast: {provider: main}\n";
    let llm = llm(&world().file("caxton.yaml", text));
    let check = |name: &str, provider: &str, model: &str| {
        let [(found, named)] = llm.chain(name)[..] else { panic!("{name}") };
        assert_eq!((&*found.name, named), (provider, Some(model)), "{name}");
    };
    check("chat", "main", "gpt-x");
    check("reasoning", "other", "claude-y");
    check("fast", "main", "gpt-x");
    assert_eq!(llm.model_names().into_iter().collect::<Vec<_>>(), ["chat", "fast", "reasoning"]);
    assert_eq!((llm.providers[0].max_attempts, llm.providers[0].timeout.to_string().as_str()), (3, "1m"));
}

const CHAINS: &str = "llm:
  fallback: {mode: ask}
  circuit_breaker: {threshold: 2, timeout: 1s}
  providers:
    - {name: main, type: openai, api_key: k, model: gpt-x}
    - {name: spare/eu, type: anthropic, api_key: k, model: claude-x}
  models:
    chat: {chain: [main, main/gpt/y, spare/eu]}
    exact: {chain: [main], fallback: {mode: off}}
  prices:
    main: {input: 0.40, output: $1.6}
    main/gpt/y: {input: 1, output: 2.50 USD}
";

#[test]
fn a_model_may_have_a_chain_of_providers_and_each_its_price() {
    let llm = llm(&world().file("caxton.yaml", CHAINS));
    let links: Vec<_> = llm.chain("chat").into_iter().map(|(provider, model)| format!("{} {}", provider.name, model.unwrap())).collect();
    assert_eq!(links, ["main gpt-x", "main gpt/y", "spare/eu claude-x"]);
    assert_eq!((llm.models["chat"].fallback, llm.models["exact"].fallback), (FallbackMode::Ask, FallbackMode::Off));
    let breaker = llm.circuit_breaker;
    assert_eq!((breaker.failures_max, breaker.open_for.as_secs(), breaker.open_for_max.as_secs()), (2, 1, 10));
    let prices: Vec<_> = llm.prices.iter().map(|(name, price)| format!("{name} {} {}", price.input, price.output)).collect();
    assert_eq!(prices, ["main $0.40 $1.60", "main/gpt/y $1.00 $2.50"]);
}

#[test]
fn keys_come_from_the_file_then_the_environment_then_the_secrets() {
    let secrets = "api_keys:\n  main: from-secrets\n";
    let with_secrets = |text: &str| {
        let text = format!("{text}security: {{secrets_file: secrets.yaml}}\n");
        world().file("caxton.yaml", &text).file_mode("secrets.yaml", secrets, 0o600)
    };
    assert_eq!(key(&with_secrets(OPENAI)).unwrap(), "from-secrets");
    assert_eq!(key(&with_secrets(OPENAI).env("OPENAI_API_KEY", "from-env")).unwrap(), "from-env");
    let named = OPENAI.replace("model: gpt-x", "model: gpt-x, api_key_env: MINE");
    assert_eq!(key(&with_secrets(&named).env("OPENAI_API_KEY", "from-env").env("MINE", "from-mine")).unwrap(), "from-mine");
    let inline = OPENAI.replace("model: gpt-x", "model: gpt-x, api_key: \"${KEY}\"");
    assert_eq!(key(&with_secrets(&inline).env("OPENAI_API_KEY", "from-env").env("KEY", "from-file")).unwrap(), "from-file");
}

#[test]
fn a_vendors_key_goes_to_no_other_address() {
    let local = world().file("caxton.yaml", LOCAL).env("OPENAI_API_KEY", "sk-1");
    assert_eq!(key(&local), None);
    let own = LOCAL.replace("http://localhost:11434", "https://api.openai.com");
    assert_eq!(key(&world().file("caxton.yaml", &own).env("OPENAI_API_KEY", "sk-1")).unwrap(), "sk-1");
    let clear = LOCAL.replace("localhost:11434", "models.example").replace("model: qwen", "model: qwen, api_key: sk-2");
    let loaded = world().file("caxton.yaml", &clear).loaded();
    assert!(loaded.warnings[0].to_string().contains("travels unprotected"));
}

#[test]
fn nothing_shows_a_key() {
    let inline = OPENAI.replace("model: gpt-x", "model: gpt-x, api_key: sk-inline");
    let worlds = [world().file("caxton.yaml", OPENAI).env("OPENAI_API_KEY", "sk-env"), world().file("caxton.yaml", &inline)];
    for world in worlds {
        let loaded = world.loaded();
        let text = format!("{loaded:?} {} {:?}", loaded.get(None).unwrap(), loaded.effective(None).unwrap());
        assert!(!text.contains("sk-"), "{text}");
        assert!(loaded.get(None).unwrap().to_string().contains("***"));
    }
    let broken = inline.replace("type: openai", "typo: openai");
    assert!(!world().file("caxton.yaml", &broken).error().contains("sk-"));
}
