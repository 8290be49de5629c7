//! Moodle, through its REST web services.
//!
//! | ours | Moodle's | key |
//! |---|---|---|
//! | person | user | `idnumber` |
//! | org unit | course category | `idnumber` |
//! | course | course | `idnumber` |
//! | group, its set | group, grouping | `idnumber` within the course, name |
//! | enrollment | manual enrolment and role assignments | course and user |
//! | group member | group member | group and user |
//!
//! One anatomy for every platform: `requests` and `responses` are its language, `errors` classes
//! its refusals, `session` paces the calls, `send` cuts lists into calls and isolates what is
//! refused, and one module for each kind says what a change comes to.
//!
//! What is sent is safe to send again, or it is looked up first: a call that makes something and
//! is never answered is followed by a look; any other is made once more. After
//! [`Attempt::Again`] everything that makes something is looked up before it is written;
//! enrolments, memberships and updates lead to the same however often they are sent.
//!
//! **Never:** nothing that was there before us is changed, suspended or removed but by a rule of
//! [`Adopt`]; no text of Moodle's is kept, only its error codes.

mod capabilities;
mod categories;
mod config;
mod copies;
mod course_fields;
mod courses;
mod enrol;
mod errors;
mod group_members;
mod groups;
mod moments;
mod read_back;
mod requests;
mod responses;
mod rooms;
mod send;
mod session;
mod setup;
mod user_fields;
mod user_lookup;
mod users;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, Random, Timestamp};
use async_trait::async_trait;
use plan::{Action, Capabilities};
use roster::Kind;

pub use config::{
    Adopt, CourseNames, FixCase, MissingTemplate, MoodleAccess, MoodleConfig, NewPassword,
    Template, UtcOffset,
};

use crate::{Applying, Attempt, Lms, LmsError, Missing, Site, Survey, Transport, Work};
use send::{Slots, Task};
use session::{Refused, Session};

/// A Moodle site.
pub struct Moodle {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    access: MoodleAccess,
    config: MoodleConfig,
    capabilities: Capabilities,
    /// When the next call may start, where their rate is limited.
    next_call: Mutex<Timestamp>,
    /// How many calls have been made.
    calls: AtomicU64,
}

impl fmt::Debug for Moodle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moodle").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Moodle {
    /// The site at `access`, reached through `transport`. Sends nothing yet.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        access: MoodleAccess,
        config: MoodleConfig,
    ) -> Self {
        let capabilities = capabilities::capabilities(&config);
        let next_call = Mutex::new(Timestamp::MIN);
        let calls = AtomicU64::new(0);
        Self { transport, clock, random, access, config, capabilities, next_call, calls }
    }

    /// Takes the next place in the row of calls: how long to wait for it.
    fn pace(&self) -> Duration {
        let Some(rate) = self.config.rate.filter(|rate| *rate > 0.0) else { return Duration::ZERO };
        // A rate so low that the number bursts comes to the same as the longest time there is.
        let between = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        let now = self.clock.now();
        let mut next = self.next_call.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let start = (*next).max(now);
        *next = start.saturating_add(between).unwrap_or(Timestamp::MAX);
        Duration::try_from(start.duration_since(now)).unwrap_or_default()
    }
}

#[async_trait]
impl Lms for Moodle {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    async fn identify(&self) -> Result<Site, LmsError> {
        let session = Session::new(self, None);
        let info = setup::site_info(&session).await.map_err(|refused| session.error(refused))?;
        // Moodle's `siteid` is the number of its front page, the same everywhere.
        Ok(Site {
            kind: "moodle",
            url: info.siteurl.trim_end_matches('/').to_owned(),
            id: String::new(),
            version: info.release,
        })
    }

    async fn check_setup(&self) -> Result<Vec<Missing>, LmsError> {
        // The one of its own, which this hands on.
        Moodle::check_setup(self).await
    }

    fn takes_issued(&self, person: &roster::Person) -> bool {
        user_fields::takes_issued(person, &self.config)
    }

    async fn survey(&self, work: &[Work]) -> Result<Vec<Survey>, LmsError> {
        let session = Session::new(self, None);
        let mut surveys = vec![Survey::NotNeeded; work.len()];
        for (kind, tasks) in by_kind(work) {
            let tasks: Vec<Task<'_>> =
                tasks.into_iter().filter(|task| needs_survey(task.work)).collect();
            let found = surveyed(&session, kind, &tasks).await;
            let found = found.map_err(|refused| session.error(refused))?;
            for (task, found) in tasks.iter().zip(found) {
                surveys[task.index] = found;
            }
        }
        Ok(surveys)
    }

    async fn apply(&self, work: &[Work], attempt: Attempt, deadline: Timestamp) -> Applying {
        let session = Session::new(self, Some(deadline));
        let mut slots = Slots::new(work.len());
        for (kind, tasks) in by_kind(work) {
            match kind {
                Kind::OrgUnit => categories::apply(&session, &tasks, attempt, &mut slots).await,
                Kind::Person => users::apply(&session, &tasks, attempt, &mut slots).await,
                Kind::Course => courses::apply(&session, &tasks, attempt, &mut slots).await,
                Kind::Group => groups::apply(&session, &tasks, attempt, &mut slots).await,
                Kind::Enrollment => enrol::apply(&session, &tasks, &mut slots).await,
                Kind::GroupMember => group_members::apply(&session, &tasks, &mut slots).await,
                Kind::Term | Kind::Association | Kind::Observer => {
                    tasks.iter().for_each(|task| slots.rejected(task.index, "unsupported-kind"));
                }
            }
        }
        let (calls, stopped) = session.end();
        Applying { receipts: slots.into_receipts(), stopped, calls }
    }
}

/// The work by kind: a phase has one, but for the temporary names of phase 0.
fn by_kind(work: &[Work]) -> Vec<(Kind, Vec<Task<'_>>)> {
    let of = |kind: Kind| -> Vec<Task<'_>> {
        let tasks = work.iter().enumerate().map(|(index, work)| Task { index, work });
        tasks.filter(|task| task.work.change.kind() == kind).collect()
    };
    let kinds = Kind::ALL.into_iter().map(|kind| (kind, of(kind)));
    kinds.filter(|(_, tasks)| !tasks.is_empty()).collect()
}

fn makes(work: &Work) -> bool {
    matches!(work.change.action, Action::Create | Action::Adopt)
}

/// What makes something may meet what is there already; what may have been changed is looked at. In a course whose members were read, or
/// which we made, nobody can be whom we do not know.
fn needs_survey(work: &Work) -> bool {
    let makes = makes(work);
    !work.read_back.is_empty()
        || makes && !(work.change.kind() == Kind::Enrollment && work.members_read)
}

async fn surveyed(
    session: &Session<'_>,
    kind: Kind,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    match kind {
        Kind::OrgUnit => categories::survey(session, tasks).await,
        Kind::Person => users::survey(session, tasks).await,
        Kind::Course => courses::survey(session, tasks).await,
        Kind::Group => groups::survey(session, tasks).await,
        Kind::Enrollment => enrol::survey(session, tasks).await,
        Kind::GroupMember => group_members::survey(session, tasks).await,
        Kind::Term | Kind::Association | Kind::Observer => Ok(vec![Survey::NotNeeded; tasks.len()]),
    }
}
