//! What an attack is, and one try at it.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use caxton_sandbox::{Call, Denial, Error as SandboxError, HostCalls, Limits, Sandbox};
use caxton_types::{Code, Fault as _, Permissions};
use serde::Serialize;

use crate::{Error, Guard, guest::TOOL, stage::Stage};

/// What of an answer is told.
const TOLD_LEN_MAX: usize = 200;

/// One attack. What becomes of both its runs is judged in `run`.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What it tries.
    pub(crate) what: &'static str,
    /// The one guard that must stop it.
    pub(crate) guard: Guard,
    pub(crate) twin: Twin,
    pub(crate) act: Act,
}

pub(crate) type Acting<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send + 'a>>;
pub(crate) type Act = for<'a> fn(&'a Stage, Side) -> Acting<'a>;

/// Attacks by name, guard and what they try; each with the function that performs it. Where nobody can widen the guard, `(control)`
/// stands behind it.
macro_rules! attacks {
    (@twin) => { $crate::Twin::Widened };
    (@twin control) => { $crate::Twin::Control };
    ($($(#[$where:meta])* $name:literal by $guard:ident $(($twin:tt))?: $what:literal => $act:ident;)*) => {
        &[$($(#[$where])* $crate::attack::Attack {
            name: $name,
            what: $what,
            guard: $crate::Guard::$guard,
            twin: $crate::attack::attacks!(@twin $($twin)?),
            act: |stage, side| Box::pin($act(stage, side)),
        }),*]
    };
}
pub(crate) use attacks;

/// What the second run of an attack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Twin {
    /// The same guest with the same arguments, and nothing but its guard widened: it must succeed, or it was not this guard.
    #[serde(rename = "guard widened")]
    Widened,
    /// Nobody can widen the guard, which is the engine's own or has no setting. An honest form of the guest must succeed; that shows
    /// only that such guests run here.
    #[serde(rename = "control")]
    Control,
}

/// What an attack is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Time of the processor, and of those who wait.
    Time,
    /// Memory in all its forms.
    Memory,
    /// Files of the host.
    Files,
    /// The network, this machine's own above all.
    Network,
    /// What the host gives to every guest, and what guests hand to it.
    Host,
    /// Other calls, other workspaces, other agents.
    Isolation,
    /// The loading of components.
    Loading,
}

/// How an attack is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// As a server would.
    Guarded,
    /// As its twin.
    Twin,
}

impl Side {
    pub(crate) fn pick<T>(self, guarded: T, twin: T) -> T {
        match self {
            Self::Guarded => guarded,
            Self::Twin => twin,
        }
    }
}

/// What came of one run of an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// It did not get what it wanted.
    Stopped {
        /// What stopped it.
        guard: Guard,
        /// The code of the error that a caller would get.
        code: Code,
        /// The error, with its limit.
        told: String,
    },
    /// It did.
    Succeeded {
        /// What it has to show for it.
        told: String,
    },
}

impl Outcome {
    pub(crate) fn stopped(error: &SandboxError) -> Self {
        Self::Stopped { guard: Guard::of(error), code: error.code(), told: error.to_string() }
    }

    /// It was stopped without an error: it found nothing, or was told so.
    pub(crate) fn foiled(guard: Guard, told: impl Into<String>) -> Self {
        Self::Stopped { guard, code: Code::Denied, told: told.into() }
    }

    pub(crate) fn succeeded(told: &str) -> Self {
        Self::Succeeded { told: shortened(told) }
    }

    /// It answers something that nobody expects.
    pub(crate) fn odd(answer: &str) -> Self {
        Self::Stopped { guard: Guard::Unknown, code: Code::Internal, told: format!("it answers `{}`", shortened(answer)) }
    }

    /// What is told of it.
    pub fn told(&self) -> &str {
        match self {
            Self::Stopped { told, .. } | Self::Succeeded { told } => told,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TOLD_LEN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// One load of a guest and one call of it.
pub(crate) struct Try<'a> {
    wasm: Bytes,
    arguments: String,
    sandbox: &'a Sandbox,
    permissions: Permissions,
    limits: Limits,
    host: Option<Arc<dyn HostCalls>>,
    gain: Gain,
    foils: Vec<(&'static str, Guard, &'static str)>,
}

/// The answer with which a guest has succeeded.
enum Gain {
    Is(String),
    Len(usize),
}

impl<'a> Try<'a> {
    /// See [`Stage::attempt_in`].
    pub(crate) fn new(sandbox: &'a Sandbox, wasm: Bytes, arguments: impl Into<String>) -> Self {
        let (permissions, limits, gain) = (Permissions::default(), Limits::default(), Gain::Is("ok".to_owned()));
        Self { wasm, arguments: arguments.into(), sandbox, permissions, limits, host: None, gain, foils: Vec::new() }
    }

    pub(crate) fn granted(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    pub(crate) fn limited(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Who answers what it asks of the host.
    pub(crate) fn hosted(mut self, host: Arc<dyn HostCalls>) -> Self {
        self.host = Some(host);
        self
    }

    /// It has succeeded if it answers this; `ok` if nothing is said.
    pub(crate) fn gains(mut self, answer: impl Into<String>) -> Self {
        self.gain = Gain::Is(answer.into());
        self
    }

    /// It has succeeded if it answers so much.
    pub(crate) fn gains_len(mut self, len: usize) -> Self {
        self.gain = Gain::Len(len);
        self
    }

    /// A guard has stopped it if it answers this.
    pub(crate) fn foiled(mut self, answer: &'static str, guard: Guard, told: &'static str) -> Self {
        self.foils.push((answer, guard, told));
        self
    }

    pub(crate) async fn run(self) -> Outcome {
        let component = match self.sandbox.load_granted("hostile", self.wasm.clone(), &self.permissions).await {
            Ok(component) => component,
            Err(error) => return Outcome::stopped(&error),
        };
        let ended =
            component.perform(Call { limits: self.limits, host: self.host.clone(), ..Call::new(TOOL, self.arguments.as_str()) }).await;
        match ended.result {
            Ok(answer) => self.judge(&answer, &ended.denials),
            Err(error) => Outcome::stopped(&error),
        }
    }

    fn judge(&self, answer: &str, denials: &[Denial]) -> Outcome {
        let gained = match &self.gain {
            Gain::Is(text) => text == answer,
            Gain::Len(len) => *len == answer.len(),
        };
        if gained {
            return Outcome::succeeded(answer.trim_matches('\0'));
        }
        let Some((_, guard, told)) = self.foils.iter().find(|(foil, ..)| *foil == answer) else { return Outcome::odd(answer) };
        let denied = denials.first().map_or_else(String::new, |denial| format!("; denied: {}", denial.what));
        Outcome::foiled(*guard, format!("{told}{denied}"))
    }
}
