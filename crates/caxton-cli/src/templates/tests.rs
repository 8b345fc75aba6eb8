use super::*;

fn values() -> AgentValues {
    AgentValues {
        id: "order-desk".parse().unwrap(),
        display: "Order Desk".to_owned(),
        capability: "order-processing".parse().unwrap(),
        created_at: "2026-03-01T08:00:00Z".parse().unwrap(),
    }
}

fn text_of<'f>(files: &'f [Rendered], path: &str) -> &'f str {
    std::str::from_utf8(&files.iter().find(|file| file.path == path).unwrap().bytes).unwrap()
}

#[test]
fn only_known_variables_are_replaced() {
    let value = |name: &str| (name == "who").then_some("{{who}}");
    assert_eq!(replace("{{who}}, {{request}} {{ who }} {{", value), "{{who}}, {{request}} {{ who }} {{");
    assert_eq!(replace("{{{who}}}", |name| (name == "who").then_some("x")), "{{{who}}}");
    assert_eq!(replace("a{{who}}b{{who}}", |_| Some("x")), "axbx");
}

#[test]
fn every_template_is_filled_in() {
    for template in &ALL {
        let files = template.render(&values());
        let agent = text_of(&files, "agent.toml");
        assert!(agent.contains(r#"id = "order-desk""#), "{agent}");
        assert!(agent.contains(r#"name = "Order Desk""#), "{agent}");
        assert!(agent.contains("order-processing") && agent.contains("2026-03-01"), "{agent}");
        for file in &files {
            let text = String::from_utf8_lossy(&file.bytes);
            assert!(
                ["agent_name", "agent_id", "created_at", "capability"].iter().all(|name| !text.contains(&format!("{{{{{name}}}}}"))),
                "{}",
                file.path
            );
        }
        assert!(text_of(&files, "prompts/user.md").starts_with("{{request}}"), "the agent's own variables stay");
    }
}

#[test]
fn a_workspace_is_filled_in() {
    let files = workspace("lamp-shop");
    assert!(text_of(&files, "caxton.toml").contains(r#"name = "lamp-shop""#));
    assert!(text_of(&files, "README.md").starts_with("# lamp-shop\n"));
    assert!(text_of(&files, ".gitignore").contains("/.caxton/"));
}

#[test]
fn a_mistyped_template_is_suggested() {
    let error = Template::named("data-analyser").map(|template| template.name).unwrap_err();
    insta::assert_snapshot!(error, @r"
    error: there is no template `data-analyser`
    hint: did you mean `data-analyzer`? `caxton template list` shows the templates: data-analyzer, task-automator, content-generator, tool-rust, tool-c, tool-js, tool-python, tool-go
    ");
}

#[test]
fn the_data_set_is_whole() {
    let mut lines = ZONES.lines();
    assert_eq!(lines.next(), Some("zone,country,latitude,longitude,standard_offset_minutes,summer_offset_minutes,changes_since_1970"));
    assert!(lines.clone().count() >= 300);
    for line in lines {
        assert_eq!(line.split(',').count(), 7, "{line}");
        assert!(line.split(',').skip(2).all(|cell| cell.parse::<f64>().is_ok()), "{line}");
    }
}
