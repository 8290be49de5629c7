//! What can be set about a Moodle, as it stands in `[integration.target]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use roster::Kind;
use roster::mapping::{
    MissingEmail, ShortNameFrom, SplitNames, TargetRules, TitleFrom, UsernameFrom,
};
use serde::Deserialize;

/// Where a Moodle is and what opens it.
#[derive(Clone)]
pub struct MoodleAccess {
    /// The site's address: `https://lms.example.edu`.
    pub url: String,
    /// The web service token.
    pub token: String,
}

impl fmt::Debug for MoodleAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoodleAccess").field("url", &self.url).finish_non_exhaustive()
    }
}

/// How to deal with a Moodle. Every key is optional.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoodleConfig {
    /// Role ids by our role names. Moodle tells nobody its ids, so they are configured. A role
    /// that is not here is not sent. Default, for a site with Moodle's own roles: `student` and
    /// `member` 5, `instructor` and `content_developer` 3, `teaching_assistant` 4.
    pub roles: BTreeMap<String, u64>,
    /// How accounts that we make log in. Default `manual`; `oidc`, `saml2`, `ldap`, ... ask
    /// somebody else for the password, and none is sent.
    pub auth: String,
    /// What a new account gets where the source delivers no password. Default `mail`.
    pub password: NewPassword,
    /// Which records that are there already may be taken over.
    pub adopt: Adopt,
    /// Id of the category for courses without an org unit. Default 1, Moodle's first.
    pub category: u64,
    /// Id of the category in which org units without a parent stand. Default 0, the top.
    pub root_category: u64,
    /// Add nobody to a group who is in another group of the course, as Moodle's IMS plugin does.
    /// Default no: our own group members follow the source.
    pub only_if_ungrouped: bool,
    /// Courses that new ones are copied from.
    pub template: Template,
    /// What a person without an e-mail address gets, for Moodle demands one: a pattern with
    /// `{key}`, or `reject`. Default `{key}@example.invalid`.
    pub missing_email: String,
    /// The institution's address rather than the person's own. Default no.
    pub prefer_institution_email: bool,
    /// What stands for a first or last name that the source does not have; empty refuses the
    /// person. Default `-`.
    pub missing_name: String,
    /// How a name that comes in one piece is split. Default `last_is_family`.
    pub split_names: SplitNames,
    /// The first name is the nickname where there is one. Default no.
    pub prefer_nickname: bool,
    /// What becomes the user name where the source gives none, in order. Default the key:
    /// `["sourced_id"]`.
    pub username_fallback: Vec<UsernameFrom>,
    /// Which names are put right where they come all in capitals or all in small letters.
    pub fix_case: FixCase,
    /// A suspended enrollment also loses its roles, so that it counts nowhere. Default no.
    pub suspend_drops_roles: bool,
    /// What course names are made of.
    pub course: CourseNames,
    /// The site's offset from UTC, for days that become moments: `+01:00`. Default `+00:00`.
    pub utc_offset: UtcOffset,
    /// Most form variables in a call. Over PHP's `max_input_vars`, 1000 unless changed, Moodle
    /// would see but part of a call. Default 900.
    pub max_vars: usize,
    /// Largest request in bytes. Web servers refuse more than 1 MiB by default. Default 512 KiB.
    pub max_body: usize,
    /// Records in a call, at most; courses ten at most. Default 50, which measured best.
    pub batch: usize,
    /// Calls at a time. Courses are made one call after the other whatever this says, since
    /// Moodle collapses otherwise. Default 3.
    pub concurrency: usize,
    /// Most calls in a second. Default: no limit.
    pub rate: Option<f64>,
    /// How many seconds an answer may take, up to an hour. Default 60.
    pub timeout: u64,
}

