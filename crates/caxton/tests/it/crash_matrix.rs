//! kill -9 on both sides of every commit while two agents work on one request: the server under test kills itself by a library that is loaded
//! into it, all effects happen outside, and after a restart everything must come to the same end.

mod world;

use crate::binary::Process;
use anyhow::{Context as _, Result, bail, ensure};
use caxton_api::{EventView, SendMessage};
use caxton_client::{Client, EventFilter, Followed, SendOptions, Sent};
use caxton_types::{MessageId, Performative};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    pin::pin,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use world::{Counted, World};

/// How long one server may take with what is left of the request; it takes a second or two.
const PATIENCE: Duration = Duration::from_secs(90);
/// There are about thirty commits; a matrix that never ends is a turn that never does.
const COMMITS_MAX: usize = 80;
/// The least number of commits of the two turns, their messages and decisions.
const COMMITS_MIN: usize = 18;

const BUYER: &str = r#"
name = "buyer"
version = "1.0.0"
system_prompt = "You buy."
tools = ["http_client", "agents/ask", "human/ask"]

[memory]
enabled = true
auto_store = true
"#;
const AUDITOR: &str = r#"
name = "auditor"
version = "1.0.0"
system_prompt = "You are the auditor."
tools = ["http_client"]

[tool_policies.http_client]
approval = "always"
"#;

/// The library and a data directory in which both agents are deployed.
struct Stage {
    dir: TempDir,
    library: PathBuf,
}

/// What a run comes to.
#[derive(Debug)]
struct End {
    reply: Value,
    counted: Counted,
    events: Vec<EventView>,
    /// When the first server had died, in microseconds of the epoch; nothing where it lived.
    died: Option<i64>,
}

impl End {
    fn of_kind<'e>(&'e self, kind: &'e str) -> impl Iterator<Item = &'e EventView> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    /// Calls of which the journal says that nobody knows whether they happened.
    fn unknown(&self) -> usize {
        self.of_kind("step_ended").filter(|event| event.fact["outcome"]["inline"]["outcome"] == "unknown").count()
    }
}

impl Stage {
    async fn set() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let library = dir.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/crash_matrix/shim.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status()?;
        ensure!(built.success(), "a C compiler builds the library, as it does SQLite");
        let world = World::start().await?;
        let template = dir.path().join("template");
        fs::create_dir(&template)?;
        let mut server = Process::serve(&template, &settings(&world)).await?;
        server.client.put_agent(&"auditor".parse()?, AUDITOR).await?;
        server.client.put_agent(&"buyer".parse()?, BUYER).await?;
        server.kill()?;
        Ok(Self { dir, library })
    }

    /// Lets a server work on the request until it dies where `kill` says, damages what it left as `damage` says, and lets another one bring it
    /// to its end, with a clock that is wrong by so many seconds.
    async fn run(&self, kill: Option<(&str, usize)>, damage: fn(&Path) -> Result<()>, clock: i64) -> Result<End> {
        let dir = tempfile::tempdir()?;
        copy(&self.dir.path().join("template/data"), &dir.path().join("data"))?;
        let world = World::start().await?;
        let settings = settings(&world);
        let preload = ("LD_PRELOAD", self.library.display().to_string());
        let mut env = vec![preload.clone()];
        env.extend(kill.map(|(side, at)| ("CAXTON_TEST_KILL", format!("{side}:{at}"))));
        let first = match Process::serve_with(dir.path(), &settings, &env).await {
            Ok(mut server) => attend(&mut server).await?,
            // Dead before it was ready.
            Err(error) => {
                ensure!(kill.is_some(), error);
                None
            }
        };
        let mut died = None;
        let (reply, events) = if let Some(end) = first {
            end
        } else {
            died = Some(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?);
            let log = fs::read_dir(dir.path().join("data/workspaces"))?.filter_map(|entry| Some(entry.ok()?.path()));
            let log = log.into_iter().find(|path| path.to_string_lossy().ends_with(".journal.db-wal"));
            damage(&log.context("a killed server leaves its log")?)?;
            let env = [preload, ("CAXTON_TEST_CLOCK", clock.to_string())];
            let mut server = Process::serve_with(dir.path(), &settings, &env).await?;
            attend(&mut server).await?.context("the second server dies as well")?
        };
        Ok(End { reply, counted: world.counted(), events, died })
    }

    /// Kills at every commit on one side of it.
    async fn matrix(&self, side: &str) -> Result<()> {
        let whole = self.run(None, |_| Ok(()), 0).await?;
        assert_eq!(whole.died, None);
        check(&whole, &whole, "without a kill");
        assert_eq!(whole.counted.puts["stock"].len(), 1);
        assert_eq!((whole.unknown(), whole.of_kind("step_started").count()), (0, 1), "nothing is begun again but what was approved");
        let (mut unknown, mut repeated) = (0, 0);
        for at in 1..COMMITS_MAX {
            let end = self.run(Some((side, at)), |_| Ok(()), 0).await.with_context(|| format!("{side} commit {at}"))?;
            check(&end, &whole, &format!("{side} commit {at}"));
            unknown += end.unknown();
            repeated += end.counted.puts["stock"].len() - 1;
            if end.died.is_none() {
                println!("killed {side} each of {} commits: {unknown} calls of unknown outcome, {repeated} repeated", at - 1);
                assert!(at > COMMITS_MIN, "only {} commits", at - 1);
                assert!(unknown >= 2, "effects were under way at some of the kills");
                return Ok(());
            }
        }
        bail!("the request is never done")
    }
}

