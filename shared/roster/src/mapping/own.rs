//! What a school wants of its records, before they are made to fit the target: [`MappingRules`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::listed::FieldList;
use super::rule::{Outcome, Rule};
use super::template::Tables;
use super::{Context, KeyParts, SplitNames, words};
use crate::{Finding, Kind, Origin, Person, Record, Role, Roles, Text};

/// The system role that gives nobody anything.
const NO_ROLE: &str = "none";

/// The mapping of one integration. The default changes nothing but system roles, which are
/// refused.
///
/// Rules are applied in order, each at most once. Applying all of them again changes nothing: no
/// rule may read what it or a later one writes, and that is checked when they are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct MappingRules {
    /// The fields that are kept and sent.
    pub fields: FieldList,
    /// What a source's roles are: by name, or by name and finer role, `student/auditor`.
    pub roles: BTreeMap<String, String>,
    /// The system roles that a source may ask for. Each grant waits for approval all the same.
    pub system_roles: BTreeSet<String>,
    /// Tables by name.
    pub tables: Tables,
    /// How course keys are made, for templates.
    pub course_key: Option<KeyParts>,
    /// How the keys that courses get in the LMS have to be made.
    pub hidden_key: Option<KeyParts>,
    /// What becomes of two persons with one user name.
    pub same_username: SameUsername,
    /// The rules, in order.
    pub rule: Vec<Rule>,
}

/// What becomes of a person whose user name somebody else has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameUsername {
    /// They wait, with a finding: nobody's name is made up.
    #[default]
    Finding,
    /// They get the first number behind it that makes it free, from 2 up, and keep it.
    Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Written {
    fields: FieldList,
    roles: BTreeMap<String, String>,
    system_roles: BTreeSet<String>,
    tables: Tables,
    course_key: Option<KeyParts>,
    hidden_key: Option<KeyParts>,
    same_username: SameUsername,
    rule: Vec<Rule>,
}

impl TryFrom<Written> for MappingRules {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { fields, roles, system_roles, tables, course_key, hidden_key, .. } = written;
        let (same_username, rule) = (written.same_username, written.rule);
        let rules = Self {
            fields,
            roles,
            system_roles,
            tables,
            course_key,
            hidden_key,
            same_username,
            rule,
        };
        rules.check()?;
        Ok(rules)
    }
}

impl MappingRules {
    /// Whether a rule makes the keys that records of this kind get in the LMS.
    pub fn makes_keys(&self, kind: Kind) -> bool {
        self.rule.iter().any(|rule| rule.kind == kind && rule.writes().name == "sourced_id")
    }

    /// Whether mapping twice is mapping once, and nothing is read that is not kept.
    fn check(&self) -> Result<(), String> {
        for (from, to) in &self.roles {
            let finer = format!("{to}/");
            let again = |(name, made): (&String, &String)| {
                (name == to || name.starts_with(&finer)) && made != to
            };
            if to.is_empty() || self.roles.iter().any(again) {
                return Err(format!(
                    "roles: `{from}` becomes `{to}`, and that would become another one again"
                ));
            }
        }
        for (at, rule) in self.rule.iter().enumerate() {
            let (number, kind, writes) = (at + 1, rule.kind, rule.writes());
            let of_rule = |problem: String| format!("rule {number}: {problem}");
            let looks_at =
                rule.looks_at(&self.tables, self.course_key.as_ref()).map_err(of_rule)?;
            if let Some(field) = looks_at.iter().find(|field| !self.fields.keeps(kind, field.name))
            {
                let problem = format!("it reads {field}, which `fields.{kind}` does not keep");
                return Err(of_rule(problem));
            }
            if !self.fields.keeps(kind, writes.name) {
                let problem = format!("it writes {writes}, which `fields.{kind}` does not keep");
                return Err(of_rule(problem));
            }
            if kind == Kind::Person && writes.name == "full_name" {
                let problem = "names are split before rules are applied: set given and family";
                return Err(of_rule(problem.to_owned()));
            }
            let reads = rule.reads(&self.tables, self.course_key.as_ref()).map_err(of_rule)?;
            let later = self.rule[at..].iter().filter(|later| later.kind == kind);
            for later in later.map(Rule::writes) {
                if reads.contains(&later) {
                    return Err(of_rule(format!(
                        "it reads {later}, which it or a later rule writes: mapping twice would \
                         not be mapping once; put the rule that writes {later} before it"
                    )));
                }
            }
            self.check_in_place(rule).map_err(of_rule)?;
        }
        Ok(())
    }

