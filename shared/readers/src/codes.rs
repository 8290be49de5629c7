//! Every code that a finding of this crate can have. [`SnapshotBuilder`](roster::SnapshotBuilder)
//! adds one of its own, `duplicate-record`, a warning: one key twice, with other values.

use roster::Severity;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means and what became of it.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($ident:ident $severity:ident $name:literal $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $ident: Code =
                Code { name: $name, severity: Severity::$severity, meaning: $meaning };
        )+
        /// All of them, for documentation and tests.
        pub const ALL: &[Code] = &[$($ident),+];
    };
}

codes! {
    // The file.
    ENCODING_NOT_AS_DECLARED Warning "encoding-not-as-declared" "The bytes are not in the encoding that the export names; it was read in the one that fits.";
    BYTES_NOT_IN_ENCODING Warning "bytes-not-in-encoding" "Some bytes mean nothing in the export's encoding; they were replaced by a mark.";
    DECLARATION_MISPLACED Note "declaration-misplaced" "Something stands before the XML declaration; it was read all the same.";
    DTD_NOT_FETCHED Note "dtd-not-fetched" "The export names a DTD. It is never fetched.";
    ENTITY_DECLARED Warning "entity-declared" "The export declares entities of its own. They are never expanded.";
    UNKNOWN_ENTITY Warning "unknown-entity" "A reference that is none of XML's five entities; it was taken as it stands.";
    RAW_AMPERSAND Warning "raw-ampersand" "An ampersand that is not part of a reference; it was taken as it stands.";
    STRAY_TEXT Warning "stray-text" "Text where only elements belong; it was left out.";
    BAD_ATTRIBUTE Warning "bad-attribute" "An attribute that is not well formed; it was left out.";
    CONTENT_AFTER_END Warning "content-after-end" "Elements behind the end of the export; records among them were read.";
    SEVERAL_ROOTS Note "several-roots" "More than one export in one file; all of them were read.";
    UNKNOWN_ELEMENT Note "unknown-element" "An element that is no record of this format; it was left out.";
    RECORD_TOO_LARGE Error "record-too-large" "A record larger than any real one; it was left out.";
    // Any record.
    MISSING_SOURCEDID Error "missing-sourcedid" "A record without an id; it was left out.";
    ID_TOO_LONG Error "id-too-long" "An id longer than any real one; the record was left out.";
    SEVERAL_SOURCEDIDS Warning "several-sourcedids" "More than one id and nothing that says which is the new one; the first is used.";
    DUPLICATE_SOURCEDID Note "duplicate-sourcedid" "The source says that another id means the same; what names it is taken for this record.";
    UNKNOWN_RECSTATUS Warning "unknown-recstatus" "A recstatus other than 1, 2 and 3; it was taken as an update.";
    VALUE_TOO_LONG Warning "value-too-long" "A value longer than any real one; it was left out.";
    TOO_MANY_VALUES Warning "too-many-values" "More values in one list than any real record has; the rest was left out.";
    UNREADABLE_DATE Warning "unreadable-date" "A date in no known form; it was left out.";
    // Persons.
    EMPTY_USERID Note "empty-userid" "A person whose user ids are all empty; there is no user name.";
    // Lists: tables and directories.
    ROW_CELLS Error "row-cells" "A line of a table with more or fewer cells than its headings; it was left out.";
    UNREADABLE_CELL Warning "unreadable-cell" "A cell that is nothing that its column can be; it was left out.";
    SEVERAL_VALUES Warning "several-values" "Two different values where one record has one; the first counts.";
    LDIF_LINE Error "ldif-line" "A line of a directory's list that is no attribute; its record was left out.";
    LDIF_VALUE Warning "ldif-value" "A value in base64 that is no text; it was left out.";
    LDIF_URL Warning "ldif-url" "A value that stands elsewhere, at an address. It is never fetched, and was left out.";
    LDIF_CHANGE Error "ldif-change" "A change that says something else than a whole record or a deletion; it was left out.";
    LDIF_NO_PERSON Note "ldif-no-person" "A record of a directory that is a group, a folder or a machine; it was left out.";
    // Groups.
    RELATIONSHIP_NOT_READ Note "relationship-not-read" "A relationship that says nothing a roster can hold; it was left out.";
    // Memberships.
    MEMBERSHIP_WITHOUT_GROUP Error "membership-without-group" "A membership that names no group; its members were left out.";
    MEMBERSHIP_OF_TERM Error "membership-of-term" "Members of a term, where only courses and org units have members; left out.";
    UNKNOWN_IDTYPE Error "unknown-idtype" "A member that is neither a person (1) nor a group (2); it was left out.";
    MISSING_ROLE Error "missing-role" "A member without a role; it was left out.";
    ROLE_WITHOUT_TYPE Warning "role-without-type" "A role that does not say which; it was left out.";
    UNKNOWN_ROLETYPE Note "unknown-roletype" "A role that is none of the eight of IMS Enterprise; it is kept by its name.";
    UNKNOWN_STATUS Warning "unknown-status" "A status other than 0 and 1; it was left out.";
    INACTIVE_TIE Note "inactive-tie" "A cross-listing or other tie with status 0; it was taken as removed.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_its_own() {
        let mut names: Vec<_> = ALL.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
