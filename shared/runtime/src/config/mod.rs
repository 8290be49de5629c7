//! `rollcall.toml`: read, checked, and turned into what the pipeline takes.
//!
//! ```
//! use runtime::config::{Config, Known};
//! use std::path::Path;
//!
//! let known = Known { formats: &["ims-enterprise"], targets: &["moodle", "sandbox"] };
//! let text = r#"
//! tenant = "oakfield"
//! [[integration]]
//! name = "sis"
//! [[integration.source]]
//! name = "registrar"
//! precedense = 10
//! [integration.target]
//! kind = "sandbox"
//! "#;
//! let error = Config::parse(text, Path::new("rollcall.toml"), known).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "rollcall.toml:7: integration.source.precedense: there is no such key \
//!      (did you mean `precedence`?)",
//! );
//! ```
//!
//! | section | keys |
//! |---|---|
//! | (top) | `tenant` |
//! | `[[integration]]` | `name`, `status`: `test` (default), `inactive`, `active`; `first_sync`: `approve` (default: the first plan for a target is held until somebody approves it) or `deliver` |
//! | `[integration.schedule]` | `quiet` (windows in which nothing is delivered: `"mon-fri 08:00-16:00"`), `time_zone` (default `UTC`; `Europe/Amsterdam`, `+01:00`, or a POSIX rule) |
//! | `[[integration.source]]` | `name`, `match` (`*` and `?`, on the file's name), `format`: `auto` (default) or a name, `mode`: `full` (default) or `incremental`, `scope`: what a full export speaks for, `source` (default) or `data_source` (the data source keys that it contains), `data_source_key`: how the key of a record is made that has none, and how others must be (`"{year}_{term}_{source}_{type}"`), `precedence` (default 0; higher wins), `username_types` (which user ids become the user name, by type, in order), `only_target` (take in only exports that name it); where exports are dropped off: `files` (patterns; an export is whole when each has a file), `settle` (`"2m"`; it is whole so long after its last file), `expect_every` (`"26h"`; somebody is told when none has come) |
//! | | several sources: `fields.KIND.FIELD` (a precedence of its own for one field, or `"never"`), `match_by` (values by which its persons are found in sources above it: `["username", "user_id:card=sourced_id"]`), `adds = false` (it only adds to what others have), `keys = "random"` with `natural_key`; for `format = "table"` and `"ldif"`: `columns.HEADING` (`"person.email"`, or a list of such; of a directory the attribute's name); for tables: `separator`, `kind`: what a line is, `persons` (default), `enrollments` or `courses`, and for enrollments `role` (default `student`; where a line says none) |
//! | | lists of keys that change (`format = "changes"`): `changes.old`, `changes.new`, `changes.kind` (headings, where they are not the usual ones), `changes.of`: `person` (default) or `course` |
//! | `[integration.mapping]` | `fields`, `roles`, `system_roles`, `tables`, `course_key`, `hidden_key`, `same_username`, `rule`: see docs/mapping.md |
//! | `[integration.target]` | `kind`, `url`, `token`, `ca_file`, `allow_private`; every other key is the adapter's, read by [`Settings::read`] |
//! | `[integration.policy.KIND]` | `create`, `update`, `restore` (what was put aside comes back when it is wanted again): true or false; `remove`: `ignore`, `suspend`, `delete`; with `delete` also `after`: `"90d"`, `"12w"`; for enrollments also `move`: `independent` (default), `together` (whoever loses a place and is to get another loses it with the new one), `add-first` (one run after the new one is there) |
//! | `[integration.policy.KIND.fields]` | when a field is told: `always` (default), `on_create`, `until_changed` (until somebody changes it in the LMS) |
//! | `[integration.limits]` | of one run: `remove_percent` (0 to 100; suspensions and removals together), `remove_count`, `remove_minimum` (with fewer records percent does not apply), the same three with `suspend_`, `delete_`, `create_`, `update_`, `restore_`; `hold_emptied_courses`; `drop_percent` (default 50; 100: never) and `drop_minimum` (default 20): when a school, course or file dropped so sharply that what it loses is held |
//! | `[integration.limits.KIND]` | the numbers of one run, for one kind |
//! | `[integration.limits.week]`, `[integration.limits.week.KIND]` | the same numbers over seven days; default `remove_percent = 25` |
//! | `[integration.limits.source.NAME]`, `[integration.limits.data_source."KEY"]` | the numbers of one run for what that source says, or for each data source key that is like KEY (`*`: any characters); kinds below them: `[integration.limits.source.NAME.KIND]` |
//! | `[[integration.limits.window]]` | `name`, `from` and `until` (first and last day, UTC), and any of the above: what holds on these days |
//! | `[integration.log]` | `level`: `error`, `warning`, `info` (default): the least that `rollcall log` shows; `keep`: for how long runs are kept (`"90d"`, `"12w"`, `"3y"`; without it for ever) |
//! | `[integration.retention]` | `plans`, `reports`, `history`, `audit`: for how long each is kept; `backups`: for how long you keep backups (default `"35d"`), which a receipt of forgetting dates; `credentials`: for how long passwords of new accounts can be handed over (default `"14d"`) |
//! | `[integration.identity]` | `reuse`: `hold` (default) or `off` (a key that comes back as somebody else); `rename`: `propose` (default) or `off` (one who vanished beside one who is new and alike); `alike` (50 to 100, default 80: from when on two names are one), `rename_days` (0 to 3650, default 30: for how long the other half of a rename is looked for in later exports) |
//!
//! A secret is `{ env = "NAME" }`, `{ file = "PATH" }` or `{ secret = "NAME" }`. Paths count from
//! the file's folder.
//!
//! **Never:** no secret is read here, no name of an LMS is known but `sandbox`, and no setting is
//! passed over in silence.

