//! `rollcall log`

use std::time::Duration;

use ambient::Timestamp;
use pipeline::{LogEntry, LogFilter};
use report::json::SCHEMA;
use roster::{Kind, Severity};
use runtime::Exit;
use serde::Serialize;

use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Search what happened: runs, findings, what the LMS refused, who approved what
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall log                                    the newest first
  rollcall log --severity error --since 7d        what went wrong this week
  rollcall log --code 'audit-*'                   who approved, rejected, reverted, forgot what
  rollcall log --key p-4711 --since 2026-09-01    all about one record
  rollcall log --kind course --code shortnametaken")]
pub struct Log {
    /// At least so bad: error, warning or info [default: what `[integration.log]` says, else info]
    #[arg(long, value_name = "LEVEL", value_parser = severity)]
    severity: Option<Severity>,
    /// With this code; one that ends in `*` fits all that begin so
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// About this kind of record: person, course, enrollment, ...
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// About this record: `kind:id`, or an id
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// In this run: its id, an end of it, or `last`
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// From then on: a day, a time, or how long ago (`7d`, `12h`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many
    #[arg(long, short = 'n', default_value_t = 200, value_name = "COUNT")]
    limit: usize,
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    integration: &'a str,
    items: Vec<Item<'a>>,
    /// How many more there are.
    more: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    at: Timestamp,
    severity: &'static str,
    code: &'a str,
    kind: Option<&'static str>,
    run: Option<&'a str>,
    key: Option<&'a str>,
    origin: Option<&'a str>,
    message: &'a str,
}

impl Log {
    /// Looks, and says.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let now = setting.clock.now();
        let (since, until) = (time(self.since.as_deref(), now)?, time(self.until.as_deref(), now)?);
        let (home, run) = match &self.run {
            None => (Home::open(setting, Access::Read).await?, None),
            Some(name) => {
                let (home, run) = Home::with_run(setting, Access::Read, name).await?;
                (home, Some(run.id))
            }
        };
        let (severity, code, kind, key) = (self.severity, self.code, self.kind, self.key);
        let filter = LogFilter { severity, code, kind, key, run, since, until };
        let mut found = home.pipeline.log(&filter).await?;
        let more = found.len().saturating_sub(self.limit);
        found.truncate(self.limit);
        let integration = &home.pipeline.integration.scope.integration;
        let items = found.iter().map(item).collect();
        console.object(&Answer { schema: SCHEMA, integration, items, more })?;
        console.print(&written(&found, more));
        Ok(Exit::Done)
    }
}

fn item(entry: &LogEntry) -> Item<'_> {
    Item {
        at: entry.at,
        severity: word(entry.severity),
        code: &entry.code,
        kind: entry.kind.map(Kind::name),
        run: entry.run.as_deref(),
        key: entry.key.as_deref(),
        origin: entry.origin.as_deref(),
        message: &entry.message,
    }
}

fn written(found: &[LogEntry], more: usize) -> String {
    if found.is_empty() {
        return "Nothing of that kind is in the log.\n".to_owned();
    }
    let mut out = String::new();
    for entry in found {
        let at = entry.at.strftime("%F %T");
        let (severity, code) = (word(entry.severity), clean(&entry.code));
        out.push_str(&format!("{at}  {severity:7}  {code}"));
        for (name, value) in [("", &entry.key), ("", &entry.origin)] {
            if let Some(value) = value {
                out.push_str(&format!("  {name}{}", clean(value)));
            }
        }
        out.push_str(&format!("  {}", clean(&entry.message)));
        // The audit trail's own words name the run already.
        if let Some(run) = entry.run.as_ref().filter(|_| !entry.code.starts_with("audit-")) {
            out.push_str(&format!("  run {}", clean(run)));
        }
        out.push('\n');
    }
    if more > 0 {
        out.push_str(&format!("{more} more: `--limit` shows them\n"));
    }
    out
}

/// The configuration's words, which most logs use.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    }
}

/// What comes from an export must not steer a terminal.
fn clean(text: &str) -> String {
    report::harmless_text(text)
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "error" => Ok(Severity::Error),
        "warning" => Ok(Severity::Warning),
        "info" | "note" => Ok(Severity::Note),
        _ => Err("it is error, warning or info".to_owned()),
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.into_iter().map(Kind::name).collect();
        format!("it is one of {}", names.join(", "))
    })
}

/// `2026-09-01`, `2026-09-01T06:00:00Z`, or how long before `now`: `7d`, `12h`, `30m`.
fn time(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        Failure::usage(format!("`{text}` is no time"))
            .hint("a day (2026-09-01), a time (2026-09-01T06:00:00Z), or how long ago (7d, 12h)")
    };
    if let Ok(at) = text.parse() {
        return Ok(Some(at));
    }
    if let Ok(at) = format!("{text}T00:00:00Z").parse() {
        return Ok(Some(at));
    }
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        Some((at, 'w')) => (&text[..at], 7 * 86_400),
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let ago = seconds.and_then(|seconds| now.checked_sub(Duration::from_secs(seconds)).ok());
    ago.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_moment_or_so_long_ago() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-09-01", "2026-09-01T00:00:00Z"),
            ("2026-09-01T06:30:00Z", "2026-09-01T06:30:00Z"),
            ("7d", "2026-11-15T12:00:00Z"),
            ("12h", "2026-11-22T00:00:00Z"),
            ("2w", "2026-11-08T12:00:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(time(Some(text), now).unwrap(), Some(expected), "{text}");
        }
        assert_eq!(time(None, now).unwrap(), None);
        for text in ["", "soon", "d", "99999999999999d", "2026-13-01"] {
            assert!(time(Some(text), now).is_err(), "{text}");
        }
    }
}
