//! Everything a site holds, and the only way to change it: one [`Change`] at a time.
//!
//! A change gives back the change that undoes it. So a call that fails half-way is rolled back
//! by undoing what it did, and the journal is the list of changes that were kept: replaying it
//! needs no rule of any function, and a later version with other rules reads it alike.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::rows::{Category, Cohort, Course, Group, Grouping, Member, User};
use super::table::Table;

/// One change of one row. The order of the variants is part of the stored format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Change {
    User(u32, Option<Box<User>>),
    Course(u32, Option<Box<Course>>),
    Category(u32, Option<Box<Category>>),
    Group(u32, Option<Box<Group>>),
    Grouping(u32, Option<Box<Grouping>>),
    Cohort(u32, Option<Box<Cohort>>),
    /// Course, user, and what ties them.
    Member(u32, u32, Option<Member>),
    /// Group, user, and whether the user is in it.
    GroupMember(u32, u32, bool),
    /// Grouping, group, and whether the group is in it.
    GroupingGroup(u32, u32, bool),
    /// Cohort, user, and whether the user is in it.
    CohortMember(u32, u32, bool),
    /// The ids that come next: users, courses, categories, groups, groupings, cohorts.
    Next([u32; 6]),
}

/// What hangs on a course.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) members: BTreeMap<u32, Member>,
    pub(super) groups: BTreeSet<u32>,
    pub(super) groupings: BTreeSet<u32>,
    /// How many of the members have an enrolment.
    pub(super) enrolled: usize,
}

impl Room {
    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.groups.is_empty() && self.groupings.is_empty()
    }
}

/// What hangs on a group: its members and the groupings it is in.
#[derive(Debug, Default)]
pub(super) struct Squad {
    pub(super) members: BTreeSet<u32>,
    pub(super) groupings: BTreeSet<u32>,
}

/// All rows and their indexes.
#[derive(Debug)]
pub(super) struct State {
    /// With the ids of the courses in which each has an enrolment or a role, sorted.
    pub(super) users: Table<User, Vec<u32>>,
    pub(super) courses: Table<Course, Room>,
    pub(super) categories: Table<Category, ()>,
    pub(super) groups: Table<Group, Squad>,
    pub(super) groupings: Table<Grouping, BTreeSet<u32>>,
    pub(super) cohorts: Table<Cohort, BTreeSet<u32>>,
    pub(super) enrolments: usize,
    by_username: Index,
    by_email: Index,
    by_idnumber: Index,
    by_shortname: Index,
    by_course_idnumber: Index,
}

impl State {
    pub(super) fn empty() -> Self {
        Self {
            users: Table::new(),
            courses: Table::new(),
            categories: Table::new(),
            groups: Table::new(),
            groupings: Table::new(),
            cohorts: Table::new(),
            enrolments: 0,
            by_username: Index::default(),
            by_email: Index::default(),
            by_idnumber: Index::default(),
            by_shortname: Index::default(),
            by_course_idnumber: Index::default(),
        }
    }

    /// Does `change` and returns what undoes it; `None`, and nothing done, where it refers to a
    /// row that is not there or would orphan one that is.
    pub(super) fn apply(&mut self, change: Change) -> Option<Change> {
        match change {
            Change::User(id, row) => self.put_user(id, row),
            Change::Course(id, row) => self.put_course(id, row),
            Change::Category(id, row) => Some(Change::Category(id, self.categories.put(id, row))),
            Change::Group(id, row) => self.put_group(id, row),
            Change::Grouping(id, row) => self.put_grouping(id, row),
            Change::Cohort(id, row) => {
                let holds = self.cohorts.attached(id).is_some_and(|members| !members.is_empty());
                if row.is_none() && holds {
                    return None;
                }
                Some(Change::Cohort(id, self.cohorts.put(id, row)))
            }
            Change::Member(course, user, member) => self.put_member(course, user, member),
            Change::GroupMember(group, user, within) => {
                let members = &mut self.groups.attached_mut(group)?.members;
                Some(Change::GroupMember(group, user, switch(members, user, within)))
            }
            Change::GroupingGroup(grouping, group, within) => {
                self.groups.get(group)?;
                let before = switch(self.groupings.attached_mut(grouping)?, group, within);
                switch(&mut self.groups.attached_mut(group)?.groupings, grouping, within);
                Some(Change::GroupingGroup(grouping, group, before))
            }
            Change::CohortMember(cohort, user, within) => {
                let members = self.cohorts.attached_mut(cohort)?;
                Some(Change::CohortMember(cohort, user, switch(members, user, within)))
            }
            Change::Next(next) => {
                let before = self.next_ids();
                self.users.next = next[0];
                self.courses.next = next[1];
                self.categories.next = next[2];
                self.groups.next = next[3];
                self.groupings.next = next[4];
                self.cohorts.next = next[5];
                Some(Change::Next(before))
            }
        }
    }

