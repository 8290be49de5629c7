//! Where a site is kept: nowhere, or in a journal of changes.

use std::collections::VecDeque;
use std::path::Path;

use super::rows::{Category, Manual, User};
use super::state::{Change, State};
use super::{ADMIN, GUEST, SERVICE, SITE_COURSE, Settings, Site, courses};
use crate::Faults;
use crate::journal::{Journal, JournalError};

/// Kind and version of the journal. A changed row or a changed [`Change`] is another version.
const KIND: &str = "rollcall-sandbox moodle 1";
/// Changes in one frame of a rewritten journal.
const FRAME: usize = 4096;

#[derive(Debug)]
pub(super) enum Storage {
    Memory,
    Journal(Journal),
}

impl Storage {
    pub(super) fn is_durable(&self) -> bool {
        matches!(self, Self::Journal(_))
    }

    pub(super) fn append(&mut self, log: &[u8]) -> Result<(), JournalError> {
        match self {
            Self::Journal(journal) if !log.is_empty() => journal.append(log),
            _ => Ok(()),
        }
    }

    /// Rewrites a journal that has grown far beyond what it says.
    pub(super) fn tidy(&mut self, state: &State) {
        if let Self::Journal(journal) = self
            && journal.is_grown()
        {
            // The old journal stays good where the new one cannot be written.
            if journal.rewrite(frames(state)).is_err() {
                journal.postpone();
            }
        }
    }
}

/// The whole state as payloads.
fn frames(state: &State) -> impl Iterator<Item = Vec<u8>> {
    let mut changes = state.as_changes();
    std::iter::from_fn(move || {
        let frame = changes.by_ref().take(FRAME).fold(Vec::new(), |frame, change| {
            // The only error is a lack of memory for the buffer, which ends the process anyway.
            postcard::to_extend(&change, frame).unwrap_or_default()
        });
        (!frame.is_empty()).then_some(frame)
    })
}

/// Applies one payload; `false` where it is not a list of changes of this state.
fn replay(state: &mut State, mut payload: &[u8]) -> bool {
    while !payload.is_empty() {
        let Ok((change, rest)) = postcard::take_from_bytes::<Change>(payload) else { return false };
        if state.apply(change).is_none() {
            return false;
        }
        payload = rest;
    }
    true
}

impl Site {
    /// A fresh site that is gone with the process.
    pub fn in_memory() -> Self {
        let mut state = State::empty();
        for change in seed() {
            state.apply(change);
        }
        Self::with(state, Storage::Memory)
    }

    /// The site kept in `folder`, a fresh one where there is none. No other process can open it
    /// until this one is dropped.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let mut state = State::empty();
        let mut journal =
            Journal::open(folder, "moodle", KIND, |payload| replay(&mut state, payload))?;
        if state.users.len() == 0 {
            let mut payload = Vec::new();
            for change in seed() {
                payload = postcard::to_extend(&change, payload)
                    .map_err(|error| std::io::Error::other(error.to_string()))?;
                state.apply(change);
            }
            journal.append(&payload)?;
        }
        Ok(Self::with(state, Storage::Journal(journal)))
    }

    /// A site of its own with the same content and settings and no planned faults, gone with the
    /// process: a test can go on from one moment in many ways.
    pub fn fork(&self) -> Self {
        let mut state = State::empty();
        for change in self.state.as_changes() {
            state.apply(change);
        }
        Self { settings: self.settings.clone(), ..Self::with(state, Storage::Memory) }
    }

    /// Rewrites the journal to the shortest one that says the same.
    pub fn compact(&mut self) -> Result<(), JournalError> {
        match &mut self.storage {
            Storage::Memory => Ok(()),
            Storage::Journal(journal) => journal.rewrite(frames(&self.state)),
        }
    }

    /// The journal's length in bytes; 0 in memory.
    pub fn stored_bytes(&self) -> u64 {
        match &self.storage {
            Storage::Memory => 0,
            Storage::Journal(journal) => journal.length(),
        }
    }

    fn with(state: State, storage: Storage) -> Self {
        Self {
            state,
            storage,
            settings: Settings::default(),
            faults: Faults::default(),
            calls: VecDeque::new(),
        }
    }
}

/// What a fresh site holds: three accounts, the front page, one category.
fn seed() -> Vec<Change> {
    let account = |username: &str, firstname: &str, lastname: &str, email: &str| {
        Some(Box::new(User {
            username: username.into(),
            firstname: firstname.into(),
            lastname: lastname.into(),
            email: email.into(),
            idnumber: "".into(),
            auth: "manual".into(),
            suspended: false,
            deleted: false,
            created: 0,
            modified: 0,
            details: None,
        }))
    };
    let mut front = courses::blank(0);
    front.fullname = "Sandbox".into();
    front.shortname = "sandbox".into();
    front.format = "site".into();
    front.summaryformat = 0;
    front.manual = Manual::Missing;
    let category = Category {
        name: "Category 1".into(),
        idnumber: None,
        parent: 0,
        description: "".into(),
        modified: 0,
    };
    vec![
        Change::User(GUEST, account("guest", "Guest user", " ", "root@localhost")),
        Change::User(ADMIN, account("admin", "Admin", "User", "admin@sandbox.invalid")),
        Change::User(SERVICE, account("service", "Roster", "Sync", "service@sandbox.invalid")),
        Change::Category(1, Some(Box::new(category))),
        Change::Course(SITE_COURSE, Some(Box::new(front))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    #[test]
    fn what_cannot_be_stored_is_refused_and_undone() {
        let folder = tempfile::tempdir().unwrap();
        let mut site = Site::open(folder.path()).unwrap();
        if let Storage::Journal(journal) = &mut site.storage {
            journal.make_unwritable();
        }
        let request = Request::post(
            super::super::SERVER,
            "wstoken=sandbox&wsfunction=core_course_create_categories&moodlewsrestformat=json\
             &categories[0][name]=X",
        );
        for _ in 0..2 {
            let answer = site.handle(&request, jiff::Timestamp::UNIX_EPOCH);
            assert!(answer.text().contains("dmlwriteexception"), "{}", answer.text());
            assert_eq!(site.counts().categories, 1);
        }
        assert!(site.edit_course(1, jiff::Timestamp::UNIX_EPOCH, |_| {}).is_err());
    }

    #[test]
    fn a_grown_journal_is_rewritten_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut site = Site::open(folder.path()).unwrap();
        let mut longest = 0;
        for round in 0..120_u32 {
            site.edit_course(1, jiff::Timestamp::UNIX_EPOCH, |course| {
                course.summary = format!("{round}{}", "x".repeat(60_000)).into();
            })
            .unwrap();
            longest = longest.max(site.stored_bytes());
        }
        assert!((3 << 20..=4 << 20).contains(&longest), "{longest}");
        assert!(site.stored_bytes() < longest);
        drop(site);
        let site = Site::open(folder.path()).unwrap();
        assert!(site.course(1).unwrap().summary.starts_with("119"));
    }
}
