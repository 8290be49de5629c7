//! The rules for ids, e-mail addresses and user names.

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::is_combining_mark, is_nfc_quick,
};

use std::borrow::Cow;

use crate::Text;

/// Text as people read it: NFC, outer white space gone, inner runs of white space one blank,
/// control characters gone. `None` where nothing remains.
pub fn text(raw: &str) -> Option<Text> {
    if is_clean_ascii(raw) {
        return (!raw.is_empty()).then(|| Text::new(raw));
    }
    let mut clean = String::with_capacity(raw.len());
    let mut gap = false;
    for c in nfc(raw).chars() {
        if c.is_whitespace() || c == '\u{feff}' {
            gap = true;
        } else if !c.is_control() {
            if gap && !clean.is_empty() {
                clean.push(' ');
            }
            gap = false;
            clean.push(c);
        }
    }
    (!clean.is_empty()).then(|| Text::from(clean))
}

/// An id: as [`text`]. Case, slashes and inner blanks are the source's business and stay.
pub fn id(raw: &str) -> Option<Text> {
    text(raw)
}

/// Text that comes out of [`text`] as it went in: printable ASCII, single inner blanks.
fn is_clean_ascii(raw: &str) -> bool {
    let mut last = b' ';
    for &byte in raw.as_bytes() {
        if !(0x20..0x7f).contains(&byte) || (byte == b' ' && last == b' ') {
            return false;
        }
        last = byte;
    }
    raw.is_empty() || last != b' '
}

fn nfc(raw: &str) -> Cow<'_, str> {
    match is_nfc_quick(raw.chars()) {
        IsNormalized::Yes => Cow::Borrowed(raw),
        _ => Cow::Owned(raw.nfc().collect()),
    }
}

/// Whether `address` can be an e-mail address: one `@`, something before it, a domain with a dot
/// behind it, no blanks. LMSs refuse what fails this.
pub fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && !address.chars().filter(|c| *c != '@').any(odd)
        && domain.contains('.')
        && !domain.contains('@')
        && domain
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// `name` without its diacritics, for user names: `José Müller` becomes `Jose Muller`. Letters
/// that do not decompose get their usual Latin spelling; what has none is dropped.
pub fn to_ascii(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => plain.push_str("ss"),
            'æ' | 'Æ' => plain.push_str("ae"),
            'œ' | 'Œ' => plain.push_str("oe"),
            'ø' | 'Ø' => plain.push('o'),
            'ł' | 'Ł' => plain.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => plain.push('d'),
            'þ' | 'Þ' => plain.push_str("th"),
            'ı' => plain.push('i'),
            c if c.is_ascii() => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_composed_and_single_spaced() {
        let check = |raw: &str, expected: Option<&str>| {
            assert_eq!(text(raw).as_deref(), expected, "{raw:?}");
        };
        check("  91046433  ", Some("91046433"));
        check("a\r\n\t b", Some("a b"));
        check("e\u{301}", Some("\u{e9}"));
        check("\u{feff}x", Some("x"));
        check("2012/fall 1", Some("2012/fall 1"));
        check(" \n ", None);
        check("", None);
        check("a\u{0}b", Some("ab"));
    }

    #[test]
    fn addresses() {
        for good in ["a@b.nl", "jan.de-vries+x@mail.school.example", "ü@b.nl"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.nl", "a@@b.nl", "a b@c.nl", "a@b..nl", ".a@b.nl", "a@-b.nl"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn user_names_lose_their_diacritics() {
        assert_eq!(
            to_ascii("José Müller-Øster ßtraße Łukasz"),
            "Jose Muller-oster sstrasse lukasz"
        );
    }
}