fn settings(world: &World) -> Vec<String> {
    let provider =
        format!("llm.providers=[{{type: openai, base_url: \"http://{}/v1/\", model: stub, timeout: 5m, max_attempts: 1}}]", world.address);
    let hosts = |key: &str| format!("tools.http_client.{key}=[\"{}\"]", world.address);
    vec!["storage.durability=full".into(), provider, hosts("allowed_hosts"), hosts("allowed_private_hosts")]
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Sends the request, decides what is asked and returns the reply with the whole journal; nothing where the server dies first.
async fn attend(server: &mut Process) -> Result<Option<(Value, Vec<EventView>)>> {
    let client = server.client.clone();
    let done = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            gone = server.gone() => gone.map(|()| None),
            done = work(&client) => done.map(Some),
        }
    });
    let done = done.await;
    match done {
        Ok(Ok(Some(done))) => Ok(Some(done)),
        // What a dying server says last is no answer.
        Ok(_) if has_died(server).await => Ok(None),
        Ok(Ok(None)) => Ok(None),
        Ok(Err(error)) => Err(error.context(server.log())),
        Err(_) => bail!("no end after {PATIENCE:?}: {}", server.log()),
    }
}

async fn has_died(server: &mut Process) -> bool {
    tokio::time::timeout(Duration::from_secs(5), server.gone()).await.is_ok()
}

async fn work(client: &Client) -> Result<(Value, Vec<EventView>)> {
    let options = SendOptions { idempotency_key: Some("the-order".into()), ..SendOptions::default() };
    let message = SendMessage::request("buyer".parse()?, json!("Buy seven."));
    let question = match client.send(&message, &options).await? {
        Sent::Accepted(accepted) => accepted.message,
        Sent::Replied(reply) => bail!("nobody waited: {reply:?}"),
    };
    let kinds = ["approval_asked", "turn_began", "turn_ended"].map(Into::into).into();
    let mut stream = pin!(client.follow(EventFilter { after: Some(0), kinds, ..EventFilter::default() }));
    let mut turn = None;
    loop {
        let Some(Ok(Followed::Event(event))) = stream.next().await else { bail!("the stream ends") };
        match event.kind.as_str() {
            "turn_began" if event.fact["message"] == json!(question) => turn = event.turn,
            "approval_asked" => {
                let approval = event.fact["approval"].as_str().unwrap().parse()?;
                // It may be decided already, by us before the kill.
                let _ = match event.fact["kind"].as_str().unwrap() {
                    "question" => client.answer(approval, "Yes, do.".into(), None).await,
                    _ => client.approve(approval, Some("as agreed".into())).await,
                };
            }
            "turn_ended" if event.turn == turn => {
                let reply: MessageId = event.fact["reply"].as_str().unwrap().parse()?;
                let reply = client.message(reply).await?;
                assert_eq!(reply.performative, Performative::Inform, "{reply:?}");
                let events = client.events(&EventFilter::default(), usize::MAX).await?;
                for turn in events.iter().filter(|event| event.kind == "turn_began").filter_map(|event| event.turn) {
                    let replayed = client.replay_turn(turn).await?;
                    assert!(replayed.equal && replayed.recorded == replayed.replayed, "{replayed:?}");
                }
                return Ok((reply.content, events));
            }
            _ => {}
        }
    }
}

