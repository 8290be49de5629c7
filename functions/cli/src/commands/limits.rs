//! `rollcall limits`

use std::time::Duration;

use ambient::Timestamp;
use clap::{Args, Subcommand, ValueEnum};
use pipeline::{LimitsNow, Wish};
use plan::{Counts, Limit, Limited, Part, Span};
use report::json::SCHEMA;
use report::text;
use roster::Kind;
use runtime::Exit;
use serde::Serialize;
use store::state::limits::Given;

use super::approve::who;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Show how much may change before it is held, or allow more for a while
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollcall limits
  rollcall limits allow --kind enrollment --percent 40 --for 24h")]
pub struct Limits {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    Allow(Allow),
}

/// Allow more of one kind for a while; it ends by itself
#[derive(Debug, Args)]
#[command(after_help = "\
The next plans go by it, for their run and for the seven days. What is delivered under it does not
count in the days that follow. A newer one of the same kind and action takes its place.

Examples:
  rollcall limits allow --kind enrollment --percent 40 --for 24h
  rollcall limits allow --kind person --action create --count 500 --for 2d --by \"J. Doe\"")]
struct Allow {
    /// Of which kind: person, course, enrollment, ...
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Kind,
    /// What: removals (suspended or removed), suspend, delete, create, update, restore
    #[arg(long, value_name = "ACTION", default_value = "removals", hide_possible_values = true)]
    action: ActionArg,
    /// Which share of what the LMS holds, in percent
    #[arg(
        long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100),
        required_unless_present = "count"
    )]
    percent: Option<u8>,
    /// How many
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// For how long: 90m, 24h, 7d; at most 31 days
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    lasts: Duration,
    /// Who allows it [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// [`Limited`], as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ActionArg {
    Removals,
    Suspend,
    Delete,
    Create,
    Update,
    Restore,
}

impl ActionArg {
    fn limited(self) -> Limited {
        match self {
            Self::Removals => Limited::Removals,
            Self::Suspend => Limited::Suspend,
            Self::Delete => Limited::Delete,
            Self::Create => Limited::Create,
            Self::Update => Limited::Update,
            Self::Restore => Limited::Restore,
        }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| {
        let all: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        format!("a kind is one of {}", all.join(", "))
    })
}

/// A number of minutes, hours or days.
fn span(text: &str) -> Result<Duration, String> {
    let unit = match text.chars().last() {
        Some('m') => Some(60),
        Some('h') => Some(3600),
        Some('d') => Some(86_400),
        _ => None,
    };
    let seconds = unit.and_then(|unit| {
        let number = text[..text.len() - 1].parse::<u64>().ok()?;
        number.checked_mul(unit)
    });
    let fits = seconds.map(Duration::from_secs).filter(|span| !span.is_zero());
    fits.ok_or_else(|| "a time is a number of minutes, hours or days: 90m, 24h, 7d".to_owned())
}

/// One limit that holds.
#[derive(Serialize)]
struct Item {
    kind: Kind,
    action: Limited,
    span: Span,
    percent: Option<u8>,
    count: Option<u64>,
    minimum: u64,
    /// How many of the last seven days count already.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// Until when somebody allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    window: Option<Open<'a>>,
    hold_emptied_courses: bool,
    sharp_drop: Option<plan::SharpDrop>,
    week: &'a Counts,
    items: Vec<Item>,
    parts: Vec<PartItem<'a>>,
    allowances: &'a [Given],
}

/// One limit of a source's or a data source key's own, in a run.
#[derive(Serialize)]
struct PartItem<'a> {
    part: Part,
    name: &'a str,
    /// None: every kind that has none of its own here.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    action: Limited,
    #[serde(flatten)]
    limit: Limit,
}

#[derive(Serialize)]
struct Open<'a> {
    name: &'a str,
    until: &'a str,
}

#[derive(Serialize)]
struct Allowed<'a> {
    schema: u32,
    #[serde(flatten)]
    given: &'a Given,
}

impl Limits {
    /// Shows the limits, or notes an allowance.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        match self.what {
            None => show(setting).await,
            Some(What::Allow(allow)) => allow.run(setting).await,
        }
    }
}

impl Allow {
    async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write).await?;
        let wish = Wish {
            kind: self.kind,
            limited: self.action.limited(),
            percent: self.percent,
            count: self.count,
            lasts: self.lasts,
        };
        let by = self.by.unwrap_or_else(who);
        let given = home.pipeline.allow(wish, &by).await?;
        console.object(&Allowed { schema: SCHEMA, given: &given })?;
        console.report(&format!(
            "Until {:.0} the limit of {} ({}) is {}. The next plan goes by it.\n",
            given.allowance.until,
            self.kind.name().replace('_', " "),
            given.allowance.limited.name(),
            much(given.allowance.percent, given.allowance.count),
        ));
        Ok(Exit::Done)
    }
}

