//! Other people's MCP servers in the configuration.

use crate::world::{World, world};
use caxton_config::server::{ChangedTools, McpPlace, McpProtocol, McpServer};

fn servers(world: &World) -> Vec<McpServer> {
    world.loaded().config.mcp.servers
}

fn list(items: &str) -> World {
    let text = format!("security: {{secrets_file: secrets.yaml}}\nintegrations:\n  mcp:\n    servers:\n{items}");
    world().file("caxton.yaml", &text).file_mode("secrets.yaml", "mcp: {tickets: t0p, key: k3y}\n", 0o600)
}

fn error(items: &str) -> String {
    list(items).load().unwrap_err().to_string()
}

#[test]
fn the_servers_of_the_guide_are_read_as_they_stand() {
    let text = "integrations:\n  mcp:\n    enabled: true\n    servers:\n      - name: web_tools\n        url: http://localhost:3000\n        capabilities: [\"web_search\", \"web_fetch\"]\n";
    let [server] = &servers(&world().file("caxton.yaml", text))[..] else { panic!("one is there") };
    assert_eq!((&*server.name, server.capabilities.len(), server.protocol), ("web_tools", 2, McpProtocol::Auto));
    assert!(matches!(&server.place, McpPlace::Url { url, bearer: None, .. } if &**url == "http://localhost:3000"));
    assert!(server.trust_annotations);
    assert_eq!(server.changed_tools, ChangedTools::Warn);
}

#[test]
fn changed_tools_are_told_or_refused() {
    let [server] = &servers(&list("      - {name: a, command: b, changed_tools: refuse}\n"))[..] else { panic!("one is there") };
    assert_eq!(server.changed_tools, ChangedTools::Refuse);
    let wrong = error("      - {name: a, command: b, changed_tools: refused}\n");
    assert!(wrong.contains("`warn`") && wrong.contains("`refuse`"), "{wrong}");
}

#[test]
fn secrets_are_named_and_never_shown() {
    let world = list(
        "      - {name: a, url: 'https://a.example.com', bearer_secret: tickets, header_secrets: {X-Key: key}, headers: {X-Plain: p1ain}}\n      - {name: b, command: npx, args: [-y, b], env: {LEVEL: '${LEVEL:-d3bug}'}, env_secrets: {TOKEN: key}, cwd: work}\n",
    );
    let found = servers(&world);
    let McpPlace::Url { headers, bearer, .. } = &found[0].place else { panic!("{found:?}") };
    assert_eq!((bearer.as_ref().unwrap().expose(), headers["X-Key"].expose(), headers["X-Plain"].expose()), ("t0p", "k3y", "p1ain"));
    let McpPlace::Program { args, env, cwd, .. } = &found[1].place else { panic!("{found:?}") };
    assert_eq!((args.len(), env["LEVEL"].expose(), env["TOKEN"].expose()), (2, "d3bug", "k3y"));
    assert!(cwd.as_ref().unwrap().ends_with("work"));
    let shown = format!("{} {found:?}", world.loaded().get(Some("integrations.mcp")).unwrap());
    for secret in ["t0p", "k3y", "p1ain", "d3bug"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn mistakes_are_placed() {
    let check = |items: &str, place: &str, message: &str| {
        let text = error(items);
        let (at, said) = text.split_once(": ").unwrap();
        assert!(at.starts_with(&format!("caxton.yaml:{place}")) && said.starts_with(message), "{text}");
    };
    check("      - {name: a}\n", "5:", "the MCP server `a` is nowhere: it has neither `url` nor `command`");
    check("      - {name: a, url: 'http://x', command: y}\n", "5:", "the MCP server `a` has both `url` and `command`");
    check(
        "      - {name: a, command: y, bearer_secret: key}\n",
        "5:46",
        "the MCP server `a` has `command`: `bearer_secret` says nothing there",
    );
    check("      - {name: http_client, command: y}\n", "5:", "`http_client` is the name of a built-in tool");
    check("      - {name: a__b, command: y}\n", "5:", "`a__b` cannot name a tool server");
    check("      - {name: a, command: y}\n      - {name: a, command: z}\n", "6:", "the MCP server `a` is given twice");
    check("      - {name: a, url: 'http://localhost', bearer_secret: tickts}\n", "5:", "no secret is named `tickts`");
    check("      - {name: a, comand: y}\n", "5:", "unknown key `integrations.mcp.servers[0].comand`");
}

#[test]
fn a_secret_in_the_clear_is_worth_a_warning() {
    let warnings = |url: &str| list(&format!("      - {{name: a, url: '{url}', bearer_secret: key}}\n")).loaded().warnings.len();
    assert_eq!((warnings("http://mcp.example.com"), warnings("https://mcp.example.com"), warnings("http://localhost:1")), (1, 0, 0));
}
