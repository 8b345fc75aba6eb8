//! Random chains against what the rules say; and the figures that failovers leave.

use crate::chain::{Line, Script, bad, chain, down, hello, run};
use caxton_llm::Error;
use caxton_types::FallbackMode;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;
use proptest::{collection::vec, prelude::*};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Answers,
    Fails,
    /// Refuses a bad request.
    Refuses,
}

proptest! {
    #[test]
    fn providers_are_asked_in_order_until_one_settles_it(
        does in vec(prop_oneof![Just(Does::Answers), Just(Does::Fails), Just(Does::Refuses)], 1..=4),
        mode in prop_oneof![Just(FallbackMode::Auto), Just(FallbackMode::Ask), Just(FallbackMode::Off)],
    ) {
        let line = |(name, does): (&'static str, &Does)| Script::new(name, vec![match does {
            Does::Answers => Line::Says("Hi."),
            Does::Fails => Line::Fails(down(name)),
            Does::Refuses => Line::Fails(bad(name)),
        }]);
        let scripts: Vec<_> = NAMES.into_iter().zip(&does).map(line).collect();
        let result = run(chain(mode, &scripts.iter().collect::<Vec<_>>()).ask(&hello(), None));
        let settles = does.iter().position(|does| *does != Does::Fails);
        let last = if mode == FallbackMode::Auto { settles.unwrap_or(does.len() - 1) } else { 0 };
        let asked: Vec<_> = scripts.iter().map(|script| script.asked()).collect();
        prop_assert_eq!(asked, (0..does.len()).map(|at| usize::from(at <= last)).collect::<Vec<_>>());
        let follows = last + 1 < does.len();
        match (does[last], result) {
            (Does::Answers, Ok(reply)) => prop_assert_eq!((reply.provider.as_str(), reply.failovers.len()), (NAMES[last], last)),
            (Does::Refuses, Err(error)) => {
                prop_assert!(error.is_the_requests_fault() && error.failovers().len() == last);
                let source = match error {
                    Error::ChainFailed { source, .. } => *source,
                    error => error,
                };
                prop_assert_eq!(source, bad(NAMES[last]));
            }
            (Does::Fails, Err(Error::FailoverNeedsApproval { position, failovers, .. })) => {
                prop_assert!(mode == FallbackMode::Ask && follows && position == 1 && failovers.len() == 1);
            }
            (Does::Fails, Err(Error::FailoverOff { .. })) => prop_assert!(mode == FallbackMode::Off && follows),
            (Does::Fails, Err(Error::ChainFailed { failovers, .. })) => prop_assert!(!follows && failovers.len() == last && last > 0),
            (Does::Fails, Err(error)) => prop_assert!(!follows && last == 0 && error == down(NAMES[0])),
            (does, result) => prop_assert!(false, "{does:?} {result:?}"),
        }
    }
}

/// Keeps every figure by its name and labels.
#[derive(Default)]
struct Figures(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Figures {
    fn cell(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        Arc::clone(self.0.lock().entry(format!("{}{}", key.name(), labels.collect::<String>())).or_default())
    }

    fn get(&self, name: &str) -> Option<u64> {
        self.0.lock().get(name).map(|cell| cell.load(Ordering::Relaxed))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn failovers_and_breakers_are_measured() {
    let figures = Figures::default();
    metrics::with_local_recorder(&figures, || {
        let a = Script::new("a", vec![Line::Fails(down("a")), Line::Fails(down("a"))]);
        let b = Script::new("b", (0..3).map(|_| Line::Says("Hi.")).collect());
        let models = chain(FallbackMode::Auto, &[&a, &b]);
        let breaker = || figures.get("caxton_model_breaker_state provider=a").map(f64::from_bits);
        assert_eq!(breaker(), Some(0.0));
        run(async {
            for _ in 0..3 {
                models.ask(&hello(), None).await.unwrap();
            }
        });
        assert_eq!(breaker(), Some(2.0));
    });
    let counted = |name: &str| figures.get(name);
    assert_eq!(counted("caxton_model_failovers_total from=a/m to=b/m code=unavailable"), Some(3));
    assert_eq!(counted("caxton_model_requests_total provider=a outcome=error"), Some(2), "the third question did not reach it");
    assert_eq!(counted("caxton_model_requests_total provider=b outcome=ok"), Some(3));
}
