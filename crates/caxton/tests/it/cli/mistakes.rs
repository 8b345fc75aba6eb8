//! What goes wrong, and what is said then.

use super::Desk;
use anyhow::Result;
use std::fs;

/// Exit code and words of a command that must fail.
pub(super) fn failure(desk: &Desk, dir: &str, words: &[&str]) -> Result<String> {
    let ran = desk.run(dir, words)?;
    let output = if ran.out.is_empty() { "" } else { " with output" };
    Ok(desk.masked(&format!("$ caxton {}\n{}\n[exit {}]{output}\n", words.join(" "), ran.err.trim_end(), ran.code)))
}

#[tokio::test]
async fn mistakes_of_a_workspace() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let mut said = Vec::new();
    fs::create_dir(desk.path("plain"))?;
    said.push(failure(&desk, "plain", &["deploy"])?);
    fs::create_dir_all(desk.path("bare/agents"))?;
    fs::write(desk.path("bare/agents/sum.toml"), "name = \"sum\"\nversion = \"1.0.0\"\nsystem_prompt = \"You add.\"\n")?;
    said.push(failure(&desk, "bare", &["deploy"])?);

    let agent = desk.path("shop/agents/second.toml");
    let head = "name = \"second\"\nversion = \"1.0.0\"\n";
    for (what, text) in [
        ("malformed", "name = \"second\"\nversion = 1.0.0\n".to_owned()),
        ("unknown key", format!("{head}system_promt = \"You wait.\"\n")),
        ("unknown variable", format!("{head}system_prompt = \"You wait for {{{{reqest}}}}.\"\n")),
        ("missing prompt", head.to_owned()),
        ("unknown tool", format!("{head}system_prompt = \"You wait.\"\ntools = [\"csv-stat\"]\n")),
        ("unknown policy", format!("{head}system_prompt = \"You wait.\"\n[tool_policies.csv-stats]\napproval = \"allways\"\n")),
        (
            "policy for another tool",
            format!(
                "{head}system_prompt = \"You wait.\"\ntools = [\"csv-stats/stats\"]\n[tool_policies.\"csv-stats/stat\"]\napproval = \"always\"\n"
            ),
        ),
        ("same name twice", "name = \"analyzer\"\nversion = \"1.0.0\"\nsystem_prompt = \"You wait.\"\n".to_owned()),
    ] {
        fs::write(&agent, text)?;
        desk.commit("shop")?;
        said.push(format!("# {what}\n{}", failure(&desk, "shop", &["deploy"])?));
    }
    let status = desk.json("shop", &["status"])?;
    assert_eq!(status["version"], 1, "what was refused changed nothing");
    insta::assert_snapshot!("mistakes_of_a_workspace", said.join("\n\n"));
    Ok(())
}

#[test]
fn a_policy_for_a_tool_that_the_agent_does_not_have_is_a_warning_at_first() -> Result<()> {
    let desk = Desk::without_server()?;
    desk.good("", &["init", "shop"])?;
    let text =
        "name = \"payer\"\nsystem_prompt = \"You pay.\"\ntools = [\"http_client\"]\n[tool_policies.\"human/ask\"]\napproval = \"never\"\n";
    fs::write(desk.path("shop/agents/payer.toml"), text)?;
    let ran = desk.run("shop", &["agent", "validate"])?;
    let warning = "warning: agents/payer.toml:4:16: the agent has no tool `human/ask` to set a policy for";
    assert!(ran.code == 0 && format!("{}{}", ran.out, ran.err).contains(warning), "{}\n{}", ran.out, ran.err);
    Ok(())
}

#[tokio::test]
async fn mistakes_of_a_question() -> Result<()> {
    let desk = Desk::with_agent().await?;
    fs::write(desk.path("shop/broken.csv"), "a,b\n1,2\n")?;
    let said = [
        failure(&desk, "shop", &["ask", "analyser", "How many rows?"])?,
        failure(&desk, "shop", &["ask", "capability:flying", "How high?"])?,
        failure(&desk, "shop", &["ask", "analyzer", " "])?,
        failure(&desk, "shop", &["ask", "analyzer", "How many rows?", "--attach", "gone.csv"])?,
        failure(&desk, "shop", &["ask", "analyzer", "How many rows?", "--attach", "broken.csv", "--attach", "./broken.csv"])?,
        failure(&desk, "shop", &["agent", "inspect", "analyser"])?,
        failure(&desk, "shop", &["trace", "--conversation-id", "cnv_01k6z3q5x7e8r9t0v2w4y6z8a1"])?,
        failure(&desk, "shop", &["message", "send", "--to", "analyzer", "--content-json", "{order: 17}"])?,
        failure(&desk, "shop", &["config", "set", "server.port=1"])?,
        failure(&desk, "shop", &["config", "get", "server.prt"])?,
        failure(&desk, "shop", &["init", "analyzer", "--template", "data-analyser"])?,
        failure(&desk, "shop", &["agents", "list"])?,
    ];
    insta::assert_snapshot!("mistakes_of_a_question", said.join("\n\n"));
    Ok(())
}

