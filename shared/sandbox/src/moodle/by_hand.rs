//! What people do on the site itself, past the web service: drift, for tests and for trying out.

use jiff::Timestamp;

use super::Site;
use super::call::Call;
use super::errors::Outcome;
use super::rows::{Course, Manual, Member, Standing, User};
use super::state::Change;
use super::{courses, enrol, groups, users};
use crate::journal::JournalError;

/// Why a change by hand was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// There is no such row, or the change does not fit it.
    #[error("the sandbox refuses the change: `{code}`")]
    Refused {
        /// The platform's code for it.
        code: String,
    },
    /// It could not be stored.
    #[error("failed to store the change")]
    Journal(#[from] JournalError),
}

impl Site {
    /// Enrols a person, or gives one who is in the course one more role.
    pub fn enrol_by_hand(
        &mut self,
        course: u32,
        user: u32,
        role: u8,
        now: Timestamp,
    ) -> Result<(), SiteError> {
        let since = u32::try_from(now.as_second()).unwrap_or(0);
        self.edit_member(course, user, now, |member| {
            let member = member.unwrap_or_default();
            let roles = member.roles.with(role);
            Some(Member { standing: Standing::Active, roles, since, ..member })
        })
    }

    /// Takes a person out of a course and its groups.
    pub fn unenrol_by_hand(
        &mut self,
        course: u32,
        user: u32,
        now: Timestamp,
    ) -> Result<(), SiteError> {
        self.by_hand(now, |call| enrol::drop_member(call, course, user))
    }

    /// Changes or removes what ties a person to a course: state, dates, roles.
    pub fn edit_member(
        &mut self,
        course: u32,
        user: u32,
        now: Timestamp,
        edit: impl FnOnce(Option<Member>) -> Option<Member>,
    ) -> Result<(), SiteError> {
        self.by_hand(now, |call| {
            let member = edit(call.state.member(course, user).cloned());
            call.put(Change::Member(course, user, member))
        })
    }

    /// Changes an account; its unique fields are not checked.
    pub fn edit_user(
        &mut self,
        user: u32,
        now: Timestamp,
        edit: impl FnOnce(&mut User),
    ) -> Result<(), SiteError> {
        self.by_hand(now, |call| {
            let row = call.state.users.get(user);
            let mut row = Box::new(row.ok_or_else(super::Refusal::missing_record)?.clone());
            edit(&mut row);
            row.modified = call.now;
            call.put(Change::User(user, Some(row)))
        })
    }

    /// Deletes an account as the site does.
    pub fn delete_user(&mut self, user: u32, now: Timestamp) -> Result<(), SiteError> {
        self.by_hand(now, |call| users::delete_one(call, user))
    }

    /// Changes a course; its unique fields are not checked.
    pub fn edit_course(
        &mut self,
        course: u32,
        now: Timestamp,
        edit: impl FnOnce(&mut Course),
    ) -> Result<(), SiteError> {
        self.by_hand(now, |call| {
            let row = call.state.courses.get(course);
            let mut row = Box::new(row.ok_or_else(super::Refusal::missing_record)?.clone());
            edit(&mut row);
            row.modified = call.now;
            call.put(Change::Course(course, Some(row)))
        })
    }

    /// Switches a course's manual enrolment on or off, or removes it. The enrolments stay.
    pub fn set_manual(
        &mut self,
        course: u32,
        manual: Manual,
        now: Timestamp,
    ) -> Result<(), SiteError> {
        self.edit_course(course, now, |row| row.manual = manual)
    }

    /// Deletes a course with all in it.
    pub fn delete_course(&mut self, course: u32, now: Timestamp) -> Result<(), SiteError> {
        self.by_hand(now, |call| courses::delete_one(call, course))
    }

    /// Deletes a group.
    pub fn delete_group(&mut self, group: u32, now: Timestamp) -> Result<(), SiteError> {
        self.by_hand(now, |call| groups::delete_one(call, group))
    }

    /// Puts a person into a group.
    pub fn join_group(&mut self, group: u32, user: u32, now: Timestamp) -> Result<(), SiteError> {
        self.by_hand(now, |call| call.put(Change::GroupMember(group, user, true)))
    }

    /// Takes a person out of a group.
    pub fn leave_group(&mut self, group: u32, user: u32, now: Timestamp) -> Result<(), SiteError> {
        self.by_hand(now, |call| call.put(Change::GroupMember(group, user, false)))
    }

    fn by_hand(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut Call<'_>) -> Outcome<()>,
    ) -> Result<(), SiteError> {
        let durable = self.storage.is_durable();
        let mut call = Call::new(&mut self.state, now.as_second(), "", durable);
        let result = change(&mut call);
        if result.is_err() {
            call.roll_back_all();
        }
        let refused =
            |refusal: super::Refusal| SiteError::Refused { code: refusal.code_name().into_owned() };
        let done = call.finish().map_err(refused)?;
        if let Err(error) = self.storage.append(&done.log) {
            for change in done.undo.into_iter().rev() {
                self.state.apply(change);
            }
            return Err(error.into());
        }
        self.storage.tidy(&self.state);
        result.map_err(refused)
    }
}