fn check(end: &End, whole: &End, place: &str) {
    assert_eq!(end.reply, whole.reply, "{place}: another reply");
    for what in ["order", "letter", "audit"] {
        assert_eq!(end.counted.posts.get(what).map(Vec::len), Some(1), "{place}: {what} happens once: {:?}", end.counted);
    }
    let [stock] = [&end.counted.puts["stock"]];
    assert!(stock.iter().all(|key| *key == stock[0]) && stock.len() <= 2, "{place}: a repeated call has the key of the first: {stock:?}");
    for kind in ["turn_began", "turn_ended", "observation_stored"] {
        assert_eq!(end.of_kind(kind).count(), whole.of_kind(kind).count(), "{place}: {kind}");
    }
    assert!(end.of_kind("turn_ended").all(|event| event.fact["end"] == "completed"), "{place}");
    assert!(
        end.events.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq && pair[0].at <= pair[1].at),
        "{place}: dense and in time's order"
    );
    if end.unknown() == 0 {
        assert_eq!(end.of_kind("message_accepted").count(), whole.of_kind("message_accepted").count(), "{place}");
    }
}

#[tokio::test]
async fn killed_before_any_commit_it_comes_to_the_same_end() -> Result<()> {
    Stage::set().await?.matrix("before").await
}

#[tokio::test]
async fn killed_within_any_commit_it_comes_to_the_same_end() -> Result<()> {
    Stage::set().await?.matrix("torn").await
}

#[tokio::test]
async fn killed_after_any_commit_it_comes_to_the_same_end() -> Result<()> {
    Stage::set().await?.matrix("after").await
}

/// What a crash of the whole machine can do to the end of the log: the last commit is gone, everything before it stands.
#[tokio::test]
async fn a_damaged_end_of_the_log_is_cut_off_and_it_comes_to_the_same_end() -> Result<()> {
    let cut: fn(&Path) -> Result<()> = |log| {
        let file = fs::File::options().write(true).open(log)?;
        Ok(file.set_len(file.metadata()?.len() - 100)?)
    };
    let flipped: fn(&Path) -> Result<()> = |log| {
        let mut bytes = fs::read(log)?;
        let at = bytes.len() - 2000;
        bytes[at] ^= 0x40;
        Ok(fs::write(log, bytes)?)
    };
    let garbage: fn(&Path) -> Result<()> = |log| {
        let mut bytes = fs::read(log)?;
        bytes.extend((0..10_000_u32).map(|at| at.to_le_bytes()[0]));
        Ok(fs::write(log, bytes)?)
    };
    let stage = Stage::set().await?;
    let whole = stage.run(None, |_| Ok(()), 0).await?;
    for (at, damage, what) in
        [(3, cut, "cut"), (6, flipped, "flipped"), (9, garbage, "garbage"), (12, cut, "cut"), (15, flipped, "flipped")]
    {
        let end = stage.run(Some(("after", at)), damage, 0).await?;
        assert!(end.died.is_some());
        check(&end, &whole, &format!("{what} at commit {at}"));
    }
    Ok(())
}

#[tokio::test]
async fn a_clock_that_was_set_back_a_day_changes_nothing() -> Result<()> {
    let stage = Stage::set().await?;
    let whole = stage.run(None, |_| Ok(()), 0).await?;
    for at in [5, 10, 15] {
        let end = stage.run(Some(("after", at)), |_| Ok(()), -86_400).await?;
        check(&end, &whole, &format!("a day back at commit {at}"));
        let last = end.events.last().map(|event| event.at.as_micros());
        assert!(last <= end.died, "time stands still in the journal until the clock has caught up: {last:?} {:?}", end.died);
    }
    Ok(())
}
