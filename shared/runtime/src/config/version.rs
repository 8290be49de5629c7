//! The version of a configuration: a digest of what influences plans.

use plan::{IdentityRules, Limits};
use roster::Kind;
use roster::columns::{Columns, Rows};
use roster::mapping::MappingRules;
use roster::merge::Part;

use super::node::{Node, Value};
use super::{Integration, Source};

impl Integration {
    /// A digest, as 32 hexadecimal digits, of everything here that can change a plan: sources
    /// (format, mode, precedence), policy, delayed deletes, limits, how persons are told apart, the target's kind and its
    /// adapter's settings. Not of names, address, token or status, nor of the order of keys: the
    /// applied state is bound to the target by its own fingerprint.
    pub fn version(&self) -> String {
        let mut to = Digest(blake3::Hasher::new());
        to.text("rollcall configuration 1");
        let mut sources: Vec<&Source> = self.sources.iter().collect();
        sources.sort_by_key(|source| &source.name);
        to.number(sources.len());
        for source in sources {
            to.text(&source.name);
            to.text(source.format.name());
            to.text(match source.mode {
                roster::Mode::Full => "full",
                roster::Mode::Incremental => "incremental",
            });
            to.text(&source.precedence.to_string());
            // What came later counts where it is used, so that nothing else changes by it.
            if source.scope == super::SourceScope::DataSource {
                to.text("scope data source");
            }
            if let Some(pattern) = &source.data_source_key {
                to.tagged("data source key", &pattern.to_string());
            }
            // Names and lists of names, so that their debug output is their content.
            to.text(&format!("{:?} {:?}", source.username_types, source.only_target));
            list(&mut to, source);
            if source.changes != roster::changes::ChangeColumns::default() {
                to.tagged("changes", &format!("{:?}", source.changes));
            }
            if source.part != Part::default() {
                // As it was written before lists of enrollments, whose persons are their `kind`'s.
                let Part { fields, match_by, adds, keys, adds_persons: _ } = &source.part;
                to.text(&format!(
                    "Part {{ fields: {fields:?}, match_by: {match_by:?}, adds: {adds:?}, keys: \
                     {keys:?} }}"
                ));
            }
        }
        for kind in Kind::ALL {
            let policy = self.policy.of(kind);
            let limit = self.limits.of(kind);
            to.text(kind.name());
            // Both are plain enums and numbers, so that their debug output is their content. What
            // came later stands below, so that a version does not change with the program.
            let plan::KindPolicy { create, update, restore: _, remove } = policy;
            to.text(&format!(
                "KindPolicy {{ create: {create}, update: {update}, remove: {remove:?} }} {limit:?}"
            ));
        }
        to.text(if self.limits.hold_emptied_courses { "hold emptied" } else { "empty" });
        self.later(&mut to);
        mapping(&mut to, &self.mapping);
        if !self.policy.fields.is_empty() {
            to.text(&format!("{:?}", self.policy.fields));
        }
        // As long as nobody sets them, the version stays what it was.
        let IdentityRules { reuse, rename, alike, rename_days: _ } = self.identity;
        let rest = IdentityRules { reuse, rename, alike, ..IdentityRules::default() };
        if rest != IdentityRules::default() {
            to.text(&format!(
                "IdentityRules {{ reuse: {reuse}, rename: {rename}, alike: {alike} }}"
            ));
        }
        to.text(&self.target.kind);
        to.node(&self.target.settings.node);
        to.0.finalize().to_hex()[..32].to_owned()
    }
}

impl Integration {
    /// What later versions of the program know beside: only where it is not the default.
    fn later(&self, to: &mut Digest) {
        let fixed: Vec<&str> = Kind::ALL
            .into_iter()
            .filter(|kind| !self.policy.of(*kind).restore)
            .map(Kind::name)
            .collect();
        if !fixed.is_empty() {
            to.tagged("not restored", &fixed.join(" "));
        }
        if self.policy.moves != plan::Moves::default() {
            to.tagged("moves", &format!("{:?}", self.policy.moves));
        }
        let days = self.identity.rename_days;
        if days != IdentityRules::default().rename_days {
            to.tagged("rename days", &days.to_string());
        }
        let (limits, default) = (&self.limits, Limits::default());
        let rest = |limits: &Limits| {
            // Enums, numbers, dates and the names of windows: the debug output is the content.
            let Limits { actions, week, sharp_drop, windows, .. } = limits;
            format!("{actions:?} {week:?} {sharp_drop:?} {windows:?}")
        };
        if !limits.parts.is_empty() {
            to.tagged("limits of parts", &format!("{:?}", limits.parts));
        }
        if rest(limits) != rest(&default) {
            to.tagged("limits", &rest(limits));
        }
    }
}

/// What the school wants of its records: sorted maps, lists, and templates as they are written.
fn mapping(to: &mut Digest, rules: &MappingRules) {
    let MappingRules { fields, roles, system_roles, tables, course_key, .. } = rules;
    let MappingRules { hidden_key, same_username, rule, .. } = rules;
    if *rules != (MappingRules { hidden_key: hidden_key.clone(), ..MappingRules::default() }) {
        to.text(&format!(
            "MappingRules {{ fields: {fields:?}, roles: {roles:?}, system_roles: \
             {system_roles:?}, tables: {tables:?}, course_key: {course_key:?}, same_username: \
             {same_username:?}, rule: {rule:?} }}"
        ));
    }
    // What came later counts where it is used.
    if let Some(parts) = hidden_key {
        to.tagged("hidden key", &parts.to_string());
    }
}

/// What the columns of a list say.
fn list(to: &mut Digest, source: &Source) {
    let columns = &source.columns;
    if *columns == Columns::default() {
        return;
    }
    let Columns { of, separator, rows, role } = columns;
    to.text(&format!("Columns {{ of: {of:?}, separator: {separator:?} }}"));
    // What came later counts where it is used.
    if *rows != Rows::default() {
        to.tagged("rows", &format!("{} {}", rows.name(), source.part.adds_persons));
    }
    if let Some(role) = role {
        to.tagged("role", role.name());
    }
}

/// Takes values in such a way that two different sequences never look the same.
struct Digest(blake3::Hasher);

impl Digest {
    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Text(text) => self.tagged("text", text),
            Value::Integer(number) => self.tagged("integer", &number.to_string()),
            Value::Float(number) => self.tagged("float", &number.to_string()),
            Value::Bool(yes) => self.tagged("bool", &yes.to_string()),
            Value::Date(date) => self.tagged("date", date),
            Value::List(items) => {
                self.tagged("list", &items.len().to_string());
                items.iter().for_each(|item| self.node(item));
            }
            Value::Table(entries) => {
                self.tagged("table", &entries.len().to_string());
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by_key(|entry| &entry.key);
                for entry in sorted {
                    self.text(&entry.key);
                    self.node(&entry.node);
                }
            }
        }
    }

    fn tagged(&mut self, tag: &str, text: &str) {
        self.text(tag);
        self.text(text);
    }
}
