//! `caxton tool import`: into the file that a server would read.

use super::Desk;
use anyhow::Result;
use std::fs;

const SERVERS: &str = r#"{"mcpServers": {"notes": {"command": "notes-server"}}}"#;

#[test]
fn servers_of_another_client_are_added_where_the_configuration_is_read_from() -> Result<()> {
    let desk = Desk::without_server()?;
    desk.good("", &["init", "shop"])?;
    fs::write(desk.path("mcp.json"), SERVERS)?;
    // The workspace's own `caxton.toml` is no configuration of a server.
    let said = desk.good("shop", &["tool", "import", "../mcp.json"])?;
    assert!(said.contains("caxton.yaml: notes added"), "{said}");
    let shown = desk.good("shop", &["config", "get"])?;
    assert!(shown.contains("notes-server"), "{shown}");

    let again = desk.run("shop", &["tool", "import", "../mcp.json"])?;
    assert!(again.code != 0 && again.err.contains("has `integrations` already"), "{}", again.err);

    // Another file, by its variable.
    fs::write(desk.path("other.yaml"), "server:\n  port: 0\n")?;
    let mut command = desk.command(&crate::binary::caxton(), "shop");
    let output = command.args(["tool", "import", "../mcp.json"]).env("CAXTON_CONFIG", desk.path("other.yaml")).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_to_string(desk.path("other.yaml"))?.contains("notes-server"));
    Ok(())
}
