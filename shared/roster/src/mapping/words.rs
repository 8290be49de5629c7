//! Names as words: splitting, capitals.

use super::SplitNames;

/// Words that belong to the family name that follows them.
const PARTICLES: [&str; 41] = [
    "van", "de", "den", "der", "het", "'t", "’t", "ter", "ten", "te", "op", "aan", "in", "uit",
    "bij", "onder", "voor", "von", "zu", "zum", "zur", "vom", "la", "le", "du", "des", "da", "do",
    "dos", "das", "di", "del", "della", "el", "al", "bin", "ben", "ibn", "v.", "d.", "v/d",
];

/// First and family name of a name in one piece.
pub(super) fn split(full: &str, how: SplitNames) -> (Option<String>, Option<String>) {
    let part = |words: &[&str]| (!words.is_empty()).then(|| words.join(" "));
    if how == SplitNames::No {
        return (None, None);
    }
    if let Some((family, given)) = full.split_once(',') {
        let words = |side: &str| part(&side.split_whitespace().collect::<Vec<_>>());
        return match (words(given), words(family)) {
            (Some(given), Some(family)) => turned(&given, &family),
            (None, family) => (None, family),
            (given, None) => (None, given),
        };
    }
    let words: Vec<_> = full.split_whitespace().collect();
    let at = match how {
        SplitNames::FirstIsGiven => 1.min(words.len().saturating_sub(1)),
        _ => family_begins(&words),
    };
    (part(&words[..at]), part(&words[at..]))
}

/// `Berg, Jan van den`: the prefixes behind the first name belong before the family name.
fn turned(given: &str, family: &str) -> (Option<String>, Option<String>) {
    let words: Vec<_> = given.split_whitespace().collect();
    let behind = words.iter().rev().take_while(|word| is_particle(word)).count();
    let at = (words.len() - behind).max(1);
    let prefix = words[at..].join(" ");
    let family = if prefix.is_empty() { family.to_owned() } else { format!("{prefix} {family}") };
    (Some(words[..at].join(" ")), Some(family))
}

/// Where in `words` the family name begins: at the first particle that is not the first word, or
/// at the last word. One word alone is a family name.
fn family_begins(words: &[&str]) -> usize {
    let last = words.len().saturating_sub(1);
    let particle = (1..last).find(|at| is_particle(words[*at]));
    particle.unwrap_or(last)
}

fn is_particle(word: &str) -> bool {
    let small = word.to_lowercase();
    PARTICLES.contains(&small.as_str())
}

/// `name` with capitals where they belong, if it has none or nothing else. A name with both is
/// somebody's choice and stays.
pub(super) fn fix_case(name: &str) -> String {
    let cased = || name.chars().filter(|c| c.is_uppercase() || c.is_lowercase());
    let mixed = cased().any(char::is_uppercase) && cased().any(char::is_lowercase);
    if mixed {
        return name.to_owned();
    }
    let words: Vec<_> = name.split(' ').collect();
    let last = words.len() - 1;
    let fixed = words.iter().enumerate().map(|(at, word)| {
        let small: String = word.chars().map(lower).collect();
        if at < last && is_particle(&small) { small } else { capitalised(&small) }
    });
    fixed.collect::<Vec<_>>().join(" ")
}

/// A capital at the beginning and behind each hyphen and apostrophe: `Anne-Marie`, `O'Brien`.
fn capitalised(word: &str) -> String {
    let mut begins = true;
    let letter = |c: char| {
        let shown = if begins { upper(c) } else { c };
        begins = matches!(c, '-' | '\'' | '’' | '.');
        shown
    };
    word.chars().map(letter).collect()
}

/// The small letter, where it is one letter whose capital is `c` again.
fn lower(c: char) -> char {
    one(c.to_lowercase()).filter(|small| one(small.to_uppercase()) == Some(c)).unwrap_or(c)
}

/// The capital, where it is one letter whose small one is `c` again.
fn upper(c: char) -> char {
    one(c.to_uppercase()).filter(|capital| one(capital.to_lowercase()) == Some(c)).unwrap_or(c)
}

fn one(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next();
    if letters.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_one_piece() {
        let check = |full: &str, given: Option<&str>, family: Option<&str>| {
            let split = split(full, SplitNames::LastIsFamily);
            assert_eq!((split.0.as_deref(), split.1.as_deref()), (given, family), "{full}");
        };
        check("JOE MOODLE", Some("JOE"), Some("MOODLE"));
        check("Anna Maria Smit", Some("Anna Maria"), Some("Smit"));
        check("Jan van den Berg", Some("Jan"), Some("van den Berg"));
        check("Berg, Jan van den", Some("Jan"), Some("van den Berg"));
        check("Smit, Anna", Some("Anna"), Some("Smit"));
        check("Madonna", None, Some("Madonna"));
        check("Van Halen", Some("Van"), Some("Halen"));
        check(", Anna", None, Some("Anna"));
        check("", None, None);
    }

    #[test]
    fn first_word_or_nothing() {
        let names = split("Jan Peter Smit", SplitNames::FirstIsGiven);
        assert_eq!(names, (Some("Jan".to_owned()), Some("Peter Smit".to_owned())));
        assert_eq!(split("Jan Smit", SplitNames::No), (None, None));
    }

    #[test]
    fn capitals() {
        let check = |name: &str, fixed: &str| {
            assert_eq!(fix_case(name), fixed);
            assert_eq!(fix_case(fixed), fixed, "twice");
        };
        check("JOE", "Joe");
        check("VAN DEN BERG", "van den Berg");
        check("o'brien", "O'Brien");
        check("anne-marie", "Anne-Marie");
        check("McDonald", "McDonald");
        check("DE", "De");
        check("ÉLODIE", "Élodie");
        check("STRAßE", "STRAßE");
        check("", "");
    }
}
