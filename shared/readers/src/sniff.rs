//! What a file is, by its first bytes. Names and extensions do not count.

use crate::{FormatChoice, ReadError};

/// A format of exports. Not each has a reader yet; [`crate::has_reader`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// IMS Enterprise 1.0, 1.01 or 1.1, the Vista dialect included.
    ImsEnterprise,
    /// IMS LIS 2.0: bulk data file or message.
    Lis,
    /// EDEXML, as Dutch school administrations write it.
    Edexml,
    /// OneRoster CSV files in a zip.
    OneRoster,
    /// A list of persons, enrollments or courses as text in columns. It is never found out by its
    /// content: what the columns mean is configured.
    Table,
    /// A list of persons from a directory (LDIF). What the attributes mean is configured.
    Ldif,
    /// A list of keys that change, as text in columns. Nor is it found out by its content.
    Changes,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ImsEnterprise,
        Self::Lis,
        Self::Edexml,
        Self::OneRoster,
        Self::Table,
        Self::Ldif,
        Self::Changes,
    ];

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImsEnterprise => "ims-enterprise",
            Self::Lis => "lis",
            Self::Edexml => "edexml",
            Self::OneRoster => "oneroster",
            Self::Table => "table",
            Self::Ldif => "ldif",
            Self::Changes => "changes",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ImsEnterprise => "IMS Enterprise",
            Self::Lis => "IMS LIS",
            Self::Edexml => "EDEXML",
            Self::OneRoster => "OneRoster CSV",
            Self::Table => "a table of text",
            Self::Ldif => "a directory's list (LDIF)",
            Self::Changes => "a list of changed keys",
        }
    }

    /// The format of this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Which kind of a format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As the standard has it.
    #[default]
    Standard,
    /// Blackboard's IMS Enterprise 1.1 - Vista.
    Vista,
}

/// What the start of a file is, where it is no XML that one could read on.
pub(crate) fn binary(head: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"%PDF", "a PDF document"),
        (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
        (b"SQLite format 3", "an SQLite database"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; pack it as zip, gzip or zstd"),
        (b"Rar!", "a RAR archive; pack it as zip, gzip or zstd"),
        (b"BZh", "a bzip2 file; pack it as zip, gzip or zstd"),
        (b"\xfd7zXZ", "an xz file; pack it as zip, gzip or zstd"),
        (b"\x7fELF", "a program"),
        (b"MZ", "a program"),
    ];
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what)
}

/// The format of decoded text, by its first piece, for somebody who expects `wanted`: lists are
/// known as such by that alone.
pub(crate) fn found(head: &str, wanted: FormatChoice) -> Result<Format, ReadError> {
    match wanted {
        FormatChoice::Named(list @ (Format::Table | Format::Changes))
            if is_plain(head) && !head.trim().is_empty() =>
        {
            Ok(list)
        }
        FormatChoice::Named(Format::Ldif) if is_ldif(head) => Ok(Format::Ldif),
        _ => text(head),
    }
}

/// Whether decoded text is no markup, by its first piece.
fn is_plain(head: &str) -> bool {
    !head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').starts_with('<')
}

