//! The log: calm lines on standard error for a person, or one JSON object a line for a machine.
//!
//! An event is a constant message and fields:
//!
//! ```
//! tracing::warn!(run = "20261122T050738Z-3fa9c1", remaining = 12, "lms request failed");
//! // warning: lms request failed  run=20261122T050738Z-3fa9c1 remaining=12
//! ```
//!
//! **Never:** no personal data and no secret in a field or message; dependencies log warnings at
//! most, whatever the verbosity, unless `RUST_LOG` asks for more.

use std::fmt;
use std::sync::Arc;

use ambient::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt as layers;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How much is logged where `RUST_LOG` does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors.
    Quiet,
    /// Errors and warnings.
    #[default]
    Normal,
    /// What is being done: `-v`.
    Verbose,
    /// Every step: `-vv`.
    Debug,
}

/// In which shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// For a person, with colour.
    Coloured,
    /// For a person, plain.
    #[default]
    Plain,
    /// For a machine: one JSON object a line, with the time in UTC.
    Json,
}

/// What to log and how.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How much.
    pub verbosity: Verbosity,
    /// In which shape.
    pub shape: Shape,
    /// What `RUST_LOG` holds; it wins over `verbosity`.
    pub directives: Option<String>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `RUST_LOG` is not a filter.
    #[error("RUST_LOG is not a filter such as `info` or `delivery=debug,warn`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A log was set up before.
    #[error("the log is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Our own crates, which `verbosity` is about.
const OURS: [&str; 14] = [
    "delivery",
    "hosted",
    "lms",
    "pipeline",
    "plan",
    "readers",
    "report",
    "rollcall",
    "roster",
    "runtime",
    "sandbox",
    "school",
    "store",
    "store_aws",
];

impl Settings {
    /// The filter of these settings: by target and level. What else a filter can go by would bring
    /// regular expressions into every function.
    pub fn filter(&self) -> Result<Targets, LoggingError> {
        if let Some(directives) = self.directives.as_deref().filter(|d| !d.trim().is_empty()) {
            return Ok(directives.parse()?);
        }
        let level = match self.verbosity {
            Verbosity::Quiet => return Ok("error".parse()?),
            Verbosity::Normal => return Ok("warn".parse()?),
            Verbosity::Verbose => "info",
            Verbosity::Debug => "debug",
        };
        let ours = OURS.map(|name| format!("{name}={level}")).join(",");
        Ok(format!("warn,{ours}").parse()?)
    }
}

/// Sets up the log of this process. `writer` is where lines go: standard error, or something that
/// steps around a progress bar on it.
pub fn init<W>(settings: &Settings, clock: Arc<dyn Clock>, writer: W) -> Result<(), LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = layer(settings, clock, writer)?;
    Ok(tracing_subscriber::registry().with(layer).try_init()?)
}

/// The layer that [`init`] sets up, for tests and for processes with layers of their own.
pub fn layer<S, W>(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, LoggingError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = settings.filter()?;
    let layer = layers::layer().with_writer(writer);
    Ok(match settings.shape {
        Shape::Json => {
            let layer = layer.json().flatten_event(true).with_timer(InUtc(clock));
            layer.with_current_span(true).with_span_list(false).with_filter(filter).boxed()
        }
        Shape::Coloured | Shape::Plain => {
            let ansi = settings.shape == Shape::Coloured;
            layer.with_ansi(ansi).event_format(Lines).with_filter(filter).boxed()
        }
    })
}

struct InUtc(Arc<dyn Clock>);

impl FormatTime for InUtc {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{}", self.0.now())
    }
}

/// One event a line: `warning: message  field=value`. No time and no module: a person is watching.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (word, style) = match *event.metadata().level() {
            Level::ERROR => ("error", "\x1b[1;31m"),
            Level::WARN => ("warning", "\x1b[1;33m"),
            Level::INFO => ("info", "\x1b[36m"),
            Level::DEBUG => ("debug", "\x1b[2m"),
            Level::TRACE => ("trace", "\x1b[2m"),
        };
        let mut line = Line::default();
        event.record(&mut line);
        let (on, dim, off) =
            if writer.has_ansi_escapes() { (style, "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        write!(writer, "{on}{word}:{off} {}", line.message)?;
        if !line.fields.is_empty() {
            write!(writer, " {dim}{}{off}", line.fields)?;
        }
        writeln!(writer)
    }
}

/// An event's message and its fields. Control characters are shown, not obeyed.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn put(&mut self, name: &str, value: &str) {
        let to = match name {
            "message" => &mut self.message,
            _ => {
                self.fields.push(' ');
                self.fields.push_str(name);
                self.fields.push('=');
                &mut self.fields
            }
        };
        for c in value.chars() {
            if c.is_control() { to.extend(c.escape_default()) } else { to.push(c) }
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use ambient::ManualClock;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: &Settings) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
        let layer = layer(settings, clock, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(target: "delivery", run = "r-1", key = "a\u{1b}[2Jb", "lms request failed");
            tracing::info!(target: "delivery", batch = 3, "batch sent");
            tracing::info!(target: "hyper", "connection opened");
        });
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_person_sees_warnings_and_no_control_characters() {
        let lines = logged(&Settings::default());
        assert_eq!(lines, "warning: lms request failed  run=r-1 key=a\\u{1b}[2Jb\n");
        let settings = Settings { shape: Shape::Coloured, ..Settings::default() };
        let expected = "\u{1b}[1;33mwarning:\u{1b}[0m lms request failed \u{1b}[2m run=r-1";
        assert!(logged(&settings).starts_with(expected));
    }

    #[test]
    fn verbose_is_about_our_own_crates_and_rust_log_wins() {
        let mut settings = Settings { verbosity: Verbosity::Verbose, ..Settings::default() };
        assert_eq!(logged(&settings).lines().last(), Some("info: batch sent  batch=3"));
        settings.directives = Some("hyper=info".into());
        assert_eq!(logged(&settings), "info: connection opened\n");
        settings.directives = Some("delivery=loud".into());
        assert!(settings.filter().is_err());
    }

    #[test]
    fn a_machine_gets_one_object_a_line_with_the_injected_time() {
        let settings = Settings { shape: Shape::Json, ..Settings::default() };
        insta::assert_snapshot!(logged(&settings), @r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"lms request failed","run":"r-1","key":"a\u001b[2Jb","target":"delivery"}"#);
    }
}