mod de;
mod fault;
mod identity;
mod keeping;
mod limits;
mod node;
mod pattern;
mod policy;
mod schedule;
mod source;
mod target;
mod time;
mod version;

use std::fs;
use std::path::Path;

use ambient::Quiet;
use plan::{IdentityRules, Limits, Policy};
use roster::mapping::MappingRules;
use serde::Deserialize;
use serde::de::Error as _;

pub use fault::ConfigError;
pub use keeping::Keeping;
pub use pattern::Pattern;
pub use source::{Format, SelectError, Source, SourceScope};
pub use target::{Connection, Settings, Target};

use fault::Fault;
use identity::IdentitySection;
use keeping::{LogSection, RetentionSection};
use limits::LimitsSection;
use node::Node;
use policy::PolicySection;
use schedule::ScheduleSection;
use source::Sources;
use target::TargetSection;

/// The file that is read where no other is named.
pub const FILE: &str = "rollcall.toml";

/// What a configuration may name, stated by the crates that do the work.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Formats of exports, without `auto`.
    pub formats: &'a [&'a str],
    /// Kinds of target.
    pub targets: &'a [&'a str],
}

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The school or institution.
    pub tenant: String,
    /// Its integrations, in the order of the file; at least one, each name once.
    pub integrations: Vec<Integration>,
}

/// Sources with one target.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it may do.
    pub status: Status,
    /// What becomes of the first plan for the target.
    pub first_sync: FirstSync,
    /// When nothing is delivered.
    pub quiet: Quiet,
    /// Its sources, in the order of the file; at least one, each name once.
    pub sources: Vec<Source>,
    /// The LMS.
    pub target: Target,
    /// What may be done to each kind.
    pub policy: Policy,
    /// How much may be taken away in one run.
    pub limits: Limits,
    /// For how long what is stored is kept.
    pub keeping: Keeping,
    /// What the school wants of its records.
    pub mapping: MappingRules,
    /// How persons are told apart.
    pub identity: IdentityRules,
}

/// What becomes of the first plan for a target. The sandbox is exempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstSync {
    /// It is held until somebody approves it.
    #[default]
    Approve,
    /// It is delivered.
    Deliver,
}

/// What an integration may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Plan and report; deliver nothing.
    #[default]
    Test,
    /// Do nothing.
    Inactive,
    /// Plan and deliver.
    Active,
}