impl Default for MoodleConfig {
    fn default() -> Self {
        let roles = [
            ("student", 5),
            ("member", 5),
            ("instructor", 3),
            ("content_developer", 3),
            ("teaching_assistant", 4),
        ];
        Self {
            roles: roles.into_iter().map(|(name, id)| (name.to_owned(), id)).collect(),
            auth: "manual".to_owned(),
            password: NewPassword::Mail,
            adopt: Adopt::default(),
            category: 1,
            root_category: 0,
            only_if_ungrouped: false,
            template: Template::default(),
            missing_email: "{key}@example.invalid".to_owned(),
            prefer_institution_email: false,
            missing_name: "-".to_owned(),
            split_names: SplitNames::default(),
            prefer_nickname: false,
            username_fallback: vec![UsernameFrom::SourcedId],
            fix_case: FixCase::default(),
            suspend_drops_roles: false,
            course: CourseNames::default(),
            utc_offset: UtcOffset::default(),
            max_vars: 900,
            max_body: 512 << 10,
            batch: 50,
            concurrency: 3,
            rate: None,
            timeout: 60,
        }
    }
}

impl MoodleConfig {
    /// What a record has to look like to fit in: the rules by which records are mapped before
    /// they are compared and sent.
    pub fn rules(&self) -> TargetRules {
        let mut rules = TargetRules::moodle();
        for (kind, fields) in super::capabilities::FIELDS {
            let mut names: BTreeSet<String> =
                fields.iter().map(|name| (*name).to_owned()).collect();
            if matches!(kind, Kind::Person | Kind::Course) {
                // Not for Moodle, but for who it was before.
                names.insert("former_keys".to_owned());
            }
            rules.fields.insert(*kind, names);
        }
        rules.names.missing_part.clone_from(&self.missing_name);
        rules.names.split = self.split_names;
        rules.names.fix_case = self.fix_case.names;
        rules.names.prefer_nickname = self.prefer_nickname;
        rules.username.lowercase = self.fix_case.usernames;
        rules.username.fallback.clone_from(&self.username_fallback);
        rules.email.prefer_institution = self.prefer_institution_email;
        rules.email.missing = match self.missing_email.as_str() {
            "reject" => MissingEmail::Finding,
            template => MissingEmail::Placeholder { template: template.to_owned() },
        };
        rules.course.short_name = self.course.short_name;
        rules.course.title = self.course.full_name;
        rules.course.truncate_code = self.course.truncate;
        rules.enrollment.roles = self.roles.keys().cloned().collect();
        rules.key_lengths.insert(Kind::OrgUnit, 100);
        rules
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.clamp(1, 3600))
    }
}

/// What a new account gets where the source delivers no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewPassword {
    /// Moodle makes one and mails it to the person.
    Mail,
    /// We make one at random that nobody gets to know: the person asks Moodle for a new one.
    Random,
    /// We make one that is changed at the first login, and keep it sealed on a list that somebody
    /// hands over once.
    List,
}

/// Which records that are there already may be taken over. What may not is refused with a code
/// that says what stands in the way.
///
/// | key | default | without it |
/// |---|---|---|
/// | `idnumber` | yes | `not-adopted` |
/// | `username` | no | `username-taken` |
/// | `email` | no | `email-taken` |
/// | `short_name` | no | `short-name-taken` |
/// | `group_name` | yes | `group-name-taken` |
/// | `enrollments` | no | people found in a course stay as they are |
///
/// An account or course with another idnumber is somebody else's and never taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Adopt {
    /// Whatever has our key as its idnumber.
    pub idnumber: bool,
    /// An account with the user name and no idnumber.
    pub username: bool,
    /// An account with the e-mail address and no idnumber.
    pub email: bool,
    /// A course with the short name and no idnumber.
    pub short_name: bool,
    /// A group with the name in its course and no idnumber.
    pub group_name: bool,
    /// People who are in a course already.
    pub enrollments: bool,
}

impl Default for Adopt {
    fn default() -> Self {
        Self {
            idnumber: true,
            username: false,
            email: false,
            short_name: false,
            group_name: true,
            enrollments: false,
        }
    }
}

/// Courses that new ones are copied from. Copying takes about a second each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Template {
    /// What the idnumber or short name of a template begins with, before the name that the
    /// source gives: `TPL-`.
    pub prefix: String,
    /// The template of courses for which the source names none. Default: none.
    pub default: Option<String>,
    /// What happens where the template is not there. Default `plain`.
    pub missing: MissingTemplate,
}

