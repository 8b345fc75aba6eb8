//! Turns that wait for people, and turns run again, on the command line.

use super::{Desk, mistakes::failure};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Stdio},
};

const TABLE: &str = "agents/analyzer/tests/small.csv";
const QUESTION: &str = "What is the maximum of height?";

impl Desk {
    /// With an agent whose calls need an approval.
    async fn with_careful_agent() -> Result<Self> {
        let desk = Self::with_workspace().await?;
        let file = desk.path("shop/agents/analyzer/agent.toml");
        let policy = "\n[tools.policies.csv-stats]\napproval = \"always\"\n";
        fs::write(&file, fs::read_to_string(&file)? + policy)?;
        desk.commit("shop")?;
        desk.good("shop", &["deploy"])?;
        Ok(desk)
    }

    /// Asks the agent in the background.
    fn asking(&self) -> Result<Child> {
        let mut command = self.command(&crate::binary::caxton(), "shop");
        command.args(["ask", "analyzer", QUESTION, "--attach", TABLE]).stdin(Stdio::null());
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    /// The inbox as soon as so many decisions wait in it.
    fn inbox(&self, len: usize) -> Result<Vec<Value>> {
        loop {
            if let Value::Array(approvals) = self.json("shop", &["approvals", "list"])?
                && approvals.len() == len
            {
                return Ok(approvals);
            }
        }
    }
}

fn id<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    value[key].as_str().with_context(|| format!("{value} has no `{key}`"))
}

#[tokio::test]
async fn a_decision_from_the_inbox_lets_the_answer_come() -> Result<()> {
    let desk = Desk::with_careful_agent().await?;
    let asking = desk.asking()?;
    let approval = desk.inbox(1)?.remove(0);
    let (approval, turn) = (id(&approval, "id")?, id(&approval, "turn")?);
    let listed = desk.good("shop", &["approvals", "list"])?;
    ensure!(listed.contains(approval) && listed.contains("csv-stats/stats") && listed.contains("open"), "{listed}");
    let shown = desk.good("shop", &["approvals", "show", approval])?;
    ensure!(shown.contains("analyzer asks to call csv-stats/stats") && shown.contains("\"column\": \"height\""), "{shown}");
    let open = desk.good("shop", &["turns", "list", "--open"])?;
    ensure!(open.contains(turn) && open.contains("open"), "{open}");
    let waiting = desk.good("shop", &["turns", "show", turn])?;
    ensure!(waiting.contains("(revision 1) waiting") && waiting.contains("waits for approval until 2"), "{waiting}");

    desk.good("shop", &["approvals", "delegate", approval, "--to", "ada", "--reason", "she owns the table"])?;
    ensure!(desk.good("shop", &["approvals", "list", "--mine", "ada"])?.contains("open (ada)"));
    ensure!(desk.run("shop", &["approvals", "list", "--mine", "bob"])?.err.contains("nothing waits for a decision"));
    let decided = desk.good("shop", &["approvals", "approve", approval, "--reason", "go on"])?;
    ensure!(decided.starts_with(&format!("{approval} approved csv-stats/stats")), "{decided}");
    let output = asking.wait_with_output()?;
    let (answer, told) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success() && answer.contains("540"), "{answer}{told}");
    ensure!(desk.good("shop", &["approvals", "list", "--all"])?.contains("approved"));

    let done = desk.good("shop", &["turns", "show", turn])?;
    ensure!(done.contains("delegated to ada by local: she owns the table") && done.contains("approved by local: go on"), "{done}");
    let trace = desk.good("shop", &["trace", "--conversation-id", "last", "--lines"])?;
    ensure!(trace.contains("tool=\"csv-stats/stats\" status=\"approved\" by=\"local\" reason=\"go on\""), "{trace}");
    let replayed = desk.good("shop", &["replay", turn])?;
    ensure!(replayed.contains("of analyzer (completed) equal"), "{replayed}");
    Ok(())
}

#[tokio::test]
async fn whoever_waits_for_an_answer_is_told_that_a_person_decides() -> Result<()> {
    let desk = Desk::with_careful_agent().await?;
    for how in [&["--timeout", "4s"][..], &["--timeout", "2s", "--stream"]] {
        let late = desk.run("shop", &[&["ask", "analyzer", QUESTION, "--attach", TABLE], how].concat())?;
        ensure!(late.code == 11 && late.err.contains("waiting: analyzer needs an approval until 2"), "{}", late.err);
        ensure!(late.err.contains("csv-stats/stats ") && late.err.contains("caxton approvals approve apr_"), "{}", late.err);
        ensure!(late.err.contains(&format!("did not answer within {}", how[1])), "{}", late.err);
    }
    Ok(())
}