    pub(super) fn next_ids(&self) -> [u32; 6] {
        [
            self.users.next,
            self.courses.next,
            self.categories.next,
            self.groups.next,
            self.groupings.next,
            self.cohorts.next,
        ]
    }

    fn put_user(&mut self, id: u32, row: Option<Box<User>>) -> Option<Change> {
        if row.is_none() && self.users.attached(id).is_some_and(|courses| !courses.is_empty()) {
            return None;
        }
        // A new row of the same name is indexed twice for a moment, so the old one goes first.
        if let Some(old) = self.users.get(id) {
            self.by_username.remove(&old.username, id);
            self.by_email.remove(&folded(&old.email), id);
            self.by_idnumber.remove(&old.idnumber, id);
        }
        if let Some(new) = &row {
            self.by_username.insert(&new.username, id);
            self.by_email.insert(&folded(&new.email), id);
            self.by_idnumber.insert(&new.idnumber, id);
        }
        Some(Change::User(id, self.users.put(id, row)))
    }

    fn put_course(&mut self, id: u32, row: Option<Box<Course>>) -> Option<Change> {
        if row.is_none() && self.courses.attached(id).is_some_and(|room| !room.is_empty()) {
            return None;
        }
        if let Some(old) = self.courses.get(id) {
            self.by_shortname.remove(&old.shortname, id);
            self.by_course_idnumber.remove(&old.idnumber, id);
        }
        if let Some(new) = &row {
            self.by_shortname.insert(&new.shortname, id);
            self.by_course_idnumber.insert(&new.idnumber, id);
        }
        Some(Change::Course(id, self.courses.put(id, row)))
    }

    fn put_group(&mut self, id: u32, row: Option<Box<Group>>) -> Option<Change> {
        let holds = |squad: &Squad| !squad.members.is_empty() || !squad.groupings.is_empty();
        if row.is_none() && self.groups.attached(id).is_some_and(holds) {
            return None;
        }
        let course = row.as_deref().or(self.groups.get(id)).map(|group| group.course)?;
        switch(&mut self.courses.attached_mut(course)?.groups, id, row.is_some());
        Some(Change::Group(id, self.groups.put(id, row)))
    }

    fn put_grouping(&mut self, id: u32, row: Option<Box<Grouping>>) -> Option<Change> {
        if row.is_none() && self.groupings.attached(id).is_some_and(|groups| !groups.is_empty()) {
            return None;
        }
        let course = row.as_deref().or(self.groupings.get(id)).map(|grouping| grouping.course)?;
        switch(&mut self.courses.attached_mut(course)?.groupings, id, row.is_some());
        Some(Change::Grouping(id, self.groupings.put(id, row)))
    }

    fn put_member(&mut self, course: u32, user: u32, member: Option<Member>) -> Option<Change> {
        let courses = self.users.attached_mut(user)?;
        let room = self.courses.attached_mut(course)?;
        let enrols = member.as_ref().is_some_and(Member::is_enrolled);
        let ties = member.is_some();
        let before = match member {
            Some(member) => room.members.insert(user, member),
            None => room.members.remove(&user),
        };
        let enrolled = before.as_ref().is_some_and(Member::is_enrolled);
        room.enrolled = room.enrolled + usize::from(enrols) - usize::from(enrolled);
        self.enrolments = self.enrolments + usize::from(enrols) - usize::from(enrolled);
        match (courses.binary_search(&course), ties) {
            (Err(at), true) => courses.insert(at, course),
            (Ok(at), false) => {
                courses.remove(at);
            }
            _ => {}
        }
        Some(Change::Member(course, user, before))
    }

