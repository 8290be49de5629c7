//! `extension`: what a source adds to the standard, kept as free attributes.

use roster::{Labelled, Password, Text};

use super::{Here, Ims, names};
use crate::xml::tree::{At, Tree};

/// Extensions with a meaning that a record has a field for; any other is a free attribute.
pub(super) type Known<'k> = &'k mut dyn FnMut(&str, &Text) -> bool;

impl Ims<'_> {
    /// Collects the leaves of all extensions directly below the record's own element, each under
    /// its path. `known` takes what it has a field for, by its local name in lower case without
    /// `-` and `_`.
    pub(super) fn extensions(
        &mut self,
        here: Here<'_>,
        of: At,
        known: Known<'_>,
    ) -> Option<Vec<Labelled>> {
        let mut found = None;
        for child in here.tree.children(of) {
            if here.tree.name(child) == names::EXTENSION {
                let mut path = String::new();
                self.leaves(here, child, &mut path, known, &mut found);
            }
        }
        found
    }

    fn leaves(
        &mut self,
        here: Here<'_>,
        of: At,
        path: &mut String,
        known: Known<'_>,
        found: &mut Option<Vec<Labelled>>,
    ) {
        for child in here.tree.children(of) {
            // These have fields of their own, where they are looked for.
            if matches!(
                here.tree.name(child),
                names::TEMPLATE | names::WEBCREDENTIALS | names::COHORT
            ) {
                continue;
            }
            let kept = path.len();
            let local = here.tree.local(child, &names::TABLE);
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(local);
            if !here.tree.is_leaf(child) {
                self.leaves(here, child, path, known, found);
            } else if let Some(value) = self.value(here, child) {
                let word: String = local.chars().filter(|c| !"-_".contains(*c)).collect();
                if !known(&word.to_ascii_lowercase(), &value)
                    && let Some(label) = self.clean(here, path)
                {
                    self.add(here, found, Labelled { label, value });
                }
            }
            path.truncate(kept);
        }
    }

    /// The course in Vista's `template`: `sourcesection/sourcedid/id`, or the text itself.
    pub(super) fn template(&mut self, here: Here<'_>) -> Option<Text> {
        let at = in_extension(here, names::TEMPLATE)?;
        let section = here.tree.child(at, names::SOURCESECTION).unwrap_or(at);
        match here.tree.child(section, names::SOURCEDID) {
            Some(id) => self.id(here, id)?,
            None => self.value(here, section),
        }
    }

    /// Vista's `WEBCREDENTIALS`: a hash whose kind stands before it in braces. Vista hashes text
    /// in UTF-16, so its MD5 is not the MD5 that others know, and gets a name of its own.
    pub(super) fn credentials(&mut self, here: Here<'_>) -> Option<Password> {
        let at = in_extension(here, names::WEBCREDENTIALS)?;
        let value = self.value(here, at)?;
        let scheme = match value.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((kind, _)) => Text::from(format!("vista-{}", kind.to_ascii_lowercase())),
            None => Text::new("vista"),
        };
        Some(Password::Hashed { scheme, value })
    }
}

/// The first element of this name in an extension of the record.
fn in_extension(here: Here<'_>, name: u8) -> Option<At> {
    let tree = here.tree;
    let mut extensions =
        tree.children(Tree::ROOT).filter(|child| tree.name(*child) == names::EXTENSION);
    extensions.find_map(|extension| tree.child(extension, name))
}
