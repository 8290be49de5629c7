//! What a target can hold, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Kind;

/// What a target can hold and what it needs. The default refuses and changes nothing but what
/// could not be read by anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetRules {
    /// The fields that the target takes, by kind; others are dropped. A kind that is not named
    /// keeps all of its fields.
    pub fields: BTreeMap<Kind, BTreeSet<String>>,
    /// Longest text by kind and field, in characters. Text that people read is cut there, with a
    /// warning; user names and addresses are never cut. 0: any.
    pub lengths: BTreeMap<Kind, BTreeMap<String, usize>>,
    /// Longest id of a record, in characters. A longer one is an error: an id is never cut.
    pub key_lengths: BTreeMap<Kind, usize>,
    /// Characters that names and titles must not hold; they are taken out.
    pub forbidden: String,
    /// Names of persons.
    pub names: NameRules,
    /// User names.
    pub username: UsernameRules,
    /// E-mail addresses.
    pub email: EmailRules,
    /// Courses.
    pub course: CourseRules,
    /// Enrollments.
    pub enrollment: EnrollmentRules,
    /// Countries must be two letters of ISO 3166; others are dropped.
    pub iso_country: bool,
    /// Types of password hashes that the target takes as they are (`SSHA`, `MD5`), in capitals.
    /// One of another type is dropped: the account gets a password as if the source gave none.
    pub password_hashes: BTreeSet<String>,
}

/// How names of persons come out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameRules {
    /// A person needs a first and a family name.
    pub required: bool,
    /// What stands for a part that nobody knows, where the other one is known. Empty: a person
    /// with half a name is an error, if names are required.
    pub missing_part: String,
    /// How to split a name that comes in one piece.
    pub split: SplitNames,
    /// Names all in capitals or all in small letters get capitals where they belong.
    pub fix_case: bool,
    /// The first name is the nickname where there is one.
    pub prefer_nickname: bool,
}

/// How to split a name that comes in one piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitNames {
    /// The family name is the last word and the prefixes (`van den`, `al`) before it. A comma says
    /// it otherwise: `Berg, Jan van den`.
    #[default]
    LastIsFamily,
    /// The first name is the first word.
    FirstIsGiven,
    /// Not at all.
    No,
}

/// How user names come out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsernameRules {
    /// A person needs one.
    pub required: bool,
    /// Small letters only.
    pub lowercase: bool,
    /// Letters lose their diacritics: `josé` becomes `jose`.
    pub strip_diacritics: bool,
    /// Which characters may be in it; what else there is, is taken out.
    pub allowed: Allowed,
    /// Longest, in characters; a longer one is not used. 0: any.
    pub max: usize,
    /// What to take where the source gives none that can be used, in order.
    pub fallback: Vec<UsernameFrom>,
}

/// Which characters a user name may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// All that are not blank.
    #[default]
    Any,
    /// ASCII letters and digits, and these.
    AlphanumericAnd(String),
}

/// Where a user name can come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsernameFrom {
    /// The key that the source uses now.
    SourcedId,
    /// The e-mail address.
    Email,
    /// The user id of this type.
    UserId(String),
}

/// How e-mail addresses come out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailRules {
    /// What becomes of a person without one.
    pub missing: MissingEmail,
    /// Two persons may not have the same: see [`super::UniqueEmails`].
    pub unique: bool,
    /// The institution's address rather than the person's own. Without it the institution's is
    /// never one that mail is sent to.
    pub prefer_institution: bool,
    /// Longest, in characters; a longer one is not used. 0: any.
    pub max: usize,
}

/// What becomes of a person without an e-mail address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingEmail {
    /// The target needs none.
    #[default]
    Allowed,
    /// An address is made that nobody can receive mail at.
    Placeholder {
        /// With `{key}` where the person's key goes; a hash of it where the key could not stand in
        /// an address. For instance `{key}@example.invalid`.
        template: String,
    },
    /// The person is left out, with an error.
    Finding,
}

/// How courses come out. A course without a code or a title takes what it has in the other field,
/// or its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CourseRules {
    /// Where the visible course code comes from.
    pub short_name: ShortNameFrom,
    /// Where the title comes from.
    pub title: TitleFrom,
    /// Course codes are cut after so many characters. 0: not at all.
    pub truncate_code: usize,
}

/// Where a visible course code comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortNameFrom {
    /// From the source; the key where it gives none.
    #[default]
    ShortName,
    /// Always the key.
    Key,
}

/// Where a course's title comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleFrom {
    /// From the source; the course code where it gives none.
    #[default]
    Title,
    /// Always the course code.
    ShortName,
}

/// How enrollments come out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnrollmentRules {
    /// The roles that the target has, by [`crate::Role::name`]; others are taken out. Empty: all.
    pub roles: BTreeSet<String>,
    /// An enrollment needs a role.
    pub role_required: bool,
}

impl TargetRules {
    /// Moodle's: what its web services accept and its tables hold.
    ///
    /// First and family name, user name and e-mail are needed; a person without an address gets a
    /// placeholder under `.invalid`.
    pub fn moodle() -> Self {
        let lengths = [
            (Kind::Person, &[("given", 100), ("family", 100), ("middle", 255)][..]),
            (Kind::Course, &[("short_name", 255), ("title", 1333)][..]),
            (Kind::Group, &[("title", 254), ("group_set", 254)][..]),
            (Kind::OrgUnit, &[("title", 255), ("short_name", 255)][..]),
        ];
        let fields = |fields: &[(&str, usize)]| {
            fields.iter().map(|(field, max)| ((*field).to_owned(), *max)).collect()
        };
        Self {
            fields: moodle_fields(),
            lengths: lengths.map(|(kind, of)| (kind, fields(of))).into(),
            key_lengths: [(Kind::Person, 255), (Kind::Course, 100), (Kind::Group, 100)].into(),
            forbidden: "<>".to_owned(),
            names: NameRules { required: true, missing_part: "-".to_owned(), ..Default::default() },
            username: UsernameRules {
                required: true,
                lowercase: true,
                strip_diacritics: true,
                allowed: Allowed::AlphanumericAnd("._@-".to_owned()),
                max: 100,
                fallback: vec![UsernameFrom::SourcedId],
            },
            email: EmailRules {
                missing: MissingEmail::Placeholder { template: "{key}@example.invalid".to_owned() },
                unique: true,
                prefer_institution: false,
                max: 100,
            },
            course: CourseRules::default(),
            enrollment: EnrollmentRules { role_required: true, ..Default::default() },
            iso_country: true,
            password_hashes: BTreeSet::new(),
        }
    }
}

fn moodle_fields() -> BTreeMap<Kind, BTreeSet<String>> {
    let person = "username given family middle nickname email phones address status password \
                  locale sourced_id former_keys institution_roles";
    let course = "short_name title description org_unit timeframe status template sourced_id \
                  former_keys";
    let fields = [
        (Kind::Person, person),
        (Kind::Course, course),
        (Kind::OrgUnit, "short_name title parent"),
        (Kind::Group, "title description group_set"),
        (Kind::Enrollment, "roles status timeframe"),
        (Kind::GroupMember, ""),
    ];
    let names = |fields: &str| fields.split_whitespace().map(str::to_owned).collect();
    fields.map(|(kind, fields)| (kind, names(fields))).into()
}
