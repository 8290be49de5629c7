//! `sourcedid`: what makes a record that record.

use roster::{Text, normal};

use super::{Here, Ims, names};
use crate::codes;
use crate::xml::tree::{At, Tree};

/// What the sourcedids of a record say.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The key.
    pub(super) key: Text,
    /// Keys that mean the same: old ones, and duplicates.
    pub(super) former: Vec<Text>,
    /// The system that issued the key.
    pub(super) source: Option<Text>,
}

/// What `sourcedidtype` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdType {
    Plain,
    New,
    Old,
    Duplicate,
}

impl Ims<'_> {
    /// The sourcedids below the record's own element. `None` where there is no id that can be
    /// used; a finding says so.
    pub(super) fn ids(&mut self, here: Here<'_>, what: &str) -> Option<Ids> {
        let mut first: Option<(IdType, Text, At)> = None;
        let mut others = Vec::new();
        for child in here.tree.children(Tree::ROOT) {
            if here.tree.name(child) != names::SOURCEDID {
                continue;
            }
            let Some(id) = self.id(here, child)? else { continue };
            let kind = id_type(here, child);
            match &first {
                None => first = Some((kind, id, child)),
                // The new id is the key, wherever it stands; an old one gives way to any other.
                Some((was, ..)) if rank(kind) < rank(*was) => {
                    others.extend(first.replace((kind, id, child)).map(|(k, id, _)| (k, id)));
                }
                Some(_) if others.len() < self.options.limits.attributes => {
                    others.push((kind, id));
                }
                Some(_) => {}
            }
        }
        let Some((_, key, at)) = first else {
            let message = format!("a {what} has no sourcedid with an id; it is left out");
            self.find(here, &codes::MISSING_SOURCEDID, message);
            return None;
        };
        let source = self.child_value(here, at, names::SOURCE);
        let mut ids = Ids { key, former: Vec::new(), source };
        for (kind, id) in others {
            self.other_id(here, &mut ids, kind, id);
        }
        Some(ids)
    }

    fn other_id(&mut self, here: Here<'_>, ids: &mut Ids, kind: IdType, id: Text) {
        if id == ids.key || ids.former.contains(&id) {
            return;
        }
        match kind {
            IdType::Old => ids.former.push(id),
            IdType::Duplicate => {
                let message = format!("`{}` is said to be the same as `{id}`", ids.key);
                self.find(here, &codes::DUPLICATE_SOURCEDID, message);
                ids.former.push(id);
            }
            IdType::Plain | IdType::New => {
                let message = format!(
                    "the record has the ids `{}` and `{id}`, both in use; the first counts",
                    ids.key
                );
                self.find(here, &codes::SEVERAL_SOURCEDIDS, message);
            }
        }
    }

    /// The id in one `sourcedid`. `None` outside: the record cannot be used; inside: there is
    /// none here.
    pub(super) fn id(&mut self, here: Here<'_>, at: At) -> Option<Option<Text>> {
        let raw = match here.tree.child(at, names::ID) {
            Some(id) => here.tree.text(id),
            None => here.tree.text(at),
        };
        let limit = self.options.limits.id_chars;
        if raw.len() > limit && raw.trim().chars().count() > limit {
            let message = format!("an id is longer than {limit} characters; it is left out");
            self.find(here, &codes::ID_TOO_LONG, message);
            return None;
        }
        Some(normal::id(raw))
    }
}

fn id_type(here: Here<'_>, at: At) -> IdType {
    let Some(kind) = here.tree.attribute(at, "sourcedidtype") else { return IdType::Plain };
    match kind.trim() {
        kind if kind.eq_ignore_ascii_case("new") => IdType::New,
        kind if kind.eq_ignore_ascii_case("old") => IdType::Old,
        kind if kind.eq_ignore_ascii_case("duplicate") => IdType::Duplicate,
        _ => IdType::Plain,
    }
}

/// Which of two ids is the key: the lower.
fn rank(kind: IdType) -> u8 {
    match kind {
        IdType::New => 0,
        IdType::Plain => 1,
        IdType::Duplicate => 2,
        IdType::Old => 3,
    }
}
