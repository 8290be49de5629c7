//! A simulated Moodle 5.1: its REST web service over rows in memory, kept by a journal.
//!
//! Checks, codes, ids, transactions and oddities follow a real one, seen answer by answer. The
//! messages are not always its own: a client must look at the code.
//!
//! What is not simulated: activities, sections, custom fields, capabilities other than those of
//! the one service account, contexts other than courses, sort orders by hand, and the time that
//! the real one takes.

mod answer;
mod by_hand;
mod call;
mod calls;
mod categories;
mod checks;
mod cohorts;
mod copies;
mod course_reads;
mod courses;
mod enrol;
mod enrolled;
mod errors;
mod functions;
mod groupings;
mod groups;
mod index;
mod params;
mod roles;
mod rows;
mod state;
mod storage;
mod table;
mod user_reads;
mod users;
mod view;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

pub(crate) use answer::Escaped;
pub use by_hand::SiteError;
pub use calls::{CallRecord, CallResult};
pub use rows::{
    COURSE_ROLES, Category, Cohort, Course, Detail, Group, Grouping, Manual, Member, Roles,
    Standing, User,
};
pub use view::{Counts, Participant};

use answer::{Format, Out};
use call::{Call, Done};
use errors::Refusal;
use functions::{Effect, Function};
use params::Fields;
use state::State;
use storage::Storage;

use crate::form::{Form, Place, Value};
use crate::{Fault, Faults, Method, Reply, Request, Response, Service, page};

/// The path of the web service.
pub const SERVER: &str = "/webservice/rest/server.php";
/// The token that is accepted by default.
pub const TOKEN: &str = "sandbox";

/// The guest account.
pub const GUEST: u32 = 1;
/// The administrator's account.
pub const ADMIN: u32 = 2;
/// The account that the token belongs to.
pub const SERVICE: u32 = 3;
/// The front page, which is a course.
pub const SITE_COURSE: u32 = 1;

/// How many calls are remembered for people to look at.
const REMEMBERED_CALLS: usize = 100;

/// How the site and its web server are set up.
#[derive(Clone)]
pub struct Settings {
    /// The token that is accepted.
    pub token: String,
    /// PHP's `max_input_vars`: variables beyond it are dropped without an error.
    pub max_input_vars: usize,
    /// The largest body in bytes; larger ones are answered with 413.
    pub body_limit: usize,
    /// Functions that the service leaves out, though the site knows them.
    pub withheld: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: TOKEN.to_owned(),
            max_input_vars: 1000,
            body_limit: 8 << 20,
            withheld: Vec::new(),
        }
    }
}

impl fmt::Debug for Settings {
    /// All but the token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("max_input_vars", &self.max_input_vars)
            .field("body_limit", &self.body_limit)
            .field("withheld", &self.withheld)
            .finish_non_exhaustive()
    }
}

/// A simulated Moodle site.
pub struct Site {
    state: State,
    storage: Storage,
    settings: Settings,
    faults: Faults,
    calls: VecDeque<CallRecord>,
}

impl fmt::Debug for Site {
    /// How much there is, and nothing of whom.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Site")
            .field("settings", &self.settings)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Service for Site {
    fn reply(&mut self, request: &Request, now: Timestamp) -> Reply {
        if !request.is_local() {
            return Reply::Answer(not_for_strangers());
        }
        if request.path != SERVER {
            return Reply::Answer(page::respond(self, request, now));
        }
        let Some(form) = self.form(request) else {
            return Reply::Answer(too_large());
        };
        let fault = self.faults.decide(function_name(&form).as_deref().unwrap_or_default());
        self.serve(form, request.host.as_deref(), now, fault)
    }

    fn body_limit(&self) -> usize {
        self.settings.body_limit
    }
}

impl Site {
    /// Answers a request, faults aside.
    pub fn handle(&mut self, request: &Request, now: Timestamp) -> Response {
        if !request.is_local() {
            return not_for_strangers();
        }
        if request.path != SERVER {
            return page::respond(self, request, now);
        }
        let Some(form) = self.form(request) else { return too_large() };
        match self.serve(form, request.host.as_deref(), now, None) {
            Reply::Answer(response) | Reply::Delay(_, response) => response,
            Reply::DropBefore | Reply::DropAfter => Response::error_page(500, "Internal Error"),
        }
    }

    /// How the site is set up.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how the site is set up. Settings are not kept in the journal.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The plan of faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Changes the plan of faults. It is not kept in the journal.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// The last calls of the web service, the newest last.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &CallRecord> {
        self.calls.iter()
    }

