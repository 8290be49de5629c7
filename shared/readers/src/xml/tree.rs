//! One record of an export as a small flat tree, its memory reused from record to record.

use std::borrow::Cow;
use std::cell::Cell;

use super::names::{NameTable, OTHER, local_name};
use super::refs;

/// A record's elements in the order of the file, with their text and attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// Tags and texts, one behind the other.
    arena: String,
    bad_attributes: Cell<bool>,
}

/// A place in a [`Tree`].
pub(crate) type At = usize;

#[derive(Debug, Clone, Copy)]
struct Node {
    name: u8,
    tag_len: u32,
    /// One behind the last node below this one.
    end: u32,
    /// The inside of the tag, kept only where the name alone does not say it all.
    tag: (u32, u32),
    text: (u32, u32),
}

impl Tree {
    /// The record's own element.
    pub(crate) const ROOT: At = 0;

    /// Forgets everything but its memory.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.arena.clear();
        self.bad_attributes.set(false);
    }

    /// How many elements.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of text and tags.
    pub(crate) fn size(&self) -> usize {
        self.arena.len()
    }

    /// Bytes that a copy takes, about.
    pub(crate) fn memory(&self) -> usize {
        self.arena.len() + self.nodes.len() * size_of::<Node>()
    }

    /// The number of the element's name.
    pub(crate) fn name(&self, at: At) -> u8 {
        self.nodes[at].name
    }

    /// The local name, of elements that the table does not know too.
    pub(crate) fn local<'t>(&'t self, at: At, table: &NameTable) -> &'t str {
        match self.nodes[at].name {
            OTHER => local_name(&self.tag(at)[..self.nodes[at].tag_len as usize]),
            number => table.name(number),
        }
    }

    /// The text directly inside, as it stands in the file, references resolved.
    pub(crate) fn text(&self, at: At) -> &str {
        let (start, end) = self.nodes[at].text;
        &self.arena[start as usize..end as usize]
    }

    /// The element's children.
    pub(crate) fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.nodes[at].end as usize;
        let mut next = at + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.nodes[child].end as usize;
                child
            })
        })
    }

    /// The first child of this name.
    pub(crate) fn child(&self, at: At, name: u8) -> Option<At> {
        self.children(at).find(|child| self.nodes[*child].name == name)
    }

    /// Whether it has elements below it.
    pub(crate) fn is_leaf(&self, at: At) -> bool {
        self.nodes[at].end as usize == at + 1
    }

    /// The value of an attribute, whatever its prefix and case.
    pub(crate) fn attribute(&self, at: At, name: &str) -> Option<Cow<'_, str>> {
        let node = self.nodes[at];
        let tag = self.tag(at);
        if tag.len() == node.tag_len as usize {
            return None;
        }
        let mut attributes = Attributes { rest: &tag[node.tag_len as usize..], bad: false };
        let found =
            attributes.find(|(key, _)| *key == name || local_name(key).eq_ignore_ascii_case(name));
        if attributes.bad {
            self.bad_attributes.set(true);
        }
        found.map(|(_, value)| refs::resolve(value))
    }

    /// Whether a tag that was looked at has attributes that are not well formed.
    pub(crate) fn has_bad_attributes(&self) -> bool {
        self.bad_attributes.get()
    }

    /// Opens an element: `tag` is the inside of its tag, the first `tag_len` bytes its name.
    #[inline]
    pub(crate) fn open(&mut self, name: u8, tag: &str, tag_len: usize) -> At {
        let start = self.arena.len() as u32;
        if name == OTHER || tag.len() > tag_len {
            self.arena.push_str(tag);
        }
        let end = self.arena.len() as u32;
        self.nodes.push(Node {
            name,
            tag_len: if end > start { tag_len as u32 } else { 0 },
            end: self.nodes.len() as u32 + 1,
            tag: (start, end),
            text: (end, end),
        });
        self.nodes.len() - 1
    }

    /// Closes an element: whatever was opened since is below it.
    #[inline]
    pub(crate) fn close(&mut self, at: At) {
        self.nodes[at].end = self.nodes.len() as u32;
    }

    /// Adds text to an element that is open. Text behind an element's child is left out, and
    /// `false` says so.
    #[inline]
    pub(crate) fn add_text(&mut self, at: At, text: &str) -> bool {
        let end = self.arena.len() as u32;
        let node = &mut self.nodes[at];
        if node.text.0 == node.text.1 {
            node.text = (end, end);
        }
        if node.text.1 != end {
            return false;
        }
        self.arena.push_str(text);
        node.text.1 = self.arena.len() as u32;
        true
    }

    /// Whether the element has text yet.
    #[inline]
    pub(crate) fn has_text(&self, at: At) -> bool {
        self.nodes[at].text.0 < self.nodes[at].text.1
    }

    /// Forgets the texts behind the first `size` bytes. Their elements must get other texts.
    #[inline]
    pub(crate) fn truncate(&mut self, size: usize) {
        self.arena.truncate(size);
        self.bad_attributes.set(false);
    }

    /// Gives an element another text.
    #[inline]
    pub(crate) fn set_text(&mut self, at: At, text: &str) {
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        self.nodes[at].text = (start, self.arena.len() as u32);
    }

    fn tag(&self, at: At) -> &str {
        let (start, end) = self.nodes[at].tag;
        &self.arena[start as usize..end as usize]
    }
}

