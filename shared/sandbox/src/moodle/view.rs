//! What a site holds, for tests and for the pages.

use super::Site;
use super::rows::{Category, Course, Group, Member, Roles, Standing, User};

/// How much there is, without the front page and deleted accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accounts, the three of a fresh site among them.
    pub accounts: usize,
    /// Accounts that were deleted.
    pub deleted: usize,
    /// Courses.
    pub courses: usize,
    /// Categories.
    pub categories: usize,
    /// Enrolments, active or suspended.
    pub enrolments: usize,
    /// Groups.
    pub groups: usize,
    /// Cohorts.
    pub cohorts: usize,
}

/// A person in a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The account.
    pub user: u32,
    /// The school's number of the account.
    pub idnumber: String,
    /// Roles in the course.
    pub roles: Roles,
    /// State of the enrolment; `None` for somebody who has roles only.
    pub standing: Standing,
    /// First second of the enrolment, 0 for none.
    pub start: i64,
    /// Last second of the enrolment, 0 for none.
    pub end: i64,
    /// Names of the groups the person is in, sorted.
    pub groups: Vec<String>,
}

impl Site {
    /// How much there is.
    pub fn counts(&self) -> Counts {
        let deleted = self.state.users.iter().filter(|(_, user)| user.row.deleted).count();
        Counts {
            accounts: self.state.users.len() - deleted,
            deleted,
            courses: self.state.courses.len().saturating_sub(1),
            categories: self.state.categories.len(),
            enrolments: self.state.enrolments,
            groups: self.state.groups.len(),
            cohorts: self.state.cohorts.len(),
        }
    }

    /// An account, deleted or not.
    pub fn user(&self, id: u32) -> Option<&User> {
        self.state.users.get(id)
    }

    /// All accounts by id, deleted ones among them.
    pub fn users(&self) -> impl DoubleEndedIterator<Item = (u32, &User)> {
        self.state.users.iter().map(|(id, user)| (id, user.row.as_ref()))
    }

    /// The account of this name.
    pub fn user_by_username(&self, username: &str) -> Option<(u32, &User)> {
        let id = self.state.user_named(username)?;
        Some((id, self.state.users.get(id)?))
    }

    /// All accounts with this number, by id.
    pub fn users_by_idnumber(&self, idnumber: &str) -> Vec<(u32, &User)> {
        let ids = self.state.users_numbered(idnumber);
        ids.into_iter().filter_map(|id| Some((id, self.state.users.get(id)?))).collect()
    }

    /// A course.
    pub fn course(&self, id: u32) -> Option<&Course> {
        self.state.courses.get(id)
    }

    /// All courses by id, the front page first.
    pub fn courses(&self) -> impl DoubleEndedIterator<Item = (u32, &Course)> {
        self.state.courses.iter().map(|(id, course)| (id, course.row.as_ref()))
    }

    /// The course with this number; an empty one finds none.
    pub fn course_by_idnumber(&self, idnumber: &str) -> Option<(u32, &Course)> {
        let id = *self.state.courses_numbered(idnumber).first().filter(|_| !idnumber.is_empty())?;
        Some((id, self.state.courses.get(id)?))
    }

    /// The course with this short name.
    pub fn course_by_shortname(&self, shortname: &str) -> Option<(u32, &Course)> {
        let id = self.state.course_named(shortname)?;
        Some((id, self.state.courses.get(id)?))
    }

    /// A category.
    pub fn category(&self, id: u32) -> Option<&Category> {
        self.state.categories.get(id)
    }

    /// All categories by id.
    pub fn categories(&self) -> impl DoubleEndedIterator<Item = (u32, &Category)> {
        self.state.categories.iter().map(|(id, category)| (id, category.row.as_ref()))
    }

    /// The groups of a course by id, with their members.
    pub fn groups(&self, course: u32) -> Vec<(u32, &Group, Vec<u32>)> {
        let groups = self.state.courses.attached(course).map(|room| &room.groups);
        groups
            .into_iter()
            .flatten()
            .filter_map(|id| {
                let entry = self.state.groups.entry(*id)?;
                Some((*id, entry.row.as_ref(), entry.attached.members.iter().copied().collect()))
            })
            .collect()
    }

    /// What ties a person to a course.
    pub fn member(&self, course: u32, user: u32) -> Option<&Member> {
        self.state.member(course, user)
    }

    /// Who is tied to a course, by account.
    pub fn members(&self, course: u32) -> impl Iterator<Item = (u32, &Member)> {
        let members = self.state.courses.attached(course).map(|room| &room.members);
        members.into_iter().flatten().map(|(user, member)| (*user, member))
    }

    /// How many enrolments a course has.
    pub fn enrolled(&self, course: u32) -> usize {
        self.state.courses.attached(course).map_or(0, |room| room.enrolled)
    }

    /// Everything about everybody in a course, by account.
    pub fn participants(&self, course: u32) -> Vec<Participant> {
        self.members(course)
            .map(|(user, member)| Participant {
                user,
                idnumber: self.user(user).map_or_else(String::new, |row| row.idnumber.to_string()),
                roles: member.roles,
                standing: member.standing,
                start: member.start(),
                end: member.end(),
                groups: self.group_names(course, user),
            })
            .collect()
    }

    /// Names of the groups of a course that a person is in, sorted.
    pub fn group_names(&self, course: u32, user: u32) -> Vec<String> {
        let groups = self.state.courses.attached(course).map(|room| &room.groups);
        let mut names: Vec<String> = groups
            .into_iter()
            .flatten()
            .filter_map(|id| self.state.groups.entry(*id))
            .filter(|group| group.attached.members.contains(&user))
            .map(|group| group.row.name.to_string())
            .collect();
        names.sort();
        names
    }

    /// The courses that a person is tied to, by id.
    pub fn courses_of(&self, user: u32) -> &[u32] {
        self.state.users.attached(user).map_or(&[], Vec::as_slice)
    }

    /// The cohort with this number and its members.
    pub fn cohort_by_idnumber(&self, idnumber: &str) -> Option<(u32, Vec<u32>)> {
        let mut cohorts = self.state.cohorts.iter();
        let (id, cohort) = cohorts.find(|(_, cohort)| cohort.row.idnumber == idnumber)?;
        Some((id, cohort.attached.iter().copied().collect()))
    }
}
