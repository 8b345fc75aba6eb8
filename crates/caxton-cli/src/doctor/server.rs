//! The server: whether one has the data directory, whether it answers, whether its port is free.

use super::report::Finding;
use caxton_api::{Health, HealthStatus, McpServerView};
use caxton_config::server::ServerConfig;
use caxton_store::inspect::Holder;
use caxton_types::Fault as _;

/// The most changed tools of one MCP server that are named.
const TOOLS_TOLD: usize = 5;

/// Who has the data directory, and what answers at the address.
pub(super) fn running(holder: Holder, health: Option<&Health>, url: &str) -> Finding {
    const CHECK: &str = "server";
    let pid = |health: &Health| health.components.get("server").and_then(|server| server.figures.get("pid")).copied();
    let named = |pid: Option<u32>| pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
    match (holder, health) {
        (Holder::Nobody, None) => Finding::info(CHECK, format!("none has the data directory, and none answers at {url}")),
        (Holder::Nobody, Some(_)) => Finding::warn(
            CHECK,
            format!("the one that answers at {url} works on another data directory"),
            "name its configuration with `--config FILE`, or its directory with `--data-dir DIR`",
        ),
        (Holder::Process(process), None) => Finding::warn(
            CHECK,
            format!("{} has the data directory, and nothing answers at {url}", named(process)),
            "name its address with `--server URL`; if that is right, its log tells more",
        ),
        (Holder::Process(Some(process)), Some(health)) if pid(health).is_some_and(|pid| pid != u64::from(process)) => Finding::warn(
            CHECK,
            format!("process {process} has the data directory, and another server answers at {url}"),
            "name the address of the one that is meant with `--server URL`",
        ),
        (Holder::Process(process), Some(health)) => well(health, &named(process), url),
    }
}

fn well(health: &Health, process: &str, url: &str) -> Finding {
    let unwell = health.components.iter().filter(|(_, part)| part.status != HealthStatus::Ok);
    let unwell: Vec<String> = unwell.map(|(name, part)| format!("{name}: {}", part.detail)).collect();
    let detail = format!("{process} answers at {url}, version {}", health.version);
    let todo = "`caxton health` shows each part, the server's log tells more";
    match health.status {
        HealthStatus::Ok => Finding::ok("server", detail),
        HealthStatus::Degraded => Finding::warn("server", format!("{detail}\n{}", unwell.join("\n")), todo),
        HealthStatus::Down => Finding::fail("server", format!("{detail}\n{}", unwell.join("\n")), todo),
    }
}

/// The MCP servers of others with tools that are not what was first seen of them.
pub(super) fn changed_tools(servers: &[McpServerView]) -> Option<Finding> {
    let changed = servers.iter().filter(|server| !server.changed.is_empty());
    let changed: Vec<String> = changed.map(|server| format!("`{}` has changed {}", server.name, named(&server.changed))).collect();
    let todo = "`caxton tool inspect TOOL` shows one, `caxton tool accept SERVER` takes a server's tools as they are";
    (!changed.is_empty()).then(|| Finding::warn("mcp servers", changed.join("\n"), todo))
}

/// The first of the tools, and how many there are beside them.
fn named(tools: &[String]) -> String {
    let (first, others) = tools.split_at(tools.len().min(TOOLS_TOLD));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    format!("{}{more}", first.join(", "))
}

/// Whether a server could listen; one that runs has its port.
pub(super) async fn port(config: &ServerConfig) -> Finding {
    const CHECK: &str = "port";
    match caxton_server::free_port(config).await {
        Ok(addr) => Finding::ok(CHECK, format!("{addr} is free")),
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| "choose another one with `server.port`".to_owned());
            Finding::fail(CHECK, error.to_string(), hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::Verdict, *};
    use caxton_api::ComponentHealth;
    use std::collections::BTreeMap;

    fn health(status: HealthStatus, pid: u64) -> Health {
        let part = ComponentHealth { status, detail: "so it is".into(), figures: BTreeMap::from([("pid".into(), pid)]) };
        Health { status, version: "1.0.0".into(), components: BTreeMap::from([("server".into(), part)]) }
    }

    #[test]
    fn who_holds_and_who_answers_are_put_together() {
        let (held, ours) = (Holder::Process(Some(7)), health(HealthStatus::Ok, 7));
        let check = |holder, health: Option<&Health>, verdict, part: &str| {
            let finding = running(holder, health, "http://x");
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.detail.contains(part), "{finding:?}");
        };
        check(Holder::Nobody, None, Verdict::Info, "none answers");
        check(Holder::Nobody, Some(&ours), Verdict::Warn, "another data directory");
        check(held, None, Verdict::Warn, "nothing answers");
        check(held, Some(&ours), Verdict::Ok, "process 7 answers at http://x, version 1.0.0");
        check(held, Some(&health(HealthStatus::Ok, 8)), Verdict::Warn, "another server answers");
        check(held, Some(&health(HealthStatus::Degraded, 7)), Verdict::Warn, "server: so it is");
        check(Holder::Process(None), Some(&health(HealthStatus::Down, 7)), Verdict::Fail, "a process answers");
    }

    #[test]
    fn servers_with_changed_tools_are_named_with_the_first_of_them() {
        let server = |name: &str, changed: usize| -> McpServerView {
            let changed: Vec<String> = (0..changed).map(|tool| format!("{name}/t{tool}")).collect();
            let since = "2026-01-01T00:00:00Z";
            let view = serde_json::json!({"name": name, "place": "x", "state": "up", "since": since, "breaker": "closed", "tools": [],
                "changed": changed, "left_out": []});
            serde_json::from_value(view).unwrap()
        };
        assert_eq!(changed_tools(&[server("a", 0)]), None);
        let finding = changed_tools(&[server("a", 1), server("b", 0), server("c", 7)]).unwrap();
        assert_eq!(finding.verdict, Verdict::Warn);
        assert_eq!(finding.detail, "`a` has changed a/t0\n`c` has changed c/t0, c/t1, c/t2, c/t3, c/t4 and 2 more");
    }
}
