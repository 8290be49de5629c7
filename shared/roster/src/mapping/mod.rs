//! Records as one target should hold them.
//!
//! [`map`] takes a record as the sources have it and gives the one that is compared with what the
//! LMS holds: fields that the target cannot take are gone, names are in its shape, what it needs
//! and the source lacks is filled in by rule. All of it is data, [`TargetRules`], so that another
//! target is another description and no other code.
//!
//! ```
//! use roster::mapping::{TargetRules, map};
//! use roster::{Findings, Origin, Person, PersonKey, Record, Text};
//!
//! let mut person = Person::new(PersonKey::new("jmoodle"));
//! person.full_name = Some(Text::new("JOE MOODLE"));
//!
//! let mut findings = Findings::default();
//! let mut note = |finding| findings.push(finding);
//! let mapped = map(person.into(), &TargetRules::moodle(), Origin::default(), &mut note);
//! let Some(Record::Person(person)) = mapped else { panic!("a person") };
//! assert_eq!(person.family.as_deref(), Some("MOODLE"));
//! assert_eq!(person.username.as_deref(), Some("jmoodle"));
//! assert_eq!(person.email.as_deref(), Some("jmoodle@example.invalid"));
//! ```
//!
//! Mapping twice is mapping once. A sealed password passes through untouched; a hash only where the
//! target takes hashes of its type.
//!
//! **Never:** no look at other records here, but for [`UniqueEmails`], which remembers hashes.

mod key_parts;
mod listed;
mod others;
mod own;
mod person;
mod rule;
mod rules;
mod scope_pattern;
mod template;
mod text;
mod unique;
mod words;

pub use key_parts::KeyParts;
pub use listed::{FieldList, FieldMap};
pub use own::{MappingRules, SameUsername};
pub use rule::{Rule, like};
pub use rules::{
    Allowed, CourseRules, EmailRules, EnrollmentRules, MissingEmail, NameRules, ShortNameFrom,
    SplitNames, TargetRules, TitleFrom, UsernameFrom, UsernameRules,
};
pub use scope_pattern::{ScopeParts, ScopePattern};
pub use template::{Tables, Template};
pub use unique::UniqueEmails;

use crate::{FieldSpec, Finding, Key, Kind, Origin, Record, Severity, Text};

/// `record` as the target should hold it. `None` where it cannot hold it at all, after a finding
/// of severity error. `origin` is where findings point.
pub fn map(
    mut record: Record,
    rules: &TargetRules,
    origin: Origin,
    findings: &mut dyn FnMut(Finding),
) -> Option<Record> {
    let key = record.key().clone();
    let mut context = Context { key, origin, findings };
    fits(rules, &mut context)?;
    text::clean(&mut record, rules, &mut context);
    match &mut record {
        Record::Person(person) => person::map(person, rules, &mut context)?,
        Record::Course(course) => others::course(course, &rules.course, &mut context),
        Record::Term(term) => others::term(term, &mut context),
        Record::OrgUnit(unit) => others::org_unit(unit),
        Record::Group(group) => others::group(group),
        Record::Enrollment(enrollment) => {
            others::enrollment(enrollment, &rules.enrollment, &mut context)?;
        }
        Record::GroupMember(_) | Record::Association(_) | Record::Observer(_) => {}
    }
    text::cut(&mut record, rules, &mut context);
    match &mut record {
        Record::Person(person) if rules.names.fix_case => person::capitals(person),
        Record::Course(course) => {
            others::course_title(course, &rules.course);
            text::cut(&mut record, rules, &mut context);
        }
        _ => {}
    }
    if let Some(fields) = rules.fields.get(&record.kind()) {
        record.retain(|spec| fields.contains(spec.name));
    }
    Some(record)
}

/// The fields of a mapped record that say nothing but that nobody knows: a placeholder for an
/// address, a stand-in for half a name. They are for new records: what the target holds already is
/// better than them.
pub fn made_up(record: &Record, rules: &TargetRules) -> Vec<FieldSpec> {
    let Record::Person(person) = record else { return Vec::new() };
    let mut fields = Vec::new();
    let mut add = |name| fields.extend(Record::spec(Kind::Person, name));
    if let MissingEmail::Placeholder { template } = &rules.email.missing {
        let placeholder = person::placeholder(template, person.person().as_str());
        let is = |address: &Option<Text>| address.as_deref() == Some(placeholder.as_str());
        if is(&person.email) {
            add("email");
        }
        if is(&person.institution_email) {
            add("institution_email");
        }
    }
    let stand_in = &rules.names.missing_part;
    let is = |name: &Option<Text>| !stand_in.is_empty() && name.as_deref() == Some(stand_in);
    if is(&person.given) {
        add("given");
    }
    if is(&person.family) {
        add("family");
    }
    fields
}

/// Whether the target can hold the record's id.
fn fits(rules: &TargetRules, context: &mut Context<'_>) -> Option<()> {
    let Some(max) = rules.key_lengths.get(&context.key.kind()).copied() else { return Some(()) };
    let id = match &context.key {
        Key::Group { group, .. } => group.as_str(),
        key => key.owner().id,
    };
    if id.chars().count() <= max {
        return Some(());
    }
    context.error("key-too-long", |key| {
        format!("the id of {key} is longer than the {max} characters that the target holds; it is left out")
    });
    None
}

/// Which record is being mapped, and where its findings go.
struct Context<'a> {
    key: Key,
    origin: Origin,
    findings: &'a mut dyn FnMut(Finding),
}

impl Context<'_> {
    fn error(&mut self, code: &'static str, message: impl Fn(&Key) -> String) {
        self.find(Severity::Error, code, message(&self.key));
    }

    fn warn(&mut self, code: &'static str, message: impl Fn(&Key) -> String) {
        self.find(Severity::Warning, code, message(&self.key));
    }

    fn find(&mut self, severity: Severity, code: &'static str, message: String) {
        let key = Some(Text::from(self.key.to_string()));
        (self.findings)(Finding { severity, code, message, origin: self.origin, key });
    }
}
