//! Element names as small numbers, so that records are built by matching on a byte.

/// A name that the table does not know.
pub(crate) const OTHER: u8 = 0;

const SLOTS: usize = 512;

/// A fixed set of lower-case local names. A name's number is its place in the list, from 1.
pub(crate) struct NameTable {
    names: &'static [&'static str],
    slots: [u8; SLOTS],
}

impl NameTable {
    /// The table of `names`, at most 255 of them.
    pub(crate) const fn new(names: &'static [&'static str]) -> Self {
        assert!(names.len() < 256);
        let mut slots = [OTHER; SLOTS];
        let mut at = 0;
        while at < names.len() {
            let mut slot = slot_of(names[at].as_bytes());
            while slots[slot] != OTHER {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = at as u8 + 1;
            at += 1;
        }
        Self { names, slots }
    }

    /// The number of a name as it stands in a tag: any prefix, any case.
    #[inline]
    pub(crate) fn number(&self, tag: &str) -> u8 {
        match self.exact(tag) {
            OTHER => self.loose(tag),
            number => number,
        }
    }

    /// The name of a number; empty for [`OTHER`].
    pub(crate) fn name(&self, number: u8) -> &'static str {
        match number {
            OTHER => "",
            number => self.names[usize::from(number) - 1],
        }
    }

    #[inline]
    fn exact(&self, name: &str) -> u8 {
        if name.is_empty() {
            return OTHER;
        }
        let mut slot = slot_of(name.as_bytes());
        loop {
            match self.slots[slot] {
                OTHER => return OTHER,
                number if self.names[usize::from(number) - 1] == name => return number,
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }

    #[cold]
    fn loose(&self, tag: &str) -> u8 {
        let local = local_name(tag);
        if local.len() > 32 {
            return OTHER;
        }
        self.exact(&local.to_ascii_lowercase())
    }
}

/// A name without its namespace prefix.
pub(crate) fn local_name(tag: &str) -> &str {
    tag.rsplit_once(':').map_or(tag, |(_, local)| local)
}

/// `name` must not be empty.
const fn slot_of(name: &[u8]) -> usize {
    let (first, last) = (name[0] as usize, name[name.len() - 1] as usize);
    let middle = name[name.len() / 2] as usize;
    (name.len() * 37 + first * 61 + last * 7 + middle * 131) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_any_prefix_and_case() {
        static TABLE: NameTable = NameTable::new(&["person", "sourcedid", "id"]);
        let check = |tag: &str, expected: &str| {
            assert_eq!(TABLE.name(TABLE.number(tag)), expected, "{tag:?}");
        };
        check("person", "person");
        check("PERSON", "person");
        check("ims:Person", "person");
        check("id", "id");
        check("persons", "");
        check("", "");
        check(":", "");
    }
}