    /// The account with exactly this name.
    pub(super) fn user_named(&self, username: &str) -> Option<u32> {
        self.by_username
            .candidates(username)
            .find(|id| self.users.get(*id).is_some_and(|user| user.username == username))
    }

    /// Any account but `except` with this address, without regard to case.
    pub(super) fn user_with_email(&self, email: &str, except: Option<u32>) -> Option<u32> {
        let email = folded(email);
        self.by_email.candidates(&email).find(|id| {
            Some(*id) != except
                && self.users.get(*id).is_some_and(|user| folded(&user.email) == email)
        })
    }

    /// All accounts with exactly this number, by id.
    pub(super) fn users_numbered(&self, idnumber: &str) -> Vec<u32> {
        let mut ids: Vec<u32> = self
            .by_idnumber
            .candidates(idnumber)
            .filter(|id| self.users.get(*id).is_some_and(|user| user.idnumber == idnumber))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The course with exactly this short name.
    pub(super) fn course_named(&self, shortname: &str) -> Option<u32> {
        self.by_shortname
            .candidates(shortname)
            .find(|id| self.courses.get(*id).is_some_and(|course| course.shortname == shortname))
    }

    /// All courses with exactly this number, by id.
    pub(super) fn courses_numbered(&self, idnumber: &str) -> Vec<u32> {
        let mut ids: Vec<u32> = self
            .by_course_idnumber
            .candidates(idnumber)
            .filter(|id| self.courses.get(*id).is_some_and(|course| course.idnumber == idnumber))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The tie between a course and a person.
    pub(super) fn member(&self, course: u32, user: u32) -> Option<&Member> {
        self.courses.attached(course)?.members.get(&user)
    }

    /// The changes that make an empty state like this one, prerequisites first.
    pub(super) fn as_changes(&self) -> impl Iterator<Item = Change> {
        let users = self.users.iter().map(|(id, user)| Change::User(id, Some(user.row.clone())));
        let categories = self
            .categories
            .iter()
            .map(|(id, category)| Change::Category(id, Some(category.row.clone())));
        let courses =
            self.courses.iter().map(|(id, course)| Change::Course(id, Some(course.row.clone())));
        let members = self.courses.iter().flat_map(|(id, course)| {
            let members = course.attached.members.iter();
            members.map(move |(user, member)| Change::Member(id, *user, Some(member.clone())))
        });
        let groups = self.groups.iter().flat_map(|(id, group)| {
            let members = group.attached.members.iter();
            std::iter::once(Change::Group(id, Some(group.row.clone())))
                .chain(members.map(move |user| Change::GroupMember(id, *user, true)))
        });
        let groupings = self.groupings.iter().flat_map(|(id, grouping)| {
            let groups = grouping.attached.iter();
            std::iter::once(Change::Grouping(id, Some(grouping.row.clone())))
                .chain(groups.map(move |group| Change::GroupingGroup(id, *group, true)))
        });
        let cohorts = self.cohorts.iter().flat_map(|(id, cohort)| {
            let members = cohort.attached.iter();
            std::iter::once(Change::Cohort(id, Some(cohort.row.clone())))
                .chain(members.map(move |user| Change::CohortMember(id, *user, true)))
        });
        users
            .chain(categories)
            .chain(courses)
            .chain(members)
            .chain(groups)
            .chain(groupings)
            .chain(cohorts)
            .chain(std::iter::once(Change::Next(self.next_ids())))
    }
}

/// An address as it is compared.
pub(super) fn folded(email: &str) -> compact_str::CompactString {
    if email.is_ascii() {
        let mut folded = compact_str::CompactString::from(email);
        folded.make_ascii_lowercase();
        folded
    } else {
        email.to_lowercase().into()
    }
}

/// Puts `id` in or out and says whether it was in before.
fn switch(set: &mut BTreeSet<u32>, id: u32, within: bool) -> bool {
    if within { !set.insert(id) } else { set.remove(&id) }
}
