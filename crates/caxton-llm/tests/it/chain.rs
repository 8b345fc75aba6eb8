//! Chains of providers: who is asked next, when, and who is told.

use crate::{
    offline,
    stub::{Answer, Stub, begins, breaks_off, refusal, says},
};
use caxton_llm::{
    ApiKey, Asking, BreakerSink, DeltaSink, Error, ModelLink, ModelRoute, Models, Options, Provider, ProviderKind, ProviderOptions,
};
use caxton_types::{
    BreakerOptions, BreakerState, ChatMessage, Code, Failover, FallbackMode, Fault as _, ModelReply, ModelRequest, StopReason, TokenUsage,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// What a scripted provider does when it is asked.
pub(crate) enum Line {
    Says(&'static str),
    /// Tells a piece, then fails.
    BreaksOff(&'static str, Error),
    Fails(Error),
    Declines,
    Hangs,
}

pub(crate) struct Script {
    name: &'static str,
    lines: Mutex<VecDeque<Line>>,
    asked: Mutex<usize>,
}

impl Script {
    pub(crate) fn new(name: &'static str, lines: Vec<Line>) -> Arc<Self> {
        Arc::new(Self { name, lines: Mutex::new(lines.into()), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> usize {
        *self.asked.lock()
    }
}

#[async_trait::async_trait]
impl Provider for Script {
    fn name(&self) -> &str {
        self.name
    }

    async fn ask(&self, _: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        *self.asked.lock() += 1;
        let line = self.lines.lock().pop_front();
        let tell = |text: &str| deltas.iter().for_each(|deltas| deltas(text));
        let (text, stop) = match line.expect("the script has another line") {
            Line::Says(text) => (text, StopReason::End),
            Line::Declines => ("I would rather not.", StopReason::Refusal),
            Line::Fails(error) => return Err(error),
            Line::BreaksOff(text, error) => {
                tell(text);
                return Err(error);
            }
            Line::Hangs => std::future::pending().await,
        };
        tell(text);
        let (provider, model) = (self.name.to_owned(), model.to_owned());
        Ok(ModelReply { text: text.into(), tool_calls: vec![], stop, usage: TokenUsage::default(), provider, model, failovers: vec![] })
    }
}

const BREAKER: BreakerOptions =
    BreakerOptions { failures_max: 2, open_for: Duration::from_secs(30), open_for_max: Duration::from_mins(5), probes_max: 1 };

pub(crate) fn chain(fallback: FallbackMode, scripts: &[&Arc<Script>]) -> Models {
    let providers = scripts.iter().map(|script| ProviderOptions::new(script.name, ProviderKind::Offline, "")).collect();
    let link = |script: &&Arc<Script>| ModelLink { provider: script.name.into(), model: Some("m".into()) };
    let route = ModelRoute { chain: scripts.iter().map(link).collect(), fallback };
    let models = BTreeMap::from([("chat".to_owned(), route)]);
    let models = Models::new(Options { providers, models, breaker: BREAKER, ..Options::default() }).unwrap();
    scripts.iter().fold(models, |models, script| models.with(Arc::<Script>::clone(script)))
}

pub(crate) fn hello() -> ModelRequest {
    let settings = offline::settings("hello", &[], &[]);
    ModelRequest { dialogue: Arc::new(vec![ChatMessage::User { text: "hello".into() }]), settings: Arc::new(settings), sent_before: 0 }
}

pub(crate) fn down(provider: &str) -> Error {
    Error::Provider { provider: provider.into(), status: Some(500), reason: "boom".into() }
}

pub(crate) fn bad(provider: &str) -> Error {
    Error::Provider { provider: provider.into(), status: Some(400), reason: "bad".into() }
}

fn step(from: &str, to: &str, reason: &str) -> Failover {
    Failover { from: from.into(), to: to.into(), code: Code::Unavailable, reason: reason.into() }
}

/// Runs with a clock that goes on by itself whenever everybody waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(future)
}

const BOOM: &str = "the model provider `a` answered with an error (HTTP 500): boom";

#[test]
fn the_next_one_answers_and_the_reply_says_so() {
    let (a, b) = (Script::new("a", vec![Line::Fails(down("a"))]), Script::new("b", vec![Line::Says("Hi.")]));
    let reply = run(chain(FallbackMode::Auto, &[&a, &b]).ask(&hello(), None)).unwrap();
    assert_eq!((reply.text.as_str(), reply.provider.as_str()), ("Hi.", "b"));
    assert_eq!(reply.failovers, [step("a/m", "b/m", BOOM)]);
}

#[test]
fn only_what_another_provider_could_do_better_fails_over() {
    let (provider, reason) = (String::from("a"), String::from("r"));
    let status = |status| Error::Provider { provider: provider.clone(), status, reason: reason.clone() };
    let second = Duration::from_secs(1);
    for (error, fails_over) in [
        (Error::Connection { provider: provider.clone(), reason: reason.clone() }, true),
        (Error::Timeout { provider: provider.clone(), limit: second }, true),
        (Error::RateLimited { provider: provider.clone(), retry_after: None, reason: reason.clone() }, true),
        (Error::QuotaExhausted { provider: provider.clone(), reason: reason.clone() }, true),
        (Error::Unauthorized { provider: provider.clone(), status: 401 }, true),
        (Error::BadResponse { provider: provider.clone(), reason: reason.clone() }, true),
        (status(Some(503)), true),
        (status(Some(529)), true),
        (status(Some(408)), true),
        (status(None), true),
        (status(Some(400)), false),
        (status(Some(404)), false),
        (status(Some(422)), false),
        (Error::ContextTooLong { provider: provider.clone(), model: "m".into(), reason: reason.clone() }, false),
    ] {
        let (a, b) = (Script::new("a", vec![Line::Fails(error.clone())]), Script::new("b", vec![Line::Says("Hi.")]));
        let result = run(chain(FallbackMode::Auto, &[&a, &b]).ask(&hello(), None));
        assert_eq!(b.asked() == 1, fails_over, "{error:?}");
        assert_eq!(result.err(), (!fails_over).then_some(error));
    }
    let (a, b) = (Script::new("a", vec![Line::Declines]), Script::new("b", vec![]));
    let reply = run(chain(FallbackMode::Auto, &[&a, &b]).ask(&hello(), None)).unwrap();
    assert_eq!((reply.stop, b.asked()), (StopReason::Refusal, 0), "a refusal is an answer");
}

#[test]
fn nobody_answers_and_everybody_is_named() {
    let scripts = ["a", "b", "c"].map(|name| Script::new(name, vec![Line::Fails(down(name))]));
    let error = run(chain(FallbackMode::Auto, &scripts.each_ref()).ask(&hello(), None)).unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let Error::ChainFailed { failovers, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!((failovers.len(), &**source), (2, &down("c")));
    assert!(["`a/m`", "`b/m`", "`chat`"].iter().all(|part| error.to_string().contains(part)), "{error}");
}

#[test]
fn without_fallback_the_failure_stands() {
    let (a, b) = (Script::new("a", vec![Line::Fails(down("a"))]), Script::new("b", vec![]));
    let error = run(chain(FallbackMode::Off, &[&a, &b]).ask(&hello(), None)).unwrap_err();
    assert_eq!((error.code(), b.asked()), (Code::Unavailable, 0));
    assert_eq!(error.to_string(), "`a/m` did not answer for the model `chat`, and `b/m` is not asked because `fallback.mode` is `off`");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), BOOM);
}

#[test]
fn somebody_decides_about_each_step() {
    let scripts = [
        Script::new("a", vec![Line::Fails(down("a"))]),
        Script::new("b", vec![Line::Fails(down("b"))]),
        Script::new("c", vec![Line::Says("Hi.")]),
    ];
    let models = chain(FallbackMode::Ask, &scripts.each_ref());
    run(async {
        let mut asking = Asking::default();
        for asked in [[1, 0, 0], [1, 1, 0]] {
            let error = models.ask_with(&hello(), asking).await.unwrap_err();
            let Error::FailoverNeedsApproval { position, failovers, .. } = error else { panic!("{error:?}") };
            assert_eq!(scripts.each_ref().map(|script| script.asked()), asked);
            asking = Asking { from: position, failovers, ..Asking::default() };
        }
        let reply = models.ask_with(&hello(), asking).await.unwrap();
        let steps: Vec<_> = reply.failovers.iter().map(|step| format!("{} {}", step.from, step.to)).collect();
        assert_eq!((reply.provider.as_str(), steps), ("c", vec!["a/m b/m".to_owned(), "b/m c/m".to_owned()]));
        let error = models.ask_with(&hello(), Asking { from: 3, ..Asking::default() }).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (Code::Conflict, "the chain of the model `chat` has no place 3: it has 3"));
    });
}

/// Collects changes of breakers as `provider from to`.
fn notices() -> (Arc<Mutex<Vec<String>>>, BreakerSink) {
    let told = Arc::new(Mutex::new(vec![]));
    let sink = Arc::clone(&told);
    (told, Arc::new(move |notice| sink.lock().push(format!("{} {} {}", notice.provider, notice.change.from, notice.change.to))))
}

#[test]
fn who_keeps_failing_is_left_alone_for_a_while() {
    let a = Script::new("a", vec![Line::Fails(down("a")), Line::Fails(down("a")), Line::Fails(down("a")), Line::Says("Back.")]);
    let b = Script::new("b", (0..4).map(|_| Line::Says("Hi.")).collect());
    let models = chain(FallbackMode::Auto, &[&a, &b]);
    let (told, on_breaker) = notices();
    let state = || models.providers().into_iter().find(|provider| provider.name == "a").unwrap().breaker;
    run(async {
        let ask =
            async || models.ask_with(&hello(), Asking { on_breaker: Some(Arc::clone(&on_breaker)), ..Asking::default() }).await.unwrap();
        ask().await;
        assert_eq!((state(), told.lock().len()), (BreakerState::Closed, 0));
        ask().await;
        assert_eq!(std::mem::take(&mut *told.lock()), ["a closed open"]);
        let skipped = ask().await;
        assert_eq!((a.asked(), state()), (2, BreakerState::Open));
        assert_eq!(skipped.failovers, [step("a/m", "b/m", "the model provider `a` keeps failing and is left alone for now")]);
        tokio::time::advance(Duration::from_secs(30)).await;
        ask().await;
        assert_eq!((a.asked(), std::mem::take(&mut *told.lock())), (3, vec!["a open half_open".to_owned(), "a half_open open".into()]));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(ask().await.text, "Back.");
        assert_eq!(*told.lock(), ["a open half_open", "a half_open closed"]);
    });
}

#[test]
fn a_bad_request_says_nothing_against_the_provider() {
    let lines = [down("a"), bad("a"), down("a"), bad("a")].map(Line::Fails).into_iter().chain([Line::Says("Hi.")]);
    let a = Script::new("a", lines.collect());
    let models = chain(FallbackMode::Auto, &[&a]);
    run(async {
        for _ in 0..4 {
            models.ask(&hello(), None).await.unwrap_err();
        }
        assert_eq!(models.ask(&hello(), None).await.unwrap().text, "Hi.");
    });
}

#[test]
fn a_question_that_is_called_off_proves_nothing_and_keeps_no_place() {
    let a = Script::new("a", vec![Line::Fails(down("a")), Line::Fails(down("a")), Line::Hangs, Line::Hangs, Line::Says("Back.")]);
    let models = chain(FallbackMode::Auto, &[&a]);
    run(async {
        for _ in 0..2 {
            models.ask(&hello(), None).await.unwrap_err();
        }
        assert!(matches!(models.ask(&hello(), None).await, Err(Error::BreakerOpen { retry_in, .. }) if retry_in == BREAKER.open_for));
        tokio::time::advance(BREAKER.open_for).await;
        let dropped = tokio::time::timeout(Duration::from_secs(1), models.ask(&hello(), None)).await;
        assert!(dropped.is_err(), "the asker went away");
        let deadline = Some((Instant::now() + Duration::from_secs(1)).into_std());
        let late = models.ask_with(&hello(), Asking { deadline, ..Asking::default() }).await;
        assert_eq!(late, Err(Error::Timeout { provider: "a".into(), limit: Duration::from_secs(1) }));
        assert_eq!(models.ask(&hello(), None).await.unwrap().text, "Back.", "the place of the probe was free again");
    });
}

#[test]
fn nobody_reads_two_beginnings_and_the_reply_is_whole() {
    let a = Script::new("a", vec![Line::BreaksOff("Once upon", down("a"))]);
    let b = Script::new("b", vec![Line::Says("There was a king.")]);
    let told = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&told);
    let deltas: DeltaSink = Arc::new(move |piece: &str| sink.lock().push_str(piece));
    let reply = run(chain(FallbackMode::Auto, &[&a, &b]).ask(&hello(), Some(deltas))).unwrap();
    assert_eq!((told.lock().as_str(), reply.text.as_str()), ("Once upon", "There was a king."));
}

#[test]
fn when_the_time_is_over_nobody_else_is_asked() {
    let (a, b) = (Script::new("a", vec![Line::Hangs]), Script::new("b", vec![]));
    let models = chain(FallbackMode::Auto, &[&a, &b]);
    run(async {
        let began = Instant::now();
        let deadline = Some((began + Duration::from_secs(5)).into_std());
        let error = models.ask_with(&hello(), Asking { deadline, ..Asking::default() }).await.unwrap_err();
        assert_eq!((error.code(), b.asked(), began.elapsed()), (Code::Deadline, 0, Duration::from_secs(5)));
    });
}

/// Two servers behind HTTP as the chain of `chat`.
fn servers(stubs: [&Stub; 2]) -> Models {
    let provider = |(name, stub): (&str, &Stub)| ProviderOptions {
        api_key: Some(ApiKey::new("k")),
        backoff: Duration::from_millis(1),
        attempts_max: 2,
        ..ProviderOptions::new(name, ProviderKind::OpenAi { base_url: Some(stub.url.clone()) }, "m")
    };
    let link = |name: &str| ModelLink { provider: name.into(), model: None };
    let route = ModelRoute { chain: vec![link("a"), link("b")], fallback: FallbackMode::Auto };
    let providers = ["a", "b"].into_iter().zip(stubs).map(provider).collect();
    Models::new(Options { providers, models: BTreeMap::from([("chat".to_owned(), route)]), ..Options::default() }).unwrap()
}

/// What comes of these answers of the first server while the second one works, how often the first was asked, and what was told.
fn served(first: Vec<Answer>, time: Duration) -> (ModelReply, usize, String) {
    let stubs = [Stub::start(first), Stub::start(vec![says("Hi.")])];
    let models = servers(stubs.each_ref());
    let told = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&told);
    let deltas: Option<DeltaSink> = Some(Arc::new(move |piece: &str| sink.lock().push_str(piece)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deadline = Some(std::time::Instant::now() + time);
    let reply = runtime.block_on(models.ask_with(&hello(), Asking { deltas, deadline, ..Asking::default() })).unwrap();
    let told = told.lock().clone();
    (reply, stubs[0].requests().len(), told)
}

#[test]
fn a_server_is_tried_again_before_the_next_one_is_asked() {
    let failing = || refusal("500 Internal Server Error", "", "boom");
    let (reply, asked, told) = served(vec![failing(), failing()], Duration::from_mins(1));
    assert_eq!((reply.provider.as_str(), asked, told.as_str()), ("b", 2, "Hi."));
    assert_eq!(reply.failovers, [step("a/m", "b/m", BOOM)]);
}

#[test]
fn a_server_that_wants_a_long_pause_is_left_for_the_next_one() {
    let busy = refusal("429 Too Many Requests", "Retry-After: 90\r\n", "{}");
    let (reply, asked, _) = served(vec![busy], Duration::from_mins(10));
    assert_eq!((reply.provider.as_str(), asked, reply.failovers[0].code), ("b", 1, Code::Exhausted));
}

#[test]
fn a_silent_server_leaves_the_next_one_its_part_of_the_time() {
    let (reply, asked, _) = served(vec![Answer::Stalls(String::new())], Duration::from_secs(2));
    assert_eq!((reply.provider.as_str(), asked, reply.failovers[0].code), ("b", 1, Code::Deadline));
}

#[test]
fn an_answer_that_breaks_off_is_given_whole_by_the_next_one() {
    let (reply, asked, told) = served(vec![breaks_off("Once upon")], Duration::from_mins(1));
    assert_eq!((reply.text.as_str(), asked, told.as_str()), ("Hi.", 1, "Once upon"));
    let stubs = [Stub::start(vec![begins("Once upon")]), Stub::start(vec![])];
    let models = servers(stubs.each_ref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deadline = Some(std::time::Instant::now() + Duration::from_millis(500));
    let error = runtime.block_on(models.ask_with(&hello(), Asking { deadline, ..Asking::default() })).unwrap_err();
    assert_eq!((error.code(), stubs[1].requests().len()), (Code::Deadline, 0), "an answer under way is not cut short for the next one");
}
