//! Both dialects, verbatim and by the table of what they share.

use caxton_config::agent::{parse, parse_with};
use caxton_types::{AgentSpec, ApprovalRule, Execution, MemorySpec, ModelSpec, Scope, ToolPolicy, TurnLimits};

fn spec(text: &str) -> AgentSpec {
    let parsed = parse(text, "agent.toml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parsed.lints, [], "{text}");
    parsed.spec
}

fn tools(spec: &AgentSpec) -> Vec<String> {
    spec.tools.iter().map(ToString::to_string).collect()
}

fn labels(spec: &AgentSpec) -> Vec<&str> {
    spec.capabilities.iter().map(|capability| capability.label.as_str()).collect()
}

#[test]
fn the_flat_example_loads_as_it_stands() {
    let parsed = parse(include_str!("../fixtures/agents/flat.toml"), "flat.toml").unwrap();
    let spec = &parsed.spec;
    assert_eq!((spec.name.as_str(), &*spec.display_name, &*spec.version), ("data-analyzer", "DataAnalyzer", "1.0.0"));
    assert_eq!(labels(spec), ["data-analysis", "report-generation"]);
    assert_eq!(tools(spec), ["http_client", "csv_parser", "chart_generator"]);
    assert!(spec.memory.enabled && spec.memory.scope == Scope::Workspace);
    assert!(spec.prompts.system.to_string().starts_with("You are a data analysis expert who"));
    let user = spec.prompts.user.as_ref().unwrap();
    assert_eq!(user.variables().into_iter().collect::<Vec<_>>(), ["context", "request", "requirements"]);
    assert!(spec.documentation.as_ref().unwrap().starts_with("# DataAnalyzer Agent"));
    let parameters: Vec<_> = spec.parameters.keys().map(String::as_str).collect();
    assert_eq!(parameters, ["max_file_size", "supported_formats"], "what `[parameters]` swallowed is not a parameter");
    let lints: Vec<_> = parsed.lints.iter().map(|lint| (lint.key.as_deref().unwrap(), lint.position.unwrap().line)).collect();
    assert_eq!(lints, [("system_prompt", 15), ("user_prompt_template", 21), ("documentation", 28)]);
}

#[test]
fn the_nested_example_loads_as_it_stands() {
    let spec = spec(include_str!("../fixtures/agents/nested.toml"));
    assert_eq!((spec.name.as_str(), &*spec.display_name, &*spec.version), ("data-analyzer", "Data Analysis Agent", "1.0.0"));
    assert_eq!(labels(&spec), ["analyze-data", "generate-reports", "statistical-analysis"]);
    assert_eq!(&*spec.capabilities[0].phrases[0], "analyze data");
    assert_eq!(tools(&spec), ["data-reader", "chart-generator", "stats-calculator"]);
    assert!(spec.prompts.system.to_string().contains("statistical analysis and clear"));
}

#[test]
fn a_name_and_a_prompt_are_enough() {
    let spec = spec("name = \"My Agent\"\nsystem_prompt = \"Help.\"\n");
    assert_eq!((spec.name.as_str(), &*spec.version), ("my-agent", "0.1.0"));
    assert_eq!((spec.memory, spec.model, spec.limits), (MemorySpec::default(), ModelSpec::default(), TurnLimits::default()));
}

#[test]
fn the_dialects_say_the_same() {
    let flat = "name = \"Sum Up\"\nversion = \"1.2.3\"\ncapabilities = [\"adding\"]\ntools = [\"calc/add\"]\nsystem_prompt = \"Add.\"\n\
        user_prompt_template = \"{{request}} {{unit}}\"\nmodel = \"reasoning\"\n[output_schema]\ntype = \"object\"\n[parameters]\nunit = \"m\"\n";
    let nested = "[agent]\nid = \"sum-up\"\nname = \"Sum Up\"\nversion = \"1.2.3\"\n[capabilities]\npatterns = [\"adding\"]\n[tools]\nrequired = [\"calc/add\"]\n\
        [prompts]\nsystem = \"Add.\"\nuser = \"{{request}} {{unit}}\"\n[model]\nname = \"reasoning\"\n[output]\nschema = '{\"type\": \"object\"}'\n\
        [parameters]\nunit = \"m\"\n";
    let (mut flat, mut nested) = (spec(flat), spec(nested));
    flat.capabilities.clear();
    nested.capabilities.clear();
    assert_eq!(flat, nested);
}

#[test]
fn both_dialects_say_how_tools_are_handled() {
    let policies = "\"bank/pay\"]\napproval = \"when-writing\"\nexecution = \"at_most_once\"\n";
    let flat = format!("name = \"Payer\"\ntools = [\"bank\"]\nsystem_prompt = \"Pay.\"\n[tool_policies.{policies}");
    let nested =
        format!("[agent]\nname = \"Payer\"\n[tools]\nrequired = [\"bank\"]\n[tools.policies.{policies}[prompts]\nsystem = \"Pay.\"\n");
    let [flat, nested] = [flat, nested].map(|text| spec(&text));
    assert_eq!(flat, nested);
    let policy = ToolPolicy { execution: Some(Execution::AtMostOnce), approval: Some(ApprovalRule::WhenWriting) };
    assert_eq!(flat.tool_policies, [("bank/pay".parse().unwrap(), policy)].into());
}

#[test]
fn every_table_is_read() {
    let spec = spec(
        "name = \"All\"\ndescription = \"d\"\nauthor = \"a\"\ntags = [\"x\"]\nsystem_prompt = \"{{parameters_of.deep}}\"\n\
        [memory]\nenabled = true\nscope = \"agent-only\"\nauto_store = false\nsearch_limit = 5\nmin_similarity = 0.5\n\
        [model]\nname = \"chat\"\ntemperature = 0\nmax_tokens = 100\n[tools]\nrequired = [\"a\"]\noptional = [\"b/c\"]\n\
        [limits]\nmodel_calls = 2\ntool_calls = 3\nconcurrent_tools = 1\ntokens = 1000\nwall_time = \"1m30s\"\ncontext_bytes = \"64KiB\"\n\
        [parameters.parameters_of]\ndeep = 1\n",
    );
    assert_eq!(spec.memory, MemorySpec { enabled: true, scope: Scope::Agent, auto_store: false, search_limit: 5, min_similarity: 0.5 });
    assert_eq!(spec.model, ModelSpec { name: "chat".into(), temperature: Some(0.0), max_tokens: 100 });
    assert_eq!(spec.optional_tools.len(), 1);
    assert_eq!((spec.limits.model_calls, spec.limits.wall_time.get().as_secs(), spec.limits.context_bytes), (2, 90, 65_536));
}

#[test]
fn prompts_stand_in_files_too() {
    let text = "name = \"Filed\"\n[prompts]\nsystem_file = \"prompts/system.md\"\nuser_file = \"prompts/user.md\"\n";
    let files = |path: &str| match path {
        "prompts/system.md" => Some("You help.\n".to_owned()),
        "prompts/user.md" => Some("Über {{ request }}\n{{reqest}}".to_owned()),
        _ => None,
    };
    let error = parse_with(text, "agents/filed/agent.toml", &files).unwrap_err().to_string();
    assert_eq!(
        error,
        "agents/filed/prompts/user.md:2:1: unknown variable `{{reqest}}`\n  |\n2 | {{reqest}}\n  | ^^^^^^^^^^\n  help: did you mean `{{request}}`?"
    );
    let fixed = |path: &str| files(path).map(|text| text.replace("reqest", "data"));
    assert_eq!(parse_with(text, "agent.toml", &fixed).unwrap().spec.prompts.system.to_string(), "You help.\n");
}
