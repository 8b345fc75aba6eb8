//! Logs: where they go, how they look and how much of them; the level can change while the server runs.

use caxton_types::{Code, Fault};
use std::io::IsTerminal;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, fmt::writer::BoxMakeWriter, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

impl From<&caxton_config::server::Logging> for LogOptions {
    fn from(logging: &caxton_config::server::Logging) -> Self {
        use caxton_config::server as config;
        Self {
            level: logging.level.to_string(),
            format: match logging.format {
                config::LogFormat::Json => LogFormat::Json,
                config::LogFormat::Pretty => LogFormat::Pretty,
                config::LogFormat::Compact => LogFormat::Compact,
            },
            output: match logging.output {
                config::LogOutput::Stdout => LogOutput::Stdout,
                config::LogOutput::Stderr => LogOutput::Stderr,
            },
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object, for machines.
    #[default]
    Json,
    /// Several lines, for eyes.
    Pretty,
    /// One line, for eyes.
    Compact,
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogOutput {
    /// The standard output.
    #[default]
    Stdout,
    /// The standard error.
    Stderr,
}

/// How to log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// A level, or `target=level` pairs.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
    /// Where it goes.
    pub output: LogOutput,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::default(), output: LogOutput::default() }
    }
}

/// Why logging could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no filter.
    #[error("`{text}` is not a log filter")]
    Filter {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody was faster.
    #[error("logging is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// The subscriber is gone.
    #[error("the log level cannot change any more")]
    Gone(#[from] reload::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Filter { .. } => Code::Invalid,
            Self::Twice(_) | Self::Gone(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Filter { .. } => {
                Some("use `error`, `warn`, `info`, `debug`, `trace`, or pairs such as `caxton_runtime=debug,info`".into())
            }
            Self::Twice(_) | Self::Gone(_) => None,
        }
    }
}

/// The libraries of the wire formats log what others send, prompts and all: only who asks for it by name gets that.
const QUIET: &str = "genai=off,rmcp=error";

fn filter(text: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder().parse(format!("{QUIET},{text}")).map_err(|source| Error::Filter { text: text.to_owned(), source })
}

/// Whether the text is a filter.
pub(crate) fn check(text: &str) -> Result<(), Error> {
    filter(text).map(drop)
}

/// The level of the logs, to be changed while the server runs.
#[derive(Debug, Clone)]
pub struct LogLevel(Option<reload::Handle<EnvFilter, Registry>>);

impl LogLevel {
    /// The handle of a process whose logs are not ours to set up: a change is checked and otherwise without effect.
    pub const fn detached() -> Self {
        Self(None)
    }

    /// Logs by this filter from now on.
    pub fn set(&self, text: &str) -> Result<(), Error> {
        let filter = filter(text)?;
        self.0.as_ref().map_or(Ok(()), |handle| handle.reload(filter).map_err(Error::from))
    }
}

/// Sets up the logs of this process; once.
pub fn init(options: &LogOptions) -> Result<LogLevel, Error> {
    let (filter, handle) = reload::Layer::new(filter(&options.level)?);
    tracing_subscriber::registry().with(filter).with(lines(options)).try_init()?;
    Ok(LogLevel(Some(handle)))
}

type Filtered = tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>;

fn lines(options: &LogOptions) -> Box<dyn Layer<Filtered> + Send + Sync> {
    let (writer, colours) = match options.output {
        LogOutput::Stdout => (BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal()),
        LogOutput::Stderr => (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal()),
    };
    let lines = fmt::layer().with_writer(writer).with_ansi(colours && options.format != LogFormat::Json);
    match options.format {
        // The list of spans holds the trace id of the request or the turn, whichever span is the current one.
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(true).boxed(),
        LogFormat::Pretty => lines.pretty().boxed(),
        LogFormat::Compact => lines.compact().boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_checked_before_it_is_set() {
        assert!(LogLevel::detached().set("caxton_runtime=debug,info").is_ok());
        let error = LogLevel::detached().set("caxton=loud").unwrap_err();
        assert_eq!((error.code(), error.to_string()), (Code::Invalid, "`caxton=loud` is not a log filter".to_owned()));
        assert!(error.hint().is_some());
    }
}
