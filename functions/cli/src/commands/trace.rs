//! `rollcall trace`

#[path = "trace_provenance.rs"]
mod provenance;

use ambient::Timestamp;
use pipeline::{Enrolled, Noticed, Trace as Story, TraceEvent};
use plan::{Applied, Change, Meta, Ownership, Presence};
use report::json::SCHEMA;
use report::text::{self, Look};
use roster::Record;
use runtime::Exit;
use serde::Serialize;

use crate::failure::Failure;
use crate::home::{Access, Home, Setting};
use provenance::Field;

/// Tell the story of one record: why it is in the LMS as it is, and what was done when
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall trace jmoodle                   a user name, an id, an e-mail address, a course code
  rollcall trace MATH-1/4711               one person in one course, or a group in it
  rollcall trace person:4711               where a bare id would mean several things")]
pub struct Trace {
    /// Whom or what: a bare name or id, or `kind:id`
    #[arg(value_name = "KEY")]
    key: String,
}

/// The story as one object.
#[derive(Serialize)]
struct Told {
    schema: u32,
    key: String,
    conclusion: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    sources: Vec<Said>,
    fields: Vec<Field>,
    lms: Option<Holds>,
    held: Option<Held>,
    findings: Vec<Found>,
    enrollments: Vec<Membership>,
    items: Vec<Event>,
}