async fn show(setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let home = Home::open(setting, Access::Read).await?;
    let now = home.pipeline.limits_now().await?;
    let items = items(&now);
    if console.is_json() {
        let window = now.window.as_ref().map(|(name, until)| Open { name, until });
        console.object(&Shown {
            schema: SCHEMA,
            window,
            hold_emptied_courses: now.limits.hold_emptied_courses,
            sharp_drop: now.limits.sharp_drop,
            week: &now.week,
            items,
            parts: parts(&now),
            allowances: &now.given,
        })?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    console.print(&text::table(&HEAD, &rows, &console.look()));
    let own: Vec<Vec<String>> = parts(&now).iter().map(part_row).collect();
    if !own.is_empty() {
        console.print("\nBeside these, in a run:\n");
        console.print(&text::table(&PART_HEAD, &own, &console.look()));
    }
    console.print(&beside(&now));
    Ok(Exit::Done)
}

const PART_HEAD: [&str; 5] = ["of", "name", "kind", "action", "limit"];

/// Every limit that parts have of their own.
fn parts(now: &LimitsNow) -> Vec<PartItem<'_>> {
    let mut items = Vec::new();
    for own in &now.limits.parts {
        let all = own.table.all.iter().map(|(action, limit)| (None, *action, *limit));
        let kinds =
            own.table.kinds.iter().flat_map(|(kind, of)| {
                of.iter().map(|(action, limit)| (Some(*kind), *action, *limit))
            });
        for (kind, action, limit) in all.chain(kinds) {
            items.push(PartItem { part: own.part, name: &own.name, kind, action, limit });
        }
    }
    items
}

fn part_row(item: &PartItem<'_>) -> Vec<String> {
    let kind = item.kind.map_or_else(|| "every".to_owned(), |kind| kind.name().replace('_', " "));
    vec![
        item.part.name().to_owned(),
        report::harmless_text(item.name),
        kind,
        item.action.name().to_owned(),
        with_minimum(item.limit),
    ]
}

const HEAD: [&str; 6] = ["kind", "action", "over", "limit", "used", "until"];

/// Every limit that holds, kind by kind.
fn items(now: &LimitsNow) -> Vec<Item> {
    let standing = |kind, limited| {
        let of = now.given.iter().map(|given| &given.allowance);
        let mut of = of.filter(|one| (one.kind, one.limited) == (kind, limited));
        of.find(|one| one.until > now.at).map(|one| one.until)
    };
    let mut items = Vec::new();
    for kind in Kind::ALL {
        for action in Limited::ALL {
            for span in [Span::Run, Span::Week] {
                let Some(Limit { percent, count, minimum }) = now.limits.limit(kind, action, span)
                else {
                    continue;
                };
                let used = (span == Span::Week).then(|| action.sum(&now.week, kind));
                let until = standing(kind, action);
                items.push(Item { kind, action, span, percent, count, minimum, used, until });
            }
        }
    }
    items
}

fn row(item: &Item) -> Vec<String> {
    let Item { percent, count, minimum, .. } = *item;
    vec![
        item.kind.name().replace('_', " "),
        item.action.name().to_owned(),
        match item.span {
            Span::Run => "a run".to_owned(),
            Span::Week => "7 days".to_owned(),
        },
        with_minimum(Limit { percent, count, minimum }),
        item.used.filter(|used| *used > 0).map(|used| used.to_string()).unwrap_or_default(),
        item.until.map(|until| format!("{until:.0}")).unwrap_or_default(),
    ]
}

/// `40 %, from 10 up`.
fn with_minimum(limit: Limit) -> String {
    let Limit { percent, count, minimum } = limit;
    match percent {
        Some(_) if minimum > 1 => format!("{}, from {minimum} up", much(percent, count)),
        _ => much(percent, count),
    }
}

/// `40 %`, `at most 500`, or both.
fn much(percent: Option<u8>, count: Option<u64>) -> String {
    match (percent, count) {
        (Some(percent), Some(count)) => format!("{percent} %, at most {count}"),
        (Some(percent), None) => format!("{percent} %"),
        (None, Some(count)) => format!("at most {count}"),
        (None, None) => "none".to_owned(),
    }
}

/// What stands below the table.
fn beside(now: &LimitsNow) -> String {
    let mut text = String::new();
    if let Some((name, until)) = &now.window {
        text.push_str(&format!("Window `{name}` is open until {until}.\n"));
    }
    if now.limits.hold_emptied_courses {
        text.push_str("A course that would lose all its students is held.\n");
    }
    if let Some(drop) = now.limits.sharp_drop.filter(|drop| drop.percent < 100) {
        text.push_str(&format!(
            "A school, course, file or data source key that drops by more than {} %, from {} \
             records up, loses nothing before somebody looks.\n",
            drop.percent, drop.minimum
        ));
    }
    for given in now.given.iter().filter(|given| given.allowance.until > now.at) {
        text.push_str(&format!(
            "{} of {} allowed by {} on {:.0}, until {:.0}.\n",
            given.allowance.limited.name(),
            given.allowance.kind.name().replace('_', " "),
            report::harmless_text(&given.by),
            given.at,
            given.allowance.until,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_kinds_are_read_or_refused() {
        assert_eq!(span("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(span("90m"), Ok(Duration::from_secs(5_400)));
        for wrong in ["", "h", "0d", "-1h", "1w", "99999999999999999999d", "é"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        assert_eq!(kind("group_member"), Ok(Kind::GroupMember));
        assert!(kind("pupil").is_err());
    }
}