/// Runs over `key="value"` pairs. What is not one is passed over, and `bad` is set.
struct Attributes<'a> {
    rest: &'a str,
    bad: bool,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest.trim_ascii_start();
            let bytes = rest.as_bytes();
            if bytes.is_empty() {
                return None;
            }
            let name_len = bytes.iter().position(|b| *b == b'=' || b.is_ascii_whitespace());
            let Some(name_len) = name_len else {
                self.rest = "";
                self.bad = true;
                return None;
            };
            let (key, rest) = rest.split_at(name_len);
            let Some(value) = rest.trim_ascii_start().strip_prefix('=') else {
                self.rest = rest;
                self.bad = true;
                continue;
            };
            let value = value.trim_ascii_start();
            let quote = value.as_bytes().first().copied();
            if !matches!(quote, Some(b'"' | b'\'')) {
                let end = value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len());
                self.rest = &value[end..];
                self.bad = true;
                continue;
            }
            let inside = &value[1..];
            let Some(end) = inside.bytes().position(|b| Some(b) == quote) else {
                self.rest = "";
                self.bad = true;
                return None;
            };
            self.rest = &inside[end + 1..];
            return Some((key, &inside[..end]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: NameTable = NameTable::new(&["role"]);

    #[test]
    fn attributes_in_any_shape() {
        let check = |tag: &str, expected: Option<&str>, bad: bool| {
            let mut tree = Tree::default();
            let at = tree.open(1, tag, 4);
            assert_eq!(tree.attribute(at, "roletype").as_deref(), expected, "{tag}");
            assert_eq!(tree.has_bad_attributes(), bad, "{tag}");
        };
        check("role roletype=\"01\"", Some("01"), false);
        check("role recstatus='3' roletype = '02' x=\"y\"", Some("02"), false);
        check("role ims:RoleType=\"a&amp;b\"", Some("a&b"), false);
        check("role x='a>\"b' roletype='\"'", Some("\""), false);
        check("role", None, false);
        check("role ", None, false);
        check("role checked roletype=\"01\"", Some("01"), true);
        check("role x=1 roletype=\"01\"", Some("01"), true);
        check("role roletype=\"01", None, true);
    }

    #[test]
    fn text_behind_a_child_is_left_out() {
        let mut tree = Tree::default();
        let root = tree.open(1, "role", 4);
        assert!(tree.add_text(root, "a "));
        assert!(tree.add_text(root, "b"));
        let child = tree.open(OTHER, "x:y", 3);
        assert!(tree.add_text(child, "c"));
        tree.close(child);
        assert!(!tree.add_text(root, "d"));
        tree.close(root);
        assert_eq!(tree.text(root), "a b");
        assert_eq!(tree.local(child, &TABLE), "y");
        assert_eq!(tree.children(root).collect::<Vec<_>>(), [child]);
        assert!(tree.is_leaf(child) && !tree.is_leaf(root));
    }
}
