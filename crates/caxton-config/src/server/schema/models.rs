//! Keys of models, their providers and prices, and of budgets.

use super::{HOUR, Key, Kind, SECOND, Words, cap, key, words};
use caxton_types::Quantity;

static PROVIDER: Words = words(&["openai", "anthropic", "offline"]);
static FALLBACK: Words = words(&["auto", "ask", "off"]);

pub(super) static KEYS: &[Key] = &[
    key(
        "llm.default",
        Kind::Text,
        "",
        "openai",
        "Provider of the model `chat` where `llm.models` has no entry for it; the first one listed otherwise.",
    ),
    key(
        "llm.fallback.mode",
        Kind::Choice(&FALLBACK),
        "auto",
        "ask",
        "When a provider of a chain fails: `auto` asks the next one, `ask` asks it once somebody agrees, `off` lets the failure stand.",
    ),
    key("llm.circuit_breaker.threshold", Kind::Whole(1, 1000), "5", "3", "After so many failures in a row a provider is left alone."),
    key(
        "llm.circuit_breaker.timeout",
        Kind::Time(100, HOUR),
        "30s",
        "10s",
        "How long it is left alone; each further time in a row so much longer, up to ten times as long.",
    ),
    key("llm.providers[].name", Kind::Text, "", "openai", "Name by which the rest of the configuration knows the provider."),
    key("llm.providers[].type", Kind::Choice(&PROVIDER), "", "openai", "`openai` is anything that speaks OpenAI's protocol."),
    key("llm.providers[].base_url", Kind::Url, "", "http://localhost:11434/v1", "Where it listens; the vendor's own address otherwise."),
    key("llm.providers[].api_key", Kind::Secret, "", "${OPENAI_API_KEY}", "Its key; name a variable, never write the key itself."),
    key("llm.providers[].api_key_env", Kind::Text, "", "MY_OPENAI_KEY", "Environment variable that holds its key."),
    key("llm.providers[].model", Kind::Text, "", "gpt-4.1-mini", "The vendor's name of the model that it is asked for."),
    key("llm.providers[].timeout", Kind::Time(SECOND, HOUR), "60s", "2m", "Longest wait for one answer."),
    key("llm.providers[].max_attempts", Kind::Whole(1, 10), "3", "5", "How often a call is tried in all."),
    key("llm.models.*.provider", Kind::Text, "", "anthropic", "Provider that answers for the model of this name."),
    key("llm.models.*.model", Kind::Text, "", "claude-sonnet-4-5", "The vendor's name of the model; the provider's `model` otherwise."),
    key(
        "llm.models.*.chain",
        Kind::Texts,
        "",
        "[openai, claude/claude-sonnet-4-5]",
        "Who answers instead of one `provider`: each `PROVIDER` or `PROVIDER/MODEL` where those before it did not; at most 8.",
    ),
    key("llm.models.*.fallback.mode", Kind::Choice(&FALLBACK), "", "off", "`llm.fallback.mode` for the model of this name."),
    key(
        "llm.prices.*.input",
        Kind::Money,
        "",
        "$2.00",
        "Price of a million tokens read; the name is a `PROVIDER/MODEL`, a vendor's model or a provider.",
    ),
    key("llm.prices.*.output", Kind::Money, "", "$8.00", "Price of a million tokens written."),
    cap("budgets.message.tokens", Quantity::Tokens, "50000", "Most tokens, read and written together, for one message."),
    cap("budgets.message.money", Quantity::Money, "$0.50", "Most money, for one message."),
    cap("budgets.message.tool_calls", Quantity::ToolCalls, "20", "Most calls of tools, for one message."),
    cap("budgets.message.steps", Quantity::Steps, "40", "Most calls of models and tools together, for one message."),
    cap("budgets.message.wall_time", Quantity::WallTime, "1m", "Most time at work, waits not counted, for one message."),
    cap(
        "budgets.conversation.tokens",
        Quantity::Tokens,
        "500000",
        "Most tokens, read and written together, for one conversation with all its agents.",
    ),
    cap("budgets.conversation.money", Quantity::Money, "$5.00", "Most money, for one conversation with all its agents."),
    cap("budgets.conversation.tool_calls", Quantity::ToolCalls, "200", "Most calls of tools, for one conversation with all its agents."),
    cap(
        "budgets.conversation.steps",
        Quantity::Steps,
        "400",
        "Most calls of models and tools together, for one conversation with all its agents.",
    ),
    cap(
        "budgets.conversation.wall_time",
        Quantity::WallTime,
        "10m",
        "Most time at work, waits not counted, for one conversation with all its agents.",
    ),
    cap("budgets.agent_day.tokens", Quantity::Tokens, "5000000", "Most tokens, read and written together, for one agent on one day (UTC)."),
    cap("budgets.agent_day.money", Quantity::Money, "$20.00", "Most money, for one agent on one day (UTC)."),
    cap("budgets.agent_day.tool_calls", Quantity::ToolCalls, "5000", "Most calls of tools, for one agent on one day (UTC)."),
    cap("budgets.agent_day.steps", Quantity::Steps, "10000", "Most calls of models and tools together, for one agent on one day (UTC)."),
    cap("budgets.agent_day.wall_time", Quantity::WallTime, "2h", "Most time at work, waits not counted, for one agent on one day (UTC)."),
    cap(
        "budgets.workspace_day.tokens",
        Quantity::Tokens,
        "50000000",
        "Most tokens, read and written together, for one workspace on one day (UTC).",
    ),
    cap("budgets.workspace_day.money", Quantity::Money, "$100.00", "Most money, for one workspace on one day (UTC)."),
    cap("budgets.workspace_day.tool_calls", Quantity::ToolCalls, "50000", "Most calls of tools, for one workspace on one day (UTC)."),
    cap(
        "budgets.workspace_day.steps",
        Quantity::Steps,
        "100000",
        "Most calls of models and tools together, for one workspace on one day (UTC).",
    ),
    cap(
        "budgets.workspace_day.wall_time",
        Quantity::WallTime,
        "12h",
        "Most time at work, waits not counted, for one workspace on one day (UTC).",
    ),
];
