//! References: the five entities of XML and characters by number. Nothing else is ever expanded.

use std::borrow::Cow;

/// The character that the inside of `&...;` stands for.
pub(crate) fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => digits(hex, 16)?,
                None => digits(number, 10)?,
            };
            char::from_u32(code).filter(|c| *c != '\0')
        }
    }
}

/// A sign, which `from_str_radix` takes, is no digit here.
fn digits(text: &str, radix: u32) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| u32::from_str_radix(text, radix).ok()).flatten()
}

/// `raw` with its references resolved; what is none stays as it stands.
pub(crate) fn resolve(raw: &str) -> Cow<'_, str> {
    if !raw.contains('&') {
        return Cow::Borrowed(raw);
    }
    let mut resolved = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        match after.split_once(';').and_then(|(inside, behind)| Some((character(inside)?, behind)))
        {
            Some((c, behind)) => {
                resolved.push(c);
                rest = behind;
            }
            None => {
                resolved.push('&');
                rest = after;
            }
        }
    }
    resolved.push_str(rest);
    Cow::Owned(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_five_and_numbers() {
        let check = |raw: &str, expected: &str| assert_eq!(resolve(raw), expected, "{raw}");
        check("plain", "plain");
        check("a &amp; b &lt;&gt;&quot;&apos;", "a & b <>\"'");
        check("&#233;&#xE9;&#XE9;", "ééé");
        check("R&D &nbsp; &#0; &#xD800; &#+65; &", "R&D &nbsp; &#0; &#xD800; &#+65; &");
        check("&amp;amp;", "&amp;");
    }
}