    /// A table that is applied to a field's own value must leave alone what it made.
    fn check_in_place(&self, rule: &Rule) -> Result<(), String> {
        let Some((name, table)) =
            rule.in_place().and_then(|name| Some((name, self.tables.get(name)?)))
        else {
            return Ok(());
        };
        let again = |made: &&String| table.get(*made).or_else(|| table.get("*")) != Some(*made);
        let open = |made: &&String| table.contains_key(*made) || table.contains_key("*");
        match table.values().find(|made| open(made) && again(made)) {
            None => Ok(()),
            Some(made) => Err(format!(
                "table `{name}` makes `{made}` of a value and something else of `{made}`: add \
                 \"{made}\" = \"{made}\""
            )),
        }
    }

    /// What the school wants of `record`. `split` says how a name in one piece is divided.
    pub fn apply(
        &self,
        record: &mut Record,
        split: SplitNames,
        origin: Origin,
        findings: &mut dyn FnMut(Finding),
    ) {
        let mut context = Context { key: record.key().clone(), origin, findings };
        self.fields.narrow(record);
        if let Record::Person(person) = record {
            split_name(person, split);
        }
        self.tidy(record, &mut context);
        self.check_key(record, &mut context);
        for rule in &self.rule {
            match rule.apply(record, &self.tables, self.course_key.as_ref()) {
                Outcome::Passed => {}
                Outcome::Set => self.tidy(record, &mut context),
                Outcome::Misfit => {
                    let field = rule.writes();
                    context.warn("mapping-misfit", |key| {
                        format!(
                            "the mapping makes something of {field} of {key} that it cannot be; \
                             it stays as it is"
                        )
                    });
                }
            }
        }
    }

    /// Roles in our words, and no system role that is not allowed.
    fn tidy(&self, record: &mut Record, context: &mut Context<'_>) {
        match record {
            Record::Enrollment(enrollment) if !self.roles.is_empty() => {
                let finer = enrollment.sub_role.as_deref();
                if let Some(roles) = &mut enrollment.roles {
                    let mapped: Roles = roles.iter().map(|role| self.role(role, finer)).collect();
                    *roles = mapped;
                }
            }
            Record::Person(person) => {
                let Some(role) = &person.system_role else { return };
                if role.as_str() == NO_ROLE || self.system_roles.contains(role.as_str()) {
                    return;
                }
                person.system_role = Some(Text::new(NO_ROLE));
                context.warn("system-role-refused", |key| {
                    format!(
                        "the source asks for a system role for {key} that the configuration does \
                         not allow (`system_roles` under [integration.mapping]): there is none"
                    )
                });
            }
            _ => {}
        }
    }

    fn role(&self, role: &Role, finer: Option<&str>) -> Role {
        let name = role.name();
        let by_both = finer.and_then(|finer| self.roles.get(&format!("{name}/{finer}")));
        match by_both.or_else(|| self.roles.get(name)) {
            Some(mapped) => Role::from_name(mapped),
            None => role.clone(),
        }
    }

    fn check_key(&self, record: &Record, context: &mut Context<'_>) {
        let (Record::Course(course), Some(parts)) = (record, &self.course_key) else { return };
        if parts.split(course.key().owner().id).is_none() {
            context.warn("course-key-pattern", |key| {
                format!("{key} is not made like `{parts}`; what is made of its parts is unknown")
            });
        }
    }
}

/// Divides a name that comes in one piece, where its parts are not known.
pub(super) fn split_name(person: &mut Person, split: SplitNames) {
    if let Some(full) = person.full_name.as_deref()
        && (person.given.is_none() && person.family.is_none())
        && split != SplitNames::No
    {
        let (given, family) = words::split(full, split);
        person.given = given.map(Text::from);
        person.family = family.map(Text::from);
    }
}