/// What happens where a template is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingTemplate {
    /// The course is made empty, with a remark.
    #[default]
    Plain,
    /// The course is refused.
    Reject,
}

/// Which names are put right where they come all in capitals or all in small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FixCase {
    /// `JOE MOODLE` becomes `Joe Moodle`. Default no.
    pub names: bool,
    /// User names are sent in small letters, as Moodle demands. Default yes; without it a name
    /// with a capital is refused.
    pub usernames: bool,
}

impl Default for FixCase {
    fn default() -> Self {
        Self { names: false, usernames: true }
    }
}

/// What a course's two names are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CourseNames {
    /// The name that people see first: `title` or `short_name`. Default `title`.
    pub full_name: TitleFrom,
    /// The code: `short_name` or `key`. Default `short_name`.
    pub short_name: ShortNameFrom,
    /// Longest code that is sent; the rest is cut off. Default 0: as long as it is.
    pub truncate: usize,
}

/// An offset from UTC, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UtcOffset(pub i64);

impl TryFrom<String> for UtcOffset {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const BAD: &str = "an offset from UTC looks like `+01:00`";
        let (sign, rest) = match text.as_bytes().first() {
            Some(b'+') => (1, &text[1..]),
            Some(b'-') => (-1, &text[1..]),
            _ => return Err(BAD),
        };
        let (hours, minutes) = rest.split_once(':').ok_or(BAD)?;
        match (hours.len(), hours.parse::<u8>(), minutes.len(), minutes.parse::<u8>()) {
            (2, Ok(hours @ 0..=14), 2, Ok(minutes @ 0..=59)) => {
                Ok(Self(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60)))
            }
            _ => Err(BAD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(toml::from_str::<MoodleConfig>("").unwrap(), MoodleConfig::default());
    }

    #[test]
    fn every_key_can_be_set_and_a_wrong_one_is_named() {
        let config: MoodleConfig = toml::from_str(
            "roles = { student = 5, instructor = 3 }\nauth = 'oidc'\npassword = 'random'\n\
             adopt = { username = true }\nutc_offset = '-03:30'\nrate = 2.5\n\
             template = { prefix = 'TPL-', missing = 'reject' }\nmissing_email = 'reject'\n\
             course = { full_name = 'short_name', truncate = 20 }",
        )
        .unwrap();
        assert_eq!(config.roles.len(), 2);
        assert!(config.adopt.username && config.adopt.idnumber);
        assert_eq!(config.utc_offset, UtcOffset(-12_600));
        assert_eq!(config.template.missing, MissingTemplate::Reject);
        for (bad, named) in [
            ("rolls = {}", "rolls"),
            ("adopt = { user = true }", "user"),
            ("utc_offset = '1'", "+01:00"),
            ("utc_offset = '+1:00'", "+01:00"),
            ("password = 'none'", "`list`"),
        ] {
            let error = toml::from_str::<MoodleConfig>(bad).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn what_is_set_reaches_the_mapping() {
        let config: MoodleConfig = toml::from_str(
            "missing_email = 'reject'\nmissing_name = '.'\nfix_case = { names = true }\n\
             course = { truncate = 9, short_name = 'key' }\nroles = { student = 5 }\n\
             username_fallback = ['email', { user_id = 'SCTID' }]",
        )
        .unwrap();
        let rules = config.rules();
        assert_eq!(rules.email.missing, MissingEmail::Finding);
        assert_eq!((rules.names.missing_part.as_str(), rules.names.fix_case), (".", true));
        assert_eq!((rules.course.truncate_code, rules.course.short_name), (9, ShortNameFrom::Key));
        assert!(rules.enrollment.roles.contains("student") && rules.enrollment.roles.len() == 1);
        assert_eq!(rules.username.fallback.len(), 2);
        assert!(!rules.fields[&Kind::Person].contains("locale"));
        assert!(rules.fields[&Kind::Person].contains("former_keys"));
    }

    #[test]
    fn a_token_is_never_shown() {
        let access = MoodleAccess { url: "https://a.example".into(), token: "s3cret".into() };
        assert!(!format!("{access:?}").contains("s3cret"));
    }
}