#[test]
fn without_a_server_every_command_says_how_to_start_one() -> Result<()> {
    let desk = Desk::without_server()?;
    let said = [
        failure(&desk, "", &["health"])?,
        failure(&desk, "", &["ask", "analyzer", "How many rows?"])?,
        failure(&desk, "", &["agent", "list"])?,
        failure(&desk, "", &["--server", "nonsense", "log"])?,
    ];
    insta::assert_snapshot!("without_a_server", said.join("\n\n"));
    Ok(())
}

#[test]
fn without_words_there_is_help_and_a_mistyped_command_is_suggested() -> Result<()> {
    let desk = Desk::without_server()?;
    let nothing = desk.run("", &[])?;
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("First steps:"), "{}", nothing.err);
    let help = desk.good("", &["--help"])?;
    assert!(help.contains("First steps:") && !help.contains('\u{1b}'), "{help}");
    assert!(desk.good("", &["--version"])?.starts_with("caxton "));
    let mistyped = desk.run("", &["agents", "list"])?;
    assert_eq!(mistyped.err, "error: `agents` is not a command of `caxton`\nhint: did you mean `caxton agent list`?\n");
    Ok(())
}

/// The same program under its other name.
#[cfg(unix)]
#[test]
fn the_other_name_works_alike() -> Result<()> {
    let desk = Desk::without_server()?;
    let link = desk.path("caxton-cli");
    std::os::unix::fs::symlink(crate::binary::caxton(), &link)?;
    let output = desk.command(&link, "").args(["templates", "list"]).output()?;
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `caxton-cli template list`?"));
    Ok(())
}

#[tokio::test]
async fn mistakes_of_a_server() -> Result<()> {
    let desk = Desk::without_server()?.serving(&["limits.max_blob_size=1KB"]).await?;
    desk.good("", &["init", "shop"])?;
    fs::write(desk.path("large.csv"), "a,b\n1,2\n".repeat(200))?;
    fs::write(desk.path("shared.yaml"), "security:\n  secrets_file: secrets.yaml\n")?;
    fs::write(desk.path("secrets.yaml"), "api_keys:\n  openai: sk-test-never-shown\n")?;
    fs::set_permissions(desk.path("secrets.yaml"), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    fs::write(desk.path("keyless.yaml"), "llm:\n  providers:\n    - name: openai\n      type: openai\n")?;
    fs::write(desk.path("wrong.yaml"), "server:\n  prot: 9000\n")?;
    let port = desk.port().to_string();
    let said = [
        failure(&desk, "", &["serve", "--port", &port, "--data-dir", "other"])?,
        failure(&desk, "", &["serve", "--port", "0", "--data-dir", "data"])?,
        failure(&desk, "", &["serve", "--port", "0", "--data-dir", "other", "--host", "0.0.0.0"])?,
        failure(&desk, "", &["serve", "--port", "0", "--data-dir", "large.csv"])?,
        failure(&desk, "", &["serve", "--config", "keyless.yaml", "--dry-run"])?,
        failure(&desk, "", &["serve", "--config", "shared.yaml", "--dry-run"])?,
        failure(&desk, "", &["config", "validate", "--file", "wrong.yaml"])?,
        failure(&desk, "", &["config", "validate", "--file", "gone.yaml"])?,
        failure(&desk, "shop", &["ask", "analyzer", "How many rows?", "--attach", "../large.csv"])?,
    ];
    assert!(said.iter().all(|text| !text.contains("sk-test")), "a secret is never shown");
    insta::assert_snapshot!("mistakes_of_a_server", said.join("\n\n"));
    Ok(())
}
