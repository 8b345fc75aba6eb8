use super::*;

fn check(text: &str) -> (String, Vec<String>) {
    let servers = Servers::read(text).unwrap();
    (block(&servers.all), servers.notes)
}

#[test]
fn the_file_of_claude_desktop_is_read() {
    let (text, notes) = check(
        r#"{"mcpServers": {
            "filesystem": {"command": "npx", "args": ["-y", "server-filesystem", "/srv"], "cwd": "/tmp", "env": {"LEVEL": "info"}},
            "My GitHub!": {"command": "docker", "env": {"GITHUB_TOKEN": "ghp_secret", "OTHER_TOKEN": "${env:OTHER}"}},
            "old": {"type": "sse", "url": "http://localhost/sse"},
            "off": {"command": "x", "disabled": true}
        }}"#,
    );
    assert_eq!(
        text,
        r#"integrations:
  mcp:
    servers:
      - name: "filesystem"
        command: "npx"
        args: ["-y","server-filesystem","/srv"]
        cwd: "/tmp"
        env: {"LEVEL":"info"}
      - name: "My-GitHub"
        command: "docker"
        env: {"OTHER_TOKEN":"${OTHER}"}
        env_secrets: {"GITHUB_TOKEN":"My-GitHub-github-token"}
"#
    );
    assert!(!text.contains("ghp_secret"), "a secret is never copied");
    let expected = [
        "`My GitHub!` is named `My-GitHub` here",
        "`GITHUB_TOKEN` of `My-GitHub` is a secret and is not copied: put it as `mcp.My-GitHub-github-token` into the secrets file",
        "`old` is left out: it speaks the HTTP+SSE of 2024, which is not supported; most such servers have a streamable endpoint too",
        "`off` is left out: it is switched off there",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn the_file_of_vs_code_is_read() {
    let (text, notes) = check(
        r#"{
            // asked for once
            "inputs": [{"type": "promptString", "id": "api-key", "password": true},],
            "servers": { /* two */
                "search": {"type": "http", "url": "https://mcp.example.com/mcp//x", "headers": {"Authorization": "Bearer ${input:api-key}", "X-A": "b"}},
                "here": {"type": "http", "url": "https://a.example.com", "headers": {"Authorization": "Bearer abc"}},
                "local": {"command": "${workspaceFolder}/run", "args": ["${userHome}/x", "${unknown:y}", "${HOME}"]},
            },
        }"#,
    );
    assert_eq!(
        text,
        r#"integrations:
  mcp:
    servers:
      - name: "search"
        url: "https://mcp.example.com/mcp//x"
        headers: {"Authorization":"Bearer ${API_KEY}","X-A":"b"}
      - name: "here"
        url: "https://a.example.com"
        bearer_secret: "here"
      - name: "local"
        command: "./run"
        args: ["${HOME}/x","$${unknown:y}","${HOME}"]
"#
    );
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert!(notes.contains(&"`search`: set API_KEY: the other client asks its user for it".to_owned()));
}

#[test]
fn a_file_of_something_else_is_refused() {
    for (text, expected) in
        [("{}", "it has neither `mcpServers` nor `servers`"), ("[", "it is not JSON: EOF while parsing a list at line 1 column 1")]
    {
        assert_eq!(Servers::read(text).unwrap_err(), expected);
    }
}

#[test]
fn what_stands_in_the_configuration_stays() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("caxton.yaml");
    append(&file, "integrations: {}\n").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "integrations: {}\n");
    assert!(append(&file, "integrations: {}\n").is_err());
    fs::write(&file, "# mine\nserver: {port: 1}").unwrap();
    append(&file, "integrations: {}\n").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\nserver: {port: 1}\n\nintegrations: {}\n");
    assert!(append(&dir.path().join("caxton.toml"), "").is_err());
}