#[tokio::test]
async fn several_decisions_are_taken_each_on_its_own() -> Result<()> {
    let desk = Desk::with_careful_agent().await?;
    let asking = [desk.asking()?, desk.asking()?];
    let approvals = desk.inbox(2)?;
    let ids = [id(&approvals[0], "id")?, id(&approvals[1], "id")?];
    let unknown = "apr_01k6z3q5x7e8r9t0v2w4y6z8a5";
    let ran = desk.run("shop", &["approvals", "deny", ids[0], unknown, ids[1], "--reason", "not today"])?;
    ensure!(ran.code == 3 && ran.out.lines().count() == 2, "{} {}{}", ran.code, ran.out, ran.err);
    ensure!(ran.err.contains("1 of 3 could not be decided") && ran.err.contains(unknown), "{}", ran.err);
    for asking in asking {
        let output = asking.wait_with_output()?;
        ensure!(output.status.code().is_some(), "it answers in whatever way");
    }
    let again = desk.run("shop", &["approvals", "deny", ids[0], ids[1], "--json"])?;
    let outcomes: Value = serde_json::from_str(&again.out)?;
    ensure!(again.code == 4 && outcomes[1]["error"]["code"] == "conflict", "{outcomes}");
    Ok(())
}

#[tokio::test]
async fn turns_are_replayed_and_forked_from_the_command_line() -> Result<()> {
    let desk = Desk::with_agent().await?;
    desk.good("shop", &["ask", "analyzer", QUESTION, "--attach", TABLE])?;
    let all = desk.json("shop", &["replay", "last"])?;
    ensure!(all[0]["equal"] == true && all[0]["recorded"] == all[0]["replayed"], "{all}");
    let turn = id(&all[0], "turn")?;
    let conversation = id(&all[0], "conversation")?;
    let from = ["replay", "--conversation-id", conversation, "--from", "2100-01-01T00:00:00Z"];
    ensure!(desk.run("shop", &from)?.code == 3);
    desk.good("shop", &["replay", "--conversation-id", conversation, "--from", turn, "--dry-run"])?;

    let detail = desk.json("shop", &["turns", "show", turn])?;
    let steps = detail["steps"].as_array().context("steps")?;
    let call = steps.iter().find(|step| step["effect"] == "call").context("a call")?["step"].to_string();
    fs::write(desk.path("shop/outcome.txt"), "maximum of height = 777 (4 rows)")?;
    let change = format!("{call}=outcome.txt");
    let planned = desk.good("shop", &["replay", turn, "--set-outcome", &change, "--dry-run"])?;
    ensure!(planned.contains("it would go its own way") && planned.contains("777"), "{planned}");
    let answer = desk.good("shop", &["replay", turn, "--set-outcome", &change])?;
    ensure!(answer.contains("777"), "{answer}");
    let forked = desk.json("shop", &["turns", "list", "--limit", "1"])?;
    ensure!(forked[0]["origin"]["turn"] == turn && forked[0]["conversation"] != conversation, "{forked}");
    ensure!(desk.good("shop", &["trace", "--conversation-id", "last", "--tree"])?.contains(&format!("shares the steps of {turn}")));
    Ok(())
}

#[tokio::test]
async fn mistakes_of_a_turn() -> Result<()> {
    let desk = Desk::with_careful_agent().await?;
    let asking = desk.asking()?;
    let approval = desk.inbox(1)?.remove(0);
    let (approval, turn) = (id(&approval, "id")?, id(&approval, "turn")?);
    let mut said = vec![
        failure(&desk, "shop", &["turns", "retry", turn])?,
        failure(&desk, "shop", &["approvals", "answer", approval, "yes"])?,
        failure(&desk, "shop", &["approvals", "delegate", approval, "--to", "?"])?,
    ];
    desk.good("shop", &["approvals", "approve", approval])?;
    asking.wait_with_output()?;
    for words in [
        &["approvals", "deny", approval][..],
        &["turns", "cancel", turn],
        &["turns", "retry", turn],
        &["turns", "show", "trn_01k6z3q5x7e8r9t0v2w4y6z8a4"],
        &["turns", "show", "cnv_01k6z3q5x7e8r9t0v2w4y6z8a1"],
        &["turns", "show", "17"],
        &["approvals", "show", "apr_01k6z3q5x7e8r9t0v2w4y6z8a5"],
        &["approvals", "approve", turn],
        &["approvals", "approve"],
        &["replay"],
        &["replay", "cnv_01k6z3q5x7e8r9t0v2w4y6z8a1"],
        &["replay", approval],
        &["replay", turn, "--fork-at", "one"],
        &["replay", turn, "--set-outcome", "3"],
        &["replay", turn, "--set-outcome", "99=caxton.toml"],
        &["replay", turn, "--prompt", "gone.md"],
        &["replay", turn, "--fork-at", "1", "--from", turn],
    ] {
        said.push(failure(&desk, "shop", words)?);
    }
    insta::assert_snapshot!("mistakes_of_a_turn", said.join("\n\n"));
    Ok(())
}
