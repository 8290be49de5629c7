//! Courses, what they stand in, and who is in them.

use super::fields::record;
use crate::{
    AssociationKind, CourseKey, GroupKey, Key, Labelled, OrgUnitKey, PersonKey, Roles, Status,
    TermKey, Text, Timeframe,
};

record! {
    /// A term: a school year, semester or period.
    Term(Term) {
        /// Short name.
        1 short_name: Text,
        /// Name.
        2 title: Text,
        /// First and last day.
        3 timeframe: Timeframe,
        /// The term it is part of.
        4 parent: Text,
        /// Whether it is in use.
        5 status: Status,
        /// Data source key.
        6 data_source: Text,
        /// The system that issued the key.
        7 source: Text,
    }
}

record! {
    /// An org unit: school, location, faculty, department.
    OrgUnit(OrgUnit) {
        /// Short name.
        1 short_name: Text,
        /// Name.
        2 title: Text,
        /// `school`, `department`, ...
        3 unit_type: Text,
        /// The org unit it is part of.
        4 parent: Text,
        /// Whether it is in use.
        5 status: Status,
        /// Data source key.
        6 data_source: Text,
        /// The system that issued the key.
        7 source: Text,
    }
}

record! {
    /// A course that people are enrolled in (a section, where the source has courses above those).
    Course(Course) {
        /// The visible course code: Moodle's short name, Blackboard's course id.
        1 short_name: Text,
        /// The course's name.
        2 title: Text,
        /// What it is about.
        3 description: Text,
        /// The org unit that it stands in.
        4 org_unit: Text,
        /// Its term.
        5 term: Text,
        /// First and last day.
        6 timeframe: Timeframe,
        /// Active: students see it.
        7 status: Status,
        /// Key or short name of the course whose content is copied at creation.
        8 template: Text,
        /// Data source key.
        9 data_source: Text,
        /// Free attributes.
        10 attributes: Vec<Labelled>,
        /// Keys this course had before.
        11 former_keys: Vec<Text>,
        /// The system that issued the key.
        12 source: Text,
        /// Whether people may enrol themselves.
        13 self_enrollment: bool,
        /// Home page.
        14 url: Text,
        /// Contact address.
        15 email: Text,
        /// Kind of course as the source classes it (IMS `typevalue`).
        16 course_type: Text,
        /// The key that the source uses now, where it differs from the one first seen.
        17 sourced_id: Text,
    }
}

record! {
    /// A group within a course.
    Group(Group) {
        /// Name shown in the LMS.
        1 title: Text,
        /// What it is about.
        2 description: Text,
        /// The set of groups (Moodle: grouping) that it is part of.
        3 group_set: Text,
        /// Data source key.
        4 data_source: Text,
    }
}

record! {
    /// A person in a course, with one role or several.
    Enrollment(Enrollment) {
        /// The roles.
        1 roles: Roles,
        /// Finer role as the source names it (IMS `subrole`).
        2 sub_role: Text,
        /// Inactive: enrolled and suspended.
        3 status: Status,
        /// From when to when.
        4 timeframe: Timeframe,
        /// Data source key.
        5 data_source: Text,
        /// Free attributes.
        6 attributes: Vec<Labelled>,
    }
}

record! {
    /// A person in a group of a course.
    GroupMember(GroupMember) {
        /// Data source key.
        1 data_source: Text,
    }
}

record! {
    /// A tie between a course or person and an org unit or course.
    Association(Association) {
        /// Whether it is the primary one.
        1 primary: bool,
        /// What the source calls it (IMS `relationship/label`).
        2 label: Text,
        /// Data source key.
        3 data_source: Text,
    }
}

record! {
    /// Somebody who may see a person's progress: a parent, a mentor.
    Observer(Observer) {
        /// What they are to the person: `parent`, `guardian`, `mentor`.
        1 relation: Text,
        /// Whether it is in force.
        2 status: Status,
        /// Data source key.
        3 data_source: Text,
    }
}

impl Term {
    /// A term of which only the key is known.
    pub fn new(key: TermKey) -> Self {
        Self::from_key(Key::Term(key))
    }
}

impl OrgUnit {
    /// An org unit of which only the key is known.
    pub fn new(key: OrgUnitKey) -> Self {
        Self::from_key(Key::OrgUnit(key))
    }
}

impl Course {
    /// A course of which only the key is known.
    pub fn new(key: CourseKey) -> Self {
        Self::from_key(Key::Course(key))
    }

    /// The sourcedId that the source uses now.
    pub fn sourced_id(&self) -> &str {
        self.sourced_id.as_deref().unwrap_or_else(|| self.key.owner().id)
    }
}

impl Group {
    /// A group of which only the key is known.
    pub fn new(course: CourseKey, group: GroupKey) -> Self {
        Self::from_key(Key::Group { course, group })
    }
}

impl Enrollment {
    /// An enrollment of which only the key is known.
    pub fn new(course: CourseKey, person: PersonKey) -> Self {
        Self::from_key(Key::Enrollment { course, person })
    }
}

impl GroupMember {
    /// A membership of which only the key is known.
    pub fn new(course: CourseKey, group: GroupKey, person: PersonKey) -> Self {
        Self::from_key(Key::GroupMember { course, group, person })
    }
}

impl Association {
    /// The association of this kind between two ids.
    pub fn new(kind: AssociationKind, from: impl Into<Text>, to: impl Into<Text>) -> Self {
        Self::from_key(Key::Association { kind, from: from.into(), to: to.into() })
    }
}

impl Observer {
    /// The tie between `person` and `observer`.
    pub fn new(person: PersonKey, observer: PersonKey) -> Self {
        Self::from_key(Key::Observer { person, observer })
    }
}