#[derive(Serialize)]
struct Said {
    source: String,
    origin: String,
    #[serde(serialize_with = "as_object")]
    fields: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Holds {
    #[serde(flatten)]
    standing: Standing,
    #[serde(serialize_with = "as_object")]
    fields: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Standing {
    presence: Option<&'static str>,
    ownership: &'static str,
    lms_id: Option<String>,
    refused: Option<String>,
    in_doubt: bool,
    first_run: String,
    last_run: String,
}

#[derive(Serialize)]
struct Membership {
    course: String,
    wanted: bool,
    lms: Option<Standing>,
}

#[derive(Serialize)]
struct Held {
    action: &'static str,
    since: String,
    run: String,
    changes: Vec<String>,
}

#[derive(Serialize)]
struct Found {
    run: String,
    severity: &'static str,
    code: &'static str,
    message: String,
    origin: String,
}

#[derive(Serialize)]
struct Event {
    run: String,
    at: Option<Timestamp>,
    action: String,
    outcome: String,
    code: String,
    changes: Vec<String>,
}

impl Trace {
    /// Finds and tells.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Read).await?;
        let story = home.pipeline.trace(&self.key).await?;
        let told = told(story);
        console.object(&told)?;
        console.print(&written(&told, &console.look()));
        Ok(Exit::Done)
    }
}

fn told(story: Story) -> Told {
    let said = story.sources.into_iter().map(|(source, record, file, line)| Said {
        source,
        origin: place(file, line),
        fields: fields(&record),
    });
    let held = story.held.map(|held| Held {
        action: held.change.action.name(),
        changes: changes(&held.change),
        since: held.since,
        run: held.run,
    });
    let found = story.findings.into_iter().map(|Noticed { run, finding, file }| Found {
        run,
        severity: finding.severity.name(),
        code: finding.code,
        message: finding.message,
        origin: place(file, finding.origin.line),
    });
    Told {
        schema: SCHEMA,
        key: story.key.to_string(),
        conclusion: story.conclusion,
        also: story.also.iter().map(ToString::to_string).collect(),
        sources: said.collect(),
        fields: story.fields.into_iter().map(Field::from).collect(),
        lms: story.applied.map(|Applied { record, meta }| Holds {
            standing: standing(meta),
            fields: fields(&record),
        }),
        held,
        findings: found.collect(),
        enrollments: story.enrollments.into_iter().map(membership).collect(),
        items: story.events.into_iter().map(happened).collect(),
    }
}

/// Shown to who asked; passwords show as what they are, never as themselves.
fn fields(record: &Record) -> Vec<(&'static str, String)> {
    let shown = record.fields().into_iter().filter(|(spec, _)| spec.name != "marks");
    shown.map(|(spec, value)| (spec.name, value.into_owned())).collect()
}

/// Field by name, in the order of the record.
fn as_object<S: serde::Serializer>(
    fields: &[(&'static str, String)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

fn standing(meta: Meta) -> Standing {
    Standing {
        presence: meta.presence.map(|presence| match presence {
            Presence::Present => "present",
            Presence::Suspended => "suspended",
            Presence::Removed => "removed",
        }),
        ownership: match meta.ownership {
            Ownership::Created => "created",
            Ownership::Adopted => "adopted",
            Ownership::Found => "found",
        },
        lms_id: meta.lms_id.map(|id| id.to_string()),
        refused: meta.parked.map(|parked| parked.answer.to_string()),
        in_doubt: meta.in_doubt,
        first_run: meta.first_run.to_string(),
        last_run: meta.last_run.to_string(),
    }
}

fn membership(enrolled: Enrolled) -> Membership {
    let Enrolled { course, wanted, applied } = enrolled;
    Membership { course: course.to_string(), wanted, lms: applied.map(standing) }
}

fn happened(TraceEvent { at, entry, change }: TraceEvent) -> Event {
    Event {
        run: entry.run.to_string(),
        at,
        action: entry.action.to_string(),
        outcome: entry.outcome.to_string(),
        code: entry.code.to_string(),
        changes: change.as_ref().map(changes).unwrap_or_default(),
    }
}

/// What a change does, field by field.
fn changes(change: &Change) -> Vec<String> {
    let line = report::Line::of(change, &[]);
    let fields = line.fields.into_iter().map(|field| {
        let nothing = || "nothing".to_owned();
        let (before, after) = (field.before.unwrap_or_else(nothing), field.after);
        format!("{}: {before} → {}", field.field, after.unwrap_or_else(nothing))
    });
    fields.collect()
}

fn place(file: String, line: u32) -> String {
    if line == 0 { file } else { format!("{file}:{line}") }
}

fn written(told: &Told, look: &Look) -> String {
    let mut out = format!("{}\n", sentence(&told.conclusion));
    if !told.also.is_empty() {
        let others: Vec<String> = told.also.iter().map(|key| clean(key)).collect();
        out.push_str(&format!("Others are called so too: {}.\n", others.join(", ")));
    }
    for said in &told.sources {
        out.push_str(&format!("\nSource {} says  {}\n", said.source, clean(&said.origin)));
        listed(&mut out, &said.fields);
    }
    if told.sources.is_empty() {
        out.push_str("\nNo source knows it.\n");
    }
    provenance::written(&mut out, &told.fields, told.sources.len());
    match &told.lms {
        None => out.push_str("\nThe LMS holds nothing of it that we know of.\n"),
        Some(holds) => {
            out.push_str(&format!("\nThe LMS holds  {}\n", stands(&holds.standing)));
            listed(&mut out, &holds.fields);
        }
    }
    if let Some(held) = &told.held {
        let (action, since, run) = (held.action, &held.since, &held.run);
        out.push_str(&format!("\nHeld  {action}, since run {since}, now in run {run}\n"));
        for change in &held.changes {
            out.push_str(&format!("  {}\n", clean(change)));
        }
    }
    if !told.findings.is_empty() {
        out.push_str("\nFindings\n");
        for found in &told.findings {
            let (severity, code) = (found.severity, found.code);
            let (message, origin) = (clean(&found.message), clean(&found.origin));
            out.push_str(&format!("  {severity} {code}  {origin}  {message}\n"));
        }
    }
    if !told.enrollments.is_empty() {
        out.push_str("\nEnrollments\n");
        let rows = told.enrollments.iter().map(|of| {
            let wanted = if of.wanted { "wanted" } else { "not wanted" };
            let lms = of.lms.as_ref().map_or_else(|| "not there".to_owned(), stands);
            vec![clean(&of.course), wanted.to_owned(), lms]
        });
        let rows: Vec<_> = rows.collect();
        out.push_str(&text::table(&["course", "source", "LMS"], &rows, look));
    }
    if !told.items.is_empty() {
        out.push_str("\nHistory\n");
        for event in &told.items {
            let at = event.at.map(|at| at.to_string()).unwrap_or_default();
            let at = at.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned();
            let code =
                if event.code.is_empty() { "" } else { &format!(" ({})", clean(&event.code)) };
            let (action, outcome, run) = (&event.action, &event.outcome, &event.run);
            out.push_str(&format!("  {at:20}  {action} {outcome}{code}  run {run}\n"));
            for change in &event.changes {
                out.push_str(&format!("{:24}{}\n", "", clean(change)));
            }
        }
    }
    out
}

fn stands(standing: &Standing) -> String {
    let mut words = vec![standing.presence.unwrap_or("not there").to_owned()];
    match standing.ownership {
        "adopted" => words.push("taken over".to_owned()),
        "found" => words.push("was there before us and stays as it is".to_owned()),
        _ => {}
    }
    if let Some(id) = &standing.lms_id {
        words.push(format!("LMS id {}", clean(id)));
    }
    if let Some(code) = &standing.refused {
        words.push(format!("refused: {}", clean(code)));
    }
    if standing.in_doubt {
        words.push("in doubt".to_owned());
    }
    words.join(", ")
}

fn listed(out: &mut String, fields: &[(&'static str, String)]) {
    let longest = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in fields {
        out.push_str(&format!("  {name:longest$}  {}\n", clean(value)));
    }
}

/// What comes from an export must not steer a terminal.
fn clean(text: &str) -> String {
    report::harmless_text(text)
}

/// With its full stop.
fn sentence(text: &str) -> String {
    let mut text = clean(text);
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}