/// Whether decoded text is a directory's list (LDIF), by its first piece: behind comments and blank
/// lines comes its version or a name.
fn is_ldif(head: &str) -> bool {
    let lines = head.trim_start_matches('\u{feff}').lines();
    let mut lines = lines.filter(|line| !line.trim().is_empty() && !line.starts_with(' '));
    let starts = |line: &str, word: &str| {
        line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let first = lines.find(|line| !line.starts_with('#'));
    // Comments alone, as far as one can see: those of a directory without anybody.
    first.map_or_else(
        || head.trim_start_matches('\u{feff}').starts_with('#'),
        |first| ["dn:", "version:", "search:"].iter().any(|word| starts(first, word)),
    )
}

/// The format of decoded text, by its first piece.
fn text(head: &str) -> Result<Format, ReadError> {
    let trimmed = head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if trimmed.is_empty() {
        return Err(ReadError::Empty);
    }
    let not = |found: &str| Err(ReadError::NotAnExport { found: found.to_owned() });
    let Some(root) = root_name(trimmed) else {
        return not(plain(trimmed));
    };
    match root.to_ascii_lowercase().as_str() {
        "enterprise" => Ok(Format::ImsEnterprise),
        "bulkdatarecord" => Ok(Format::Lis),
        "envelope" if is_lis(trimmed) => Ok(Format::Lis),
        "edex" => Ok(Format::Edexml),
        "html" | "body" | "head" | "script" | "div" => not(match trimmed.to_ascii_lowercase() {
            page if page.contains("password") || page.contains("login") => {
                "a web page, by its looks a login page"
            }
            _ => "a web page",
        }),
        _ => not("XML of another kind"),
    }
}

/// The local name of the first element; `None` where the text is no XML.
fn root_name(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        let markup = text.strip_prefix('<')?;
        let behind = if let Some(comment) = markup.strip_prefix("!--") {
            comment.split_once("-->")
        } else if markup.starts_with('?') {
            markup.split_once("?>")
        } else if markup.get(..8).is_some_and(|m| m.eq_ignore_ascii_case("!doctype")) {
            return root_behind_doctype(markup);
        } else {
            let end = markup.find(|c: char| c.is_whitespace() || "/>".contains(c));
            let name = &markup[..end.unwrap_or(markup.len())];
            let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
            let starts = local.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
            return starts.then_some(local);
        };
        text = behind?.1;
    }
}

/// A document type names the root itself.
fn root_behind_doctype(markup: &str) -> Option<&str> {
    let name = markup[8..].trim_start();
    let end = name.find(|c: char| c.is_whitespace() || "[>".contains(c))?;
    Some(&name[..end])
}

fn is_lis(text: &str) -> bool {
    text.contains("imsx_syncRequestHeaderInfo") || text.contains("imsglobal.org/services/lis")
}

/// What text without markup is.
fn plain(text: &str) -> &'static str {
    let line = text.lines().next().unwrap_or_default();
    let odd = text.chars().take(512).filter(|c| c.is_control() && !c.is_whitespace()).count();
    let separators = |mark: char| line.matches(mark).count();
    if odd > 8 {
        "binary data"
    } else if text.starts_with(['{', '[']) {
        "JSON"
    } else if is_ldif(text) && !text.starts_with('#') {
        "a directory's list (LDIF), whose attributes have to be named by the source's `columns`"
    } else if [',', ';', '\t', '|'].into_iter().any(|mark| separators(mark) >= 2) {
        "a table of text (CSV)"
    } else {
        "plain text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_what_is_none() {
        let check = |head: &str, expected: Result<Format, &str>| {
            let found = text(head).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{head}");
        };
        let ims = Ok(Format::ImsEnterprise);
        check("<?xml version='1.0'?>\n<!-- x --><enterprise>", ims);
        check("\n <ims:ENTERPRISE xmlns:ims='x'/>", ims);
        check("<!DOCTYPE enterprise SYSTEM \"http://x/y.dtd\" [<!ENTITY a \"<b>\">]><e", ims);
        check("<bulkDataRecord xmlns='x'>", Ok(Format::Lis));
        check("<s:Envelope xmlns:s='x'><imsx_syncRequestHeaderInfo>", Ok(Format::Lis));
        check("<EDEX>", Ok(Format::Edexml));
        let not = |what: &'static str| format!("the file is not an export: {what}");
        for (head, what) in [
            ("<!DOCTYPE html><html><form>Login", "a web page, by its looks a login page"),
            ("<html><body>503", "a web page"),
            ("<rss/>", "XML of another kind"),
            ("{\"a\": 1}", "JSON"),
            ("id;name;mail\n1;2;3", "a table of text (CSV)"),
            ("hello", "plain text"),
            (
                "version: 1\ndn: cn=x",
                "a directory's list (LDIF), whose attributes have to be named by the source's \
                 `columns`",
            ),
            ("< hello", "plain text"),
            ("<", "plain text"),
            ("a\0\u{1}\u{2}\0\0\0\0\0\0\0", "binary data"),
        ] {
            check(head, Err(&not(what)));
        }
        check(" \n\t\u{feff}", Err("the export is empty"));
    }
}
