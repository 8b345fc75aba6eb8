use super::*;
use proptest::{collection::vec, prelude::*};

const OPTIONS: BreakerOptions =
    BreakerOptions { failures_max: 3, open_for: Duration::from_millis(100), open_for_max: Duration::from_millis(250), probes_max: 2 };

#[derive(Debug, Clone, Copy)]
enum Step {
    Admit,
    /// Settles one of the calls under way.
    Settle(usize, CallVerdict),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![2 => Just(CallVerdict::Failure), 1 => Just(CallVerdict::Success), 1 => Just(CallVerdict::Unknown)];
    vec(
        prop_oneof![4 => Just(Step::Admit), 4 => (0..4_usize, verdict).prop_map(|(at, v)| Step::Settle(at, v)), 1 => (0..300_u64).prop_map(Step::Wait)],
        1..200,
    )
}

/// The reference keeps the whole story of what was settled and reads the state from it anew each time.
#[derive(Default)]
struct Reference {
    /// When the present state began, in the order of all states since the last closing; each with what was settled in it.
    story: Vec<Chapter>,
}

struct Chapter {
    state: BreakerState,
    began: u64,
    settled: Vec<CallVerdict>,
    admitted: usize,
}

impl Reference {
    fn now(&mut self) -> &mut Chapter {
        if self.story.is_empty() {
            self.begin(BreakerState::Closed, 0);
        }
        self.story.last_mut().unwrap()
    }

    fn begin(&mut self, state: BreakerState, began: u64) {
        self.story.push(Chapter { state, began, settled: vec![], admitted: 0 });
    }

    fn chapter(&mut self) -> usize {
        self.now();
        self.story.len()
    }

    /// Openings since it was closed last, times the base, up to the bound.
    fn open_ms(&self) -> u64 {
        let since = self.story.iter().rev().take_while(|chapter| chapter.state != BreakerState::Closed);
        let openings = since.filter(|chapter| chapter.state == BreakerState::Open).count() as u64;
        (openings * 100).min(250)
    }

    fn admits(&mut self, at: u64) -> bool {
        let (state, began) = (self.now().state, self.now().began);
        if state == BreakerState::Open {
            if at < began + self.open_ms() {
                return false;
            }
            self.begin(BreakerState::HalfOpen, at);
        }
        let chapter = self.now();
        let free = chapter.settled.iter().filter(|verdict| **verdict == CallVerdict::Unknown).count();
        let admits = chapter.state == BreakerState::Closed || chapter.admitted - free < 2;
        chapter.admitted += usize::from(admits);
        admits
    }

    fn settles(&mut self, admitted_in: usize, verdict: CallVerdict, at: u64) {
        if admitted_in != self.chapter() {
            return;
        }
        let chapter = self.now();
        chapter.settled.push(verdict);
        let known: Vec<_> = chapter.settled.iter().copied().filter(|verdict| *verdict != CallVerdict::Unknown).collect();
        let in_a_row = known.iter().rev().take_while(|verdict| **verdict == CallVerdict::Failure).count();
        match (chapter.state, known.last()) {
            (BreakerState::Closed, _) if in_a_row >= 3 => self.begin(BreakerState::Open, at),
            (BreakerState::HalfOpen, Some(CallVerdict::Failure)) => self.begin(BreakerState::Open, at),
            (BreakerState::HalfOpen, Some(CallVerdict::Success)) => self.begin(BreakerState::Closed, at),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_its_story_says(steps in steps()) {
        let start = Instant::now();
        let (mut breaker, mut reference, mut at) = (Breaker::new(OPTIONS), Reference::default(), 0);
        let mut calls: Vec<(Permit, usize)> = vec![];
        for step in steps {
            let (before, now) = (breaker.state(), start + Duration::from_millis(at));
            let change = match step {
                Step::Wait(ms) => {
                    at += ms;
                    None
                }
                Step::Admit => match breaker.admit(now) {
                    Ok(admitted) => {
                        prop_assert!(reference.admits(at));
                        calls.push((admitted.permit, reference.chapter()));
                        admitted.change
                    }
                    Err(rejected) => {
                        prop_assert!(!reference.admits(at));
                        prop_assert!(rejected.retry_in <= OPTIONS.open_for_max);
                        // Whoever waits as told is let through, unless probes are under way.
                        let later = breaker.clone().admit(now + rejected.retry_in);
                        prop_assert_eq!(later.is_ok(), breaker.state() == BreakerState::Open);
                        None
                    }
                },
                Step::Settle(_, _) if calls.is_empty() => None,
                Step::Settle(call, verdict) => {
                    let (permit, chapter) = calls.swap_remove(call % calls.len());
                    reference.settles(chapter, verdict, at);
                    breaker.settle(permit, verdict, now)
                }
            };
            prop_assert_eq!(breaker.state(), reference.now().state);
            let expected = (before != breaker.state()).then(|| BreakerChange { from: before, to: breaker.state() });
            prop_assert_eq!(change, expected, "every change is told, and nothing else");
        }
    }
}

#[test]
fn it_opens_stays_open_longer_each_time_and_closes() {
    let (mut breaker, mut now) = (Breaker::new(OPTIONS), Instant::now());
    for failure in 1..=3 {
        let permit = breaker.admit(now).unwrap().permit;
        let change = breaker.settle(permit, CallVerdict::Failure, now);
        assert_eq!(change, (failure == 3).then_some(BreakerChange { from: BreakerState::Closed, to: BreakerState::Open }));
    }
    for open_ms in [100, 200, 250, 250] {
        let period = Duration::from_millis(open_ms);
        assert_eq!(breaker.admit(now), Err(Rejected { retry_in: period }));
        now += period;
        let probe = breaker.admit(now).unwrap();
        assert_eq!(probe.change, Some(BreakerChange { from: BreakerState::Open, to: BreakerState::HalfOpen }));
        assert!(breaker.settle(probe.permit, CallVerdict::Failure, now).is_some());
    }
    now += Duration::from_millis(250);
    let probe = breaker.admit(now).unwrap().permit;
    let closed = breaker.settle(probe, CallVerdict::Success, now).unwrap();
    assert_eq!((closed.to.to_string().as_str(), breaker.state()), ("closed", BreakerState::Closed));
}

#[test]
fn words_are_written_alike_everywhere() {
    for state in [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.to_string());
    }
}
