//! The rows that a site holds. They are stored in the journal: a changed field is a new version.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name to log in with, unique.
    pub username: CompactString,
    /// Given names.
    pub firstname: CompactString,
    /// Family name.
    pub lastname: CompactString,
    /// Address, unique without regard to case.
    pub email: CompactString,
    /// The school's own number; may be empty, need not be unique.
    pub idnumber: CompactString,
    /// How the person logs in, `manual` by default.
    pub auth: CompactString,
    /// Whether logging in is barred.
    pub suspended: bool,
    /// Whether the account was deleted; its row stays.
    pub deleted: bool,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
    /// What else is known, sorted by kind; absent where nothing is.
    #[allow(
        clippy::box_collection,
        reason = "most accounts have no details: one word beats three"
    )]
    pub details: Option<Box<Vec<(Detail, CompactString)>>>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("User")
            .field("suspended", &self.suspended)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}

/// The less common fields of an account. New ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Detail {
    /// Town.
    City,
    /// Country code.
    Country,
    /// Language code.
    Lang,
    /// Time zone.
    Timezone,
    /// Institution.
    Institution,
    /// Department.
    Department,
    /// First telephone number.
    Phone1,
    /// Second telephone number.
    Phone2,
    /// Postal address.
    Address,
    /// Middle name.
    Middlename,
    /// Alternate name.
    Alternatename,
    /// Given names as spoken.
    Firstnamephonetic,
    /// Family name as spoken.
    Lastnamephonetic,
    /// About the person.
    Description,
    /// Theme.
    Theme,
    /// Calendar type.
    Calendartype,
    /// Mail format.
    Mailformat,
    /// Who sees the address.
    Maildisplay,
    /// Interests, separated by commas.
    Interests,
}

impl User {
    /// One of the less common fields; empty where it was never set.
    pub fn detail(&self, kind: Detail) -> &str {
        self.details
            .as_deref()
            .and_then(|details| details.iter().find(|(known, _)| *known == kind))
            .map_or("", |(_, value)| value)
    }

    pub(super) fn set_detail(&mut self, kind: Detail, value: &str) {
        let details = self.details.get_or_insert_default();
        match details.binary_search_by_key(&kind, |(known, _)| *known) {
            Ok(at) => details[at].1 = value.into(),
            Err(at) => details.insert(at, (kind, value.into())),
        }
    }

    /// The name as it is shown.
    pub fn fullname(&self) -> String {
        format!("{} {}", self.firstname, self.lastname)
    }
}

/// A course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Title.
    pub fullname: CompactString,
    /// Short name, unique.
    pub shortname: CompactString,
    /// The school's own number, unique unless empty.
    pub idnumber: CompactString,
    /// The category it stands in.
    pub category: u32,
    /// Whether students see it.
    pub visible: bool,
    /// First day, in seconds since 1970.
    pub start: i64,
    /// Last day, in seconds since 1970; 0 where it has none.
    pub end: i64,
    /// What it is about.
    pub summary: CompactString,
    /// Form of the summary.
    pub summaryformat: i64,
    /// Course format, for instance `topics`.
    pub format: CompactString,
    /// Forced language, or empty.
    pub lang: CompactString,
    /// Number of sections that were asked for.
    pub sections: i64,
    /// Group mode: 0 none, 1 separate, 2 visible.
    pub groupmode: i64,
    /// Whether the group mode is forced.
    pub groupmodeforce: i64,
    /// News items on the course page.
    pub newsitems: i64,
    /// Whether grades are shown.
    pub showgrades: i64,
    /// Whether reports are shown.
    pub showreports: i64,
    /// Largest upload in bytes, 0 for the site's.
    pub maxbytes: i64,
    /// Whether completion is tracked.
    pub enablecompletion: i64,
    /// Whether completion is notified.
    pub completionnotify: i64,
    /// Default grouping.
    pub defaultgroupingid: i64,
    /// How people get in by hand and by web service.
    pub manual: Manual,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
}

/// A course's manual enrolment instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manual {
    /// There, as in every new course.
    Enabled,
    /// There, switched off.
    Disabled,
    /// Removed.
    Missing,
}

/// A category of courses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Title.
    pub name: CompactString,
    /// The school's own number, unique unless absent or empty.
    pub idnumber: Option<CompactString>,
    /// The category above, 0 at the top.
    pub parent: u32,
    /// What it is about.
    pub description: CompactString,
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
}

/// A group in a course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its course.
    pub course: u32,
    /// Name, unique in the course.
    pub name: CompactString,
    /// What it is about.
    pub description: CompactString,
    /// The school's own number, unique in the course unless empty.
    pub idnumber: CompactString,
    /// Key to enrol oneself with.
    pub enrolmentkey: CompactString,
    /// Who sees its members: 0 all.
    pub visibility: i64,
    /// Whether it can be chosen in activities.
    pub participation: bool,
}

/// A set of groups in a course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Its course.
    pub course: u32,
    /// Name, unique in the course.
    pub name: CompactString,
    /// What it is about.
    pub description: CompactString,
    /// The school's own number; `None` where it was never sent.
    pub idnumber: Option<CompactString>,
}

/// A cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// The category it belongs to, 0 for the whole site.
    pub category: u32,
    /// Name.
    pub name: CompactString,
    /// The school's own number, unique.
    pub idnumber: CompactString,
    /// What it is about.
    pub description: CompactString,
    /// Whether it is shown.
    pub visible: bool,
}

/// What ties a person to a course: an enrolment, roles, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    /// The enrolment.
    pub standing: Standing,
    /// Roles in the course.
    pub roles: Roles,
    /// When the enrolment was made, in seconds since 1970.
    pub since: u32,
    /// First and last second of the enrolment, 0 for none; absent where both are 0.
    pub dates: Option<Box<(i64, i64)>>,
}

impl Member {
    /// First second of the enrolment, 0 for none.
    pub fn start(&self) -> i64 {
        self.dates.as_ref().map_or(0, |dates| dates.0)
    }

    /// Last second of the enrolment, 0 for none.
    pub fn end(&self) -> i64 {
        self.dates.as_ref().map_or(0, |dates| dates.1)
    }

    /// Whether there is an enrolment, active or not.
    pub fn is_enrolled(&self) -> bool {
        self.standing != Standing::None
    }
}

/// The state of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Standing {
    /// Not enrolled: only roles.
    #[default]
    None,
    /// Enrolled and active.
    Active,
    /// Enrolled and suspended.
    Suspended,
}

/// A set of roles, one bit for each of the ids 0 to 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roles(u16);

/// The roles that can be assigned in a course, with their short names.
pub const COURSE_ROLES: [(u8, &str); 4] =
    [(1, "manager"), (3, "editingteacher"), (4, "teacher"), (5, "student")];

impl Roles {
    /// The same with one more.
    pub fn with(self, role: u8) -> Self {
        Self(self.0 | (1 << (role & 15)))
    }

    /// The same without one.
    pub fn without(self, role: u8) -> Self {
        Self(self.0 & !(1 << (role & 15)))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `role` is among them.
    pub fn has(self, role: u8) -> bool {
        self.0 & (1 << (role & 15)) != 0
    }

    /// All of them, by id.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..16).filter(move |role| self.has(*role))
    }
}
