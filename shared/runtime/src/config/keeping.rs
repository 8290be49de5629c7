//! For how long things are kept, and what the log shows.

use std::time::Duration;

use roster::Severity;
use serde::Deserialize;

/// For how long what is stored is kept; what is `None` is kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeping {
    /// The least severe that the log shows.
    pub log_level: Option<Severity>,
    /// Runs, and with them what the log tells.
    pub log: Option<Duration>,
    /// Plans.
    pub plans: Option<Duration>,
    /// Findings and reports.
    pub reports: Option<Duration>,
    /// What was done to each record.
    pub history: Option<Duration>,
    /// The audit trail.
    pub audit: Option<Duration>,
    /// For how long backups are kept.
    pub backups: Option<Duration>,
    /// Passwords of new accounts that are handed over; a fortnight where it is `None`.
    pub credentials: Option<Duration>,
}

/// A long time: `"90d"`, `"12w"`, `"3y"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Keep(Duration);

impl TryFrom<String> for Keep {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "it is a number of days, weeks or years, for instance \"90d\", \"12w\" or \
                     \"3y\", at least a day and at most a hundred years";
        let (number, days) = match text.char_indices().next_back() {
            Some((at, 'd')) => (&text[..at], 1),
            Some((at, 'w')) => (&text[..at], 7),
            // With its leap day, so that nothing goes too early.
            Some((at, 'y')) => (&text[..at], 366),
            _ => return Err(wrong),
        };
        let days = number.parse::<u64>().ok().and_then(|number| number.checked_mul(days));
        let fits = days.filter(|days| (1..=36_600).contains(days));
        fits.map(|days| Self(Duration::from_secs(days * 86_400))).ok_or(wrong)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Error,
    Warning,
    Info,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogSection {
    level: Option<Level>,
    keep: Option<Keep>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    plans: Option<Keep>,
    reports: Option<Keep>,
    history: Option<Keep>,
    audit: Option<Keep>,
    backups: Option<Keep>,
    credentials: Option<Keep>,
}

impl RetentionSection {
    pub fn into_keeping(self, log: LogSection) -> Keeping {
        let time = |keep: Option<Keep>| keep.map(|keep| keep.0);
        Keeping {
            log_level: log.level.map(|level| match level {
                Level::Error => Severity::Error,
                Level::Warning => Severity::Warning,
                Level::Info => Severity::Note,
            }),
            log: time(log.keep),
            plans: time(self.plans),
            reports: time(self.reports),
            history: time(self.history),
            audit: time(self.audit),
            backups: time(self.backups),
            credentials: time(self.credentials),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Known};

    #[test]
    fn a_long_time_is_a_number_and_a_unit() {
        let days =
            |text: &str| Keep::try_from(text.to_owned()).map(|keep| keep.0.as_secs() / 86_400);
        assert_eq!(days("90d"), Ok(90));
        assert_eq!(days("12w"), Ok(84));
        assert_eq!(days("3y"), Ok(1098));
        for wrong in ["", "d", "0d", "9", "-1d", "1.5y", "101y", "99999999999999999999d", "1 d"] {
            assert!(days(wrong).unwrap_err().contains("90d"), "{wrong}");
        }
    }

    #[test]
    fn what_is_configured_is_kept_so_long_and_a_slip_is_named_with_its_line() {
        let parse = |more: &str| {
            let text = format!(
                "tenant = \"oak\"\n[[integration]]\nname = \"sis\"\n[[integration.source]]\n\
                 name = \"registrar\"\n[integration.target]\nkind = \"sandbox\"\n{more}"
            );
            let known = Known { formats: &[], targets: &["sandbox"] };
            Config::parse(&text, Path::new("rollcall.toml"), known)
        };
        let config = parse(
            "[integration.log]\nlevel = \"warning\"\nkeep = \"90d\"\n[integration.retention]\n\
             plans = \"400d\"\nhistory = \"3y\"\nbackups = \"5w\"\ncredentials = \"5d\"\n",
        );
        let keeping = &config.unwrap().integrations[0].keeping;
        let days = |time: Option<Duration>| time.map(|time| time.as_secs() / 86_400);
        assert_eq!(keeping.log_level, Some(Severity::Warning));
        assert_eq!((days(keeping.log), days(keeping.plans)), (Some(90), Some(400)));
        assert_eq!((days(keeping.history), days(keeping.backups)), (Some(1098), Some(35)));
        assert_eq!((keeping.reports, keeping.audit), (None, None));
        assert_eq!(days(keeping.credentials), Some(5));
        for (more, line) in [
            ("[integration.retention]\nplan = \"1d\"\n", "rollcall.toml:9"),
            ("[integration.log]\nlevel = \"loud\"\n", "rollcall.toml:9"),
            ("[integration.log]\nkeep = \"soon\"\n", "rollcall.toml:9"),
        ] {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.starts_with(line), "{error}");
        }
    }
}