    /// All variables of a request; `None` where the body is too large to be read.
    fn form<'r>(&self, request: &'r Request) -> Option<Form<'r>> {
        if request.body.len() > self.settings.body_limit {
            return None;
        }
        let limit = self.settings.max_input_vars;
        let mut form = Form::parse(request.query.as_bytes(), Place::Query, limit);
        if request.method == Method::Post && request.is_form() {
            form.replace_with(Form::parse(&request.body, Place::Body, limit));
        }
        Some(form)
    }

    /// Runs one call and remembers it.
    fn serve(
        &mut self,
        form: Form<'_>,
        host: Option<&str>,
        now: Timestamp,
        fault: Option<Fault>,
    ) -> Reply {
        let mut record = CallRecord {
            at: now,
            // Only names that exist are shown and remembered: the field could hold anything.
            function: function_name(&form)
                .and_then(|name| functions::named(&name))
                .map_or("", |function| function.name),
            result: CallResult::Done,
            cut: form.cut,
            fault: fault.map(Fault::name),
        };
        let reply = match unharmed(fault) {
            Err(harm) => {
                record.result = CallResult::Failed;
                harm.into_reply()
            }
            Ok(fault) => {
                let address = format!("http://{}", host.unwrap_or("localhost"));
                let format = format_of(&form);
                let result = self.run(form, &address, now, fault);
                if let Err(refusal) = &result {
                    record.result = CallResult::Refused(refusal.code_name().into_owned());
                }
                finish(fault, answer::response(format, &result))
            }
        };
        if self.calls.len() == REMEMBERED_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(record);
        reply
    }

    fn run(
        &mut self,
        form: Form<'_>,
        address: &str,
        now: Timestamp,
        fault: Option<Fault>,
    ) -> Result<Out, Refusal> {
        let mut fields = Fields::new(form.variables);
        let function = self.admitted(&mut fields, fault)?;
        let raw = flag(&mut fields, "moodlewssettingraw");
        for name in ["fileurl", "filter", "lang", "timezone"] {
            fields.take(&format!("moodlewssetting{name}"));
        }
        if fault == Some(Fault::ReadOnly) && function.effect == Effect::Writes {
            return Err(Refusal::write());
        }
        let durable = self.storage.is_durable();
        let mut call = Call::new(&mut self.state, now.as_second(), address, durable);
        call.raw = raw;
        let mut result = (function.run)(&mut call, fields);
        match &mut result {
            Err(refusal) if !refusal.keeps => call.roll_back_all(),
            Err(_) => {}
            Ok(_) if fault == Some(Fault::LoseRecord) => call.lose_last()?,
            Ok(out) if fault == Some(Fault::ShortAnswer) => {
                out.rows_mut().and_then(Vec::pop);
            }
            Ok(_) => {}
        }
        let done = call.finish()?;
        self.keep(done)?;
        result
    }

    /// The function, if token and service allow the call.
    fn admitted(
        &self,
        fields: &mut Fields<'_>,
        fault: Option<Fault>,
    ) -> Result<&'static Function, Refusal> {
        let token = text(fields, "wstoken");
        let name = text(fields, "wsfunction");
        fields.take("moodlewsrestformat");
        let expected = self.settings.token.as_bytes();
        let known = token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(expected)));
        if !known || fault == Some(Fault::InvalidToken) {
            return Err(Refusal::token());
        }
        if fault == Some(Fault::DatabaseDown) {
            return Err(Refusal::database());
        }
        let name = name.filter(|name| !name.is_empty()).ok_or_else(Refusal::parameter)?;
        let function = functions::named(&name).ok_or_else(Refusal::missing_record)?;
        if self.settings.withheld.iter().any(|withheld| withheld == function.name) {
            return Err(Refusal::access());
        }
        Ok(function)
    }

    /// Writes what a call did to the journal. What cannot be kept is undone and refused.
    fn keep(&mut self, done: Done) -> Result<(), Refusal> {
        if self.storage.append(&done.log).is_err() {
            for change in done.undo.into_iter().rev() {
                self.state.apply(change);
            }
            return Err(Refusal::write());
        }
        self.storage.tidy(&self.state);
        Ok(())
    }
}

/// A failure of the web server or the network in place of the call.
enum Harm {
    Status(u16),
    Throttled(u32),
    Drop,
}

impl Harm {
    fn into_reply(self) -> Reply {
        Reply::Answer(match self {
            Self::Drop => return Reply::DropBefore,
            Self::Throttled(seconds) => Response {
                retry_after: Some(seconds),
                ..Response::error_page(429, "Too Many Requests")
            },
            Self::Status(503) => Response::error_page(503, "Site under maintenance"),
            Self::Status(status) => Response::error_page(status, "Error"),
        })
    }
}

/// Splits the faults that keep a call from being done from the others.
fn unharmed(fault: Option<Fault>) -> Result<Option<Fault>, Harm> {
    match fault {
        Some(Fault::Status { status }) => Err(Harm::Status(status)),
        Some(Fault::Throttled { retry_after }) => Err(Harm::Throttled(retry_after)),
        Some(Fault::DropBefore) => Err(Harm::Drop),
        other => Ok(other),
    }
}

fn finish(fault: Option<Fault>, response: Response) -> Reply {
    match fault {
        Some(Fault::DropAfter) => Reply::DropAfter,
        Some(fault) => match fault.delay() {
            Some(wait) => Reply::Delay(wait, response),
            None => Reply::Answer(response),
        },
        None => Reply::Answer(response),
    }
}

/// The answer to who came by a name that is not this machine's: a web page elsewhere, whose name
/// was made to lead here.
fn not_for_strangers() -> Response {
    Response::error_page(403, "Forbidden")
}

fn too_large() -> Response {
    Response::error_page(413, "Request Entity Too Large")
}

fn peek<'f>(form: &'f Form<'_>, name: &str) -> Option<&'f str> {
    use crate::form::Key;
    form.variables.entries.iter().find_map(|(key, value)| match (key, value) {
        (Key::Name(key), Value::Text(text)) if key == name => Some(text.as_ref()),
        _ => None,
    })
}

fn function_name<'f>(form: &'f Form<'_>) -> Option<Cow<'f, str>> {
    peek(form, "wsfunction").map(Cow::Borrowed)
}

fn format_of(form: &Form<'_>) -> Format {
    if peek(form, "moodlewsrestformat") == Some("json") { Format::Json } else { Format::Xml }
}

fn text<'a>(fields: &mut Fields<'a>, name: &str) -> Option<Cow<'a, str>> {
    match fields.take(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn flag(fields: &mut Fields<'_>, name: &str) -> bool {
    matches!(text(fields, name).as_deref(), Some("1" | "true"))
}

/// Contexts have ids of their own; a course's follows from its id here.
fn course_context(course: u32) -> i64 {
    i64::from(course) + 24
}

fn course_of_context(context: i64) -> Option<u32> {
    u32::try_from(context - 24).ok()
}
