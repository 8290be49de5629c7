//! Rows by id, ids given in sequence and never twice.

/// A row and what hangs on it.
#[derive(Debug)]
pub(super) struct Entry<R, A> {
    pub(super) row: Box<R>,
    pub(super) attached: A,
}

/// Rows of one kind. Ids are dense, so a vector is the index.
#[derive(Debug)]
pub(super) struct Table<R, A> {
    entries: Vec<Option<Entry<R, A>>>,
    /// The id that the next row gets. As in a database, a rolled back row does not give its id
    /// back.
    pub(super) next: u32,
    live: usize,
}

impl<R, A: Default> Table<R, A> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), next: 1, live: 0 }
    }

    pub(super) fn entry(&self, id: u32) -> Option<&Entry<R, A>> {
        self.entries.get(id as usize)?.as_ref()
    }

    pub(super) fn get(&self, id: u32) -> Option<&R> {
        self.entry(id).map(|entry| entry.row.as_ref())
    }

    pub(super) fn attached(&self, id: u32) -> Option<&A> {
        self.entry(id).map(|entry| &entry.attached)
    }

    pub(super) fn attached_mut(&mut self, id: u32) -> Option<&mut A> {
        self.entries.get_mut(id as usize)?.as_mut().map(|entry| &mut entry.attached)
    }

    /// Puts, replaces or removes a row and returns the one that was there. What hangs on a
    /// replaced row stays; what hung on a removed one is gone.
    pub(super) fn put(&mut self, id: u32, row: Option<Box<R>>) -> Option<Box<R>> {
        let at = id as usize;
        match row {
            Some(row) => {
                if self.entries.len() <= at {
                    self.entries.resize_with(at + 1, || None);
                }
                self.next = self.next.max(id.saturating_add(1));
                match &mut self.entries[at] {
                    Some(entry) => Some(std::mem::replace(&mut entry.row, row)),
                    empty => {
                        *empty = Some(Entry { row, attached: A::default() });
                        self.live += 1;
                        None
                    }
                }
            }
            None => {
                let entry = self.entries.get_mut(at)?.take()?;
                self.live -= 1;
                Some(entry.row)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// All rows by id.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &Entry<R, A>)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(id, entry)| Some((u32::try_from(id).ok()?, entry.as_ref()?)))
    }
}
