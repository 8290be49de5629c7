//! What a caller may choose.

use roster::Text;

use crate::Format;
use crate::ims::GroupTypes;

/// How an export is read. The default suits most exports.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Which format it must be.
    pub format: FormatChoice,
    /// What to do with an archive of several exports.
    pub archive: ArchiveChoice,
    /// Which user id becomes the user name: the first `useridtype` in this list that a person has
    /// a value for. Where none has, or the list is empty, the first user id that is not empty.
    pub username_types: Vec<Text>,
    /// Read only an export whose properties name this target.
    pub target: Option<Text>,
    /// What the groups of an export are.
    pub group_types: GroupTypes,
    /// What the columns of a table, or the attributes of a directory, say.
    pub columns: roster::columns::Columns,
    /// How a record's data source key is made, and what those that the export has must be like.
    pub data_source_key: Option<roster::mapping::ScopePattern>,
    /// What the columns of a list of changed keys say.
    pub changes: roster::changes::ChangeColumns,
    /// What is allowed.
    pub limits: ReadLimits,
}

/// Which format an export must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormatChoice {
    /// Whatever it is.
    #[default]
    Auto,
    /// This one, else it is refused.
    Named(Format),
}

/// What to do with an archive that holds several exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArchiveChoice {
    /// Refuse it and name them.
    #[default]
    One,
    /// Read them one after the other, in the order of their names, as one set.
    Set,
}

/// Bounds that no real export reaches. What is too large as a whole is an error; a record or value
/// that is too large is a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of the export, unpacked.
    pub export_bytes: u64,
    /// How many times larger than packed it may be; looked at from 32 MB up.
    pub unpack_ratio: u64,
    /// Members of an archive.
    pub archive_members: usize,
    /// Elements inside elements.
    pub depth: usize,
    /// Bytes of one piece of markup: a tag, a comment, a run of text.
    pub markup_bytes: usize,
    /// Elements of one record.
    pub record_elements: usize,
    /// Bytes of one record's text and tags.
    pub record_bytes: usize,
    /// Characters of one value.
    pub value_chars: usize,
    /// Characters of one id.
    pub id_chars: usize,
    /// Free attributes of one record, and values of any list.
    pub attributes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            export_bytes: 32 << 30,
            unpack_ratio: 300,
            archive_members: 1000,
            depth: 64,
            markup_bytes: 4 << 20,
            record_elements: 20_000,
            record_bytes: 2 << 20,
            value_chars: 16_384,
            id_chars: 255,
            attributes: 64,
        }
    }
}