impl Config {
    /// Loads and checks a file. Paths in it count from its folder.
    pub fn load(path: &Path, known: Known<'_>) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError {
            file: path.to_owned(),
            line: 0,
            path: String::new(),
            problem: format!("cannot read the configuration: {source}"),
            hint: None,
        })?;
        Self::parse(&text, path, known)
    }

    /// Checks a text that stands, or could stand, in `file`.
    pub fn parse(text: &str, file: &Path, known: Known<'_>) -> Result<Self, ConfigError> {
        let mut root = Node::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|e| {
            let fault: Fault = Fault::custom(e.message).on(e.line);
            fault.into_error(file)
        })?;
        let settings = target::split_settings(&mut root, file);
        let section = FileSection::deserialize(&root);
        let section = section.map_err(|fault| fault.into_error(file))?;
        check_known(&root, known).map_err(|fault| fault.into_error(file))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let integrations = section.integration.0.into_iter().zip(settings);
        let integrations = integrations.map(|(one, own)| one.into_integration(own, folder));
        Ok(Self { tenant: section.tenant.0, integrations: integrations.collect() })
    }

    /// What holds without a file: one active integration named `sandbox`, with one source whose
    /// exports are full, and the simulated LMS as its target.
    pub fn sandbox() -> Self {
        let source = Source {
            name: "sis".to_owned(),
            pattern: None,
            format: Format::Auto,
            mode: roster::Mode::Full,
            scope: SourceScope::Source,
            precedence: 0,
            username_types: Vec::new(),
            only_target: None,
            files: Vec::new(),
            settle: std::time::Duration::ZERO,
            expect_every: None,
            part: roster::merge::Part::default(),
            columns: roster::columns::Columns::default(),
            data_source_key: None,
            changes: roster::changes::ChangeColumns::default(),
        };
        let integration = Integration {
            name: "sandbox".to_owned(),
            status: Status::Active,
            first_sync: FirstSync::Deliver,
            quiet: Quiet::default(),
            sources: vec![source],
            target: Target {
                kind: target::SANDBOX.to_owned(),
                connection: Connection::Sandbox,
                settings: Settings::none(),
            },
            policy: Policy::default(),
            limits: Limits::default(),
            keeping: Keeping::default(),
            mapping: MappingRules::default(),
            identity: IdentityRules::default(),
        };
        Self { tenant: "default".to_owned(), integrations: vec![integration] }
    }

    /// The integration of this name; without a name, the only one.
    pub fn integration(&self, name: Option<&str>) -> Result<&Integration, SelectError> {
        source::select("integration", "--integration", name, &self.integrations, |i| &i.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSection {
    tenant: Name,
    integration: Integrations,
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<IntegrationSection>")]
struct Integrations(Vec<IntegrationSection>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntegrationSection {
    name: Name,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    first_sync: FirstSync,
    #[serde(default)]
    schedule: ScheduleSection,
    source: Sources,
    target: TargetSection,
    #[serde(default)]
    policy: PolicySection,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    identity: IdentitySection,
    #[serde(default)]
    log: LogSection,
    #[serde(default)]
    retention: RetentionSection,
    #[serde(default)]
    mapping: MappingRules,
}

impl TryFrom<Vec<IntegrationSection>> for Integrations {
    type Error = String;

    fn try_from(sections: Vec<IntegrationSection>) -> Result<Self, String> {
        check_names("integration", sections.iter().map(|section| section.name.0.as_str()))?;
        for section in &sections {
            section.check_matching()?;
            section.check_limits()?;
        }
        Ok(Self(sections))
    }
}

impl IntegrationSection {
    /// What persons are matched by must be kept.
    fn check_matching(&self) -> Result<(), String> {
        let kept = &self.mapping.fields;
        for source in &self.source.0 {
            let by = source.part.match_by.iter().flat_map(|by| [&by.here, &by.there]);
            for field in by.filter_map(roster::matching::Selector::field) {
                if !kept.keeps(roster::Kind::Person, field.name) {
                    return Err(format!(
                        "source \"{}\" matches persons by {field}, which `fields.person` under \
                         [integration.mapping] does not keep",
                        source.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Limits are of sources that there are.
    fn check_limits(&self) -> Result<(), String> {
        let known: Vec<&str> = self.source.0.iter().map(|source| source.name.as_str()).collect();
        match self.limits.sources().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "[integration.limits.source.{name}] is of a source that there is not, \"{name}\": \
                 there is {}",
                known.join(", ")
            )),
        }
    }

    fn into_integration(self, settings: Settings, folder: &Path) -> Integration {
        Integration {
            name: self.name.0,
            status: self.status,
            first_sync: self.first_sync,
            quiet: self.schedule.into_quiet(),
            sources: self.source.0,
            target: self.target.into_target(settings, folder),
            policy: self.policy.into_policy(),
            limits: self.limits.into_limits(),
            keeping: self.retention.into_keeping(self.log),
            mapping: self.mapping,
            identity: self.identity.into_rules(),
        }
    }
}

/// At least one, and each once.
fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("two {what}s have the name \"{name}\": give one another"));
        }
        seen.push(name);
    }
    if seen.is_empty() { Err(format!("there is no {what}: add one")) } else { Ok(()) }
}

/// A name that is safe in a path, a key and a metric.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, &'static str> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let good = !name.is_empty() && name.len() <= 40 && name.chars().all(fits);
        let good = good && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if good {
            Ok(Self(name))
        } else {
            Err("a name is 1 to 40 of the characters a to z, 0 to 9, - and _, beginning with a \
                 letter or digit")
        }
    }
}

/// Formats and kinds of target that nobody here can serve.
fn check_known(root: &Node, known: Known<'_>) -> Result<(), Fault> {
    let formats = [&["auto"], known.formats].concat();
    let integrations = root.under("integration");
    let under = |section: &str, key: &str| -> Vec<&Node> {
        let sections = integrations.iter().flat_map(|one| one.under(section));
        sections.flat_map(|one| one.under(key)).collect()
    };
    for (section, key, words) in
        [("source", "format", &formats[..]), ("target", "kind", known.targets)]
    {
        for node in under(section, key) {
            let word = String::deserialize(node)?;
            if !words.contains(&word.as_str()) {
                let fault = Fault::unknown_word(&word, words).on(node.line);
                return Err(fault.under(key).under(section).under("integration"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
