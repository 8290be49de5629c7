//! One change, as a line to show.

use plan::{Action, Cause, Change};
use roster::{Key, Kind, Text};

use super::place;
use crate::label::{self, clean};

/// One change, cleaned for showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is done.
    pub action: Action,
    /// To which record.
    pub key: Key,
    /// What it is called, where that is known.
    pub name: Option<String>,
    /// Roles, a user name, or what is special about the change.
    pub note: Option<String>,
    /// What changes; empty for all but updates, restores, re-keys and adoptions.
    pub fields: Vec<FieldView>,
    /// Why.
    pub cause: Cause,
    /// `file:line` in the export; in a view of a one-file export `line 20`.
    pub origin: Option<String>,
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldView {
    /// Its name.
    pub field: &'static str,
    /// What it held; `None` where nothing was known.
    pub before: Option<String>,
    /// What it is to hold; `None` where it is not known.
    pub after: Option<String>,
}

impl Line {
    /// The line of `change`; `files` are those that its origin counts in.
    pub fn of(change: &Change, files: &[Text]) -> Self {
        let record = change.after.as_ref().or(change.before.as_ref());
        let before = change.before.as_ref();
        let name = record.and_then(label::name).or_else(|| before.and_then(label::name));
        let note = match &change.temporary {
            Some(temporary) => Some(format!("takes \"{}\" for a moment", clean(temporary))),
            None => record.and_then(label::note).or_else(|| before.and_then(label::note)),
        };
        Self {
            action: change.action,
            key: change.key().clone(),
            name,
            note,
            fields: fields(change),
            cause: change.cause,
            origin: change.origin.and_then(|origin| place(files, origin)),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.key.kind()
    }

    /// The sign before it: `+` for what comes, `-` for what goes, `~` for what changes.
    pub fn sign(&self) -> char {
        match self.action {
            Action::Create | Action::Restore | Action::Adopt => '+',
            Action::Suspend | Action::Remove => '-',
            Action::Update | Action::Rekey => '~',
        }
    }

    /// What the sign does not say; `None` where it says all.
    pub fn remark(&self) -> Option<&'static str> {
        let action = match (self.action, self.kind()) {
            (Action::Suspend, Kind::Course) => Some("hidden"),
            (Action::Suspend, _) => Some("suspended"),
            (Action::Restore, _) => Some("back in use"),
            (Action::Adopt, _) => Some("there already: taken over"),
            (Action::Rekey, _) => Some("new key"),
            (Action::Create | Action::Update | Action::Remove, _) => None,
        };
        action.or(match self.cause {
            Cause::Source => None,
            Cause::Drift => Some("changed in the LMS"),
            Cause::Retry => Some("tried again"),
            Cause::InDoubt => Some("sent before without an answer: looked up first"),
        })
    }
}

/// The fields that change, where there is a before and an after to compare.
fn fields(change: &Change) -> Vec<FieldView> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
    if change.action.takes_away() {
        return Vec::new();
    }
    let mut fields = Vec::new();
    if before.key() != after.key() {
        fields.push(FieldView {
            field: "key",
            before: Some(label::short_id(before.key())),
            after: Some(label::short_id(after.key())),
        });
    }
    let (shown_before, shown_after) = (before.fields(), after.fields());
    // Marks say nothing to anybody.
    for spec in before.differing(after).into_iter().filter(|spec| spec.name != "marks") {
        let of = |shown: &[(roster::FieldSpec, std::borrow::Cow<'_, str>)]| {
            let found = shown.iter().find(|(known, _)| *known == spec);
            found.map(|(_, value)| clean(value))
        };
        let (before, after) = (of(&shown_before), of(&shown_after));
        fields.push(FieldView { field: spec.name, before, after });
    }
    fields
}
