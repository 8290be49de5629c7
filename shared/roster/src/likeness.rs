//! How alike two persons' names are: `Jörg Müller` and `Joerg Mueller` are one, `Jan` and `Jana`
//! may be.
//!
//! ```
//! use roster::likeness::{Name, alike};
//!
//! let name = |given, family| Name { given: Some(given), family: Some(family) };
//! let married = alike(name("Bob", "Jansen"), name("Robert", "de Vries")).unwrap();
//! assert!(married.given >= 80 && married.family < 50);
//! ```
//!
//! What is compared are *tokens*: small letters without diacritics, cut at blanks, hyphens and
//! dots, apostrophes gone. Two tokens are alike, from 0 to 100:
//!
//! | tokens | |
//! |---|---|
//! | the same | 100 |
//! | one is short for the other: `Alex` of `Alexander`, three letters at least | 90 |
//! | one is a usual short form of the other: `Bob` of `Robert` | 90 |
//! | one is the other's initial: `J` of `Jan` | 85 |
//! | else | the share of letters that need no change; two neighbours that changed places are one |
//!
//! A name of several tokens is as alike as its best pair, less a little. In family names particles
//! (`van`, `de`, `von`) do not count, and one part of a double name is enough. Given and family
//! name that changed places are found.
//!
//! **Never:** no look at anything but the two names; the same pair always has the same likeness.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A name in its two parts, as the target has them.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// First name.
    pub given: Option<&'a str>,
    /// Family name.
    pub family: Option<&'a str>,
}

/// How alike two names are, part by part, from 0 (nothing in common) to 100 (the same).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeness {
    /// The given names.
    pub given: u8,
    /// The family names.
    pub family: u8,
}

/// What a token of several is worth where the names are not the same as a whole.
const PART: u32 = 95;

/// Family-name particles, which come and go between systems.
const PARTICLES: &[&str] = &[
    "van", "von", "vom", "zu", "zum", "zur", "de", "den", "der", "het", "t", "te", "ter", "ten",
    "di", "da", "do", "dos", "das", "del", "della", "du", "des", "la", "le", "los", "las", "el",
    "al", "bin", "ibn", "ben", "bint", "af", "av", "y", "e",
];

/// Usual short forms: each line is one name.
const SHORT_FORMS: &[&[&str]] = &[
    &["alexander", "alex", "sander", "sasha", "sascha", "xander", "aleksander", "oleksandr"],
    &["alexandra", "alex", "sandra", "sasha", "ola"],
    &["andreas", "andrew", "andy", "drew", "andries", "dries"],
    &["anna", "ann", "anne", "annie", "anja", "anouk", "hannah", "hanna", "ania"],
    &["anthony", "antonius", "anton", "antonio", "tony", "toon", "ton", "toni"],
    &["barbara", "barb", "babs", "basia"],
    &["benjamin", "ben", "benny"],
    &["charles", "charlie", "chuck", "karl", "carl", "carlos", "karel"],
    &["christina", "christine", "tina", "chris", "kirsten", "stien"],
    &["christopher", "chris", "kit", "christoph", "stoffel"],
    &["cornelis", "kees", "cor", "cornelius", "neil"],
    &["daniel", "dan", "danny", "daan"],
    &["david", "dave", "davy"],
    &["edward", "ed", "eddie", "ted", "ned", "eduard", "eddy"],
    &["elizabeth", "elisabeth", "liz", "lizzie", "beth", "betty", "eliza", "lisa", "els", "elly"],
    &["francis", "frank", "franciscus", "frans", "franz", "francisco", "paco", "pancho"],
    &["frederick", "fred", "freddie", "frederik", "friedrich", "fritz", "freek"],
    &["gabriela", "gabi", "gaby", "gabriele"],
    &["gerard", "gerhard", "gert", "ger", "gerrit", "gerry", "jerry"],
    &["gregory", "greg", "gregor", "grzegorz"],
    &["hendrik", "henk", "heinrich", "heinz", "henry", "harry", "hal", "hank", "rik"],
    &["ibrahim", "ibo", "abraham", "abe", "bram"],
    &["ignacio", "nacho"],
    &["jacob", "jakob", "jake", "jack", "jaap", "james", "jim", "jimmy", "jamie"],
    &[
        "johannes", "john", "johnny", "jan", "johan", "johann", "hans", "jack", "juan", "jean",
        "ivan",
    ],
    &["jonathan", "jon", "johnny"],
    &["joseph", "joe", "joey", "josef", "jozef", "jef", "sepp", "jose", "pepe", "giuseppe"],
    &[
        "katherine",
        "katharina",
        "catherine",
        "kate",
        "katie",
        "kathy",
        "cathy",
        "kat",
        "katja",
        "kasia",
    ],
    &["lawrence", "larry", "laurens", "lorenz", "laurenz"],
    &["leonard", "leo", "len", "lenny", "leonhard"],
    &["magdalena", "magda", "lena", "leni"],
    &["margaret", "margarete", "maggie", "meg", "peggy", "greta", "rita", "gosia", "malgorzata"],
    &["maria", "mary", "marie", "mia", "molly", "polly", "marijke", "mieke", "ria"],
    &["matthew", "matthias", "matt", "matthijs", "thijs", "mateusz"],
    &["michael", "mike", "mick", "micky", "michel", "miguel", "mikhail", "misha", "michal"],
    &["mohammed", "muhammad", "mohamed", "mehmet", "mo", "mohamad"],
    &["nicholas", "nicolas", "nick", "nicky", "niko", "klaus", "claus", "nikolaus", "niels"],
    &["patricia", "pat", "patty", "tricia", "trish"],
    &["peter", "pete", "pieter", "piet", "pedro", "pierre", "petrus", "piotr"],
    &["philip", "phil", "filip", "philipp", "pip"],
    &["rebecca", "becky", "becca", "bex"],
    &["richard", "rick", "ricky", "rich", "dick", "dirk"],
    &["robert", "rob", "robbie", "bob", "bobby", "bert", "roberto"],
    &["ronald", "ron", "ronnie", "reinhold"],
    &["samuel", "sam", "sammy", "samantha"],
    &["stephen", "steven", "steve", "stefan", "stephan", "esteban", "istvan"],
    &["susan", "susanna", "susanne", "sue", "suzy", "zsuzsa", "suus"],
    &["theodore", "theo", "ted", "teddy", "theodor", "fyodor"],
    &["theresa", "teresa", "tess", "tessa", "terry", "trees"],
    &["thomas", "tom", "tommy", "tomas", "tomasz"],
    &["timothy", "tim", "timmy", "timo"],
    &["victoria", "vicky", "tori", "viktoria", "wiktoria"],
    &["wilhelmina", "mina", "willemijn", "wil", "minna"],
    &["william", "will", "bill", "billy", "wim", "willem", "wilhelm", "willi", "guillermo", "liam"],
];

/// How alike two names are; `None` where one of them is not known at all. A part that one side
/// lacks counts as the other part does.
pub fn alike(a: Name<'_>, b: Name<'_>) -> Option<Likeness> {
    let straight = parts(a, b)?;
    let crossed = parts(a, Name { given: b.family, family: b.given })?;
    let sum = |likeness: Likeness| u32::from(likeness.given) + u32::from(likeness.family);
    // Names that changed places are a mistake that is worth a look only where all of it fits.
    let fits = crossed.given >= 90 && crossed.family >= 90 && sum(crossed) > sum(straight);
    Some(if fits { crossed } else { straight })
}

fn parts(a: Name<'_>, b: Name<'_>) -> Option<Likeness> {
    let both = |a: Option<&str>, b: Option<&str>, of: fn(&[String], &[String]) -> u8| {
        let (a, b) = (tokens(a?), tokens(b?));
        (!a.is_empty() && !b.is_empty()).then(|| of(&a, &b))
    };
    match (both(a.given, b.given, given), both(a.family, b.family, family)) {
        (Some(given), Some(family)) => Some(Likeness { given, family }),
        (Some(one), None) | (None, Some(one)) => Some(Likeness { given: one, family: one }),
        (None, None) => None,
    }
}

/// `name` as it is compared and hashed: its tokens, sorted, with one blank between them.
pub fn normal_name(name: &str) -> String {
    let mut tokens = tokens(name);
    tokens.sort_unstable();
    tokens.join(" ")
}

fn tokens(name: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for c in name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        let Some(token) = tokens.last_mut() else { break };
        match c {
            'ß' => token.push_str("ss"),
            'æ' => token.push_str("ae"),
            'œ' => token.push_str("oe"),
            'ø' => token.push('o'),
            'ł' => token.push('l'),
            'đ' | 'ð' => token.push('d'),
            'þ' => token.push_str("th"),
            'ı' => token.push('i'),
            '\'' | '’' | '‘' | 'ʼ' | '`' | '´' => {}
            c if c.is_alphanumeric() => token.push(c),
            _ if token.is_empty() => {}
            _ => tokens.push(String::new()),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

fn given(a: &[String], b: &[String]) -> u8 {
    best(a, b, token)
}

fn family(a: &[String], b: &[String]) -> u8 {
    let plain = |name: &[String]| -> Vec<String> {
        let kept: Vec<_> =
            name.iter().filter(|token| !PARTICLES.contains(&token.as_str())).cloned().collect();
        if kept.is_empty() { name.to_vec() } else { kept }
    };
    best(&plain(a), &plain(b), |a, b| if a == b { 100 } else { letters(a, b) })
}

fn best(a: &[String], b: &[String], of: fn(&str, &str) -> u8) -> u8 {
    if a == b || a.concat() == b.concat() {
        return 100;
    }
    if let ([a], [b]) = (a, b) {
        return of(a, b);
    }
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| of(a, b)));
    let best = u32::from(pairs.max().unwrap_or(0)) * PART / 100;
    best.max(u32::from(letters(&a.concat(), &b.concat()))) as u8
}

fn token(a: &str, b: &str) -> u8 {
    if a == b {
        return 100;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.starts_with(short) {
        match short.chars().count() {
            1 => return 85,
            2 => {}
            _ => return 90,
        }
    }
    if SHORT_FORMS.iter().any(|forms| forms.contains(&a) && forms.contains(&b)) {
        return 90;
    }
    letters(a, b)
}

/// The share of letters that need no change, in percent.
fn letters(a: &str, b: &str) -> u8 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longest = a.len().max(b.len());
    if longest == 0 {
        return 100;
    }
    ((longest - distance(&a, &b)) * 100 / longest) as u8
}

/// How many letters are to be put in, left out, replaced, or changed with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name<'a>(given: &'a str, family: &'a str) -> Name<'a> {
        let part = |part: &'a str| (!part.is_empty()).then_some(part);
        Name { given: part(given), family: part(family) }
    }

    /// What is alike at 80: both parts, the given name, the family name, or none.
    fn check(a: (&str, &str), b: (&str, &str), expected: (bool, bool)) {
        let likeness = alike(name(a.0, a.1), name(b.0, b.1)).expect("both are known");
        let is = (likeness.given >= 80, likeness.family >= 80);
        assert_eq!(is, expected, "{a:?} {b:?} {likeness:?}");
        assert_eq!(alike(name(b.0, b.1), name(a.0, a.1)), Some(likeness), "the other way round");
    }

    #[test]
    fn one_person_in_many_spellings() {
        let one = (true, true);
        check(("Jörg", "Müller"), ("Joerg", "Mueller"), one);
        check(("JOSÉ", "NÚÑEZ"), ("Jose", "Nunez"), one);
        check(("Łukasz", "Żak"), ("Lukasz", "Zak"), one);
        check(("Seán", "O’Brien"), ("Sean", "OBrien"), one);
        check(("Jean-Luc", "Picard"), ("Jeanluc", "Picard"), one);
        check(("Anna Maria", "Berg"), ("Anna", "van den Berg"), one);
        check(("J.", "Jansen"), ("Jan", "Jansen"), one);
        check(("Alex", "Smith"), ("Alexander", "Smith"), one);
        check(("Bill", "Gruber"), ("William", "Gruber"), one);
        check(("Micheal", "Schmidt"), ("Michael", "Schmitd"), one);
        check(("Jansen", "Piet"), ("Piet", "Jansen"), one);
        check(("Дмитрий", "Иванов"), ("ДМИТРИЙ", "Иванов"), one);
        check(("山田", "太郎"), ("山田", "太郎"), one);
    }

    #[test]
    fn married_names_and_siblings_share_a_half() {
        check(("Anna", "Jansen"), ("Anna", "Wiebelink"), (true, false));
        check(("Anna", "Jansen"), ("Anna", "Jansen-Wiebelink"), (true, true));
        check(("Tom", "Hoogkamer"), ("Sofie", "Hoogkamer"), (false, true));
    }

    #[test]
    fn strangers_share_nothing() {
        check(("Anna", "Jansen"), ("Dieuwertje", "Okwuosa"), (false, false));
        check(("Tim", "Bos"), ("Tom", "Vos"), (false, false));
        check(("Emma", "Berg"), ("Ella", "Borg"), (false, false));
    }

    #[test]
    fn what_one_side_lacks_is_no_difference() {
        let half = alike(name("Anna", ""), name("Anna", "Jansen"));
        assert_eq!(half, Some(Likeness { given: 100, family: 100 }));
        assert_eq!(alike(name("", ""), name("Anna", "Jansen")), None);
        assert_eq!(alike(name("--", "'"), name("Anna", "Jansen")), None);
    }

    #[test]
    fn a_normal_name_is_the_same_in_any_order_and_spelling() {
        assert_eq!(normal_name("Anna  Maria"), normal_name("maria-ÁNNA"));
        assert_ne!(normal_name("Anna Maria"), normal_name("Anna"));
    }

    proptest! {
        #[test]
        fn it_is_symmetric_bounded_and_whole_for_the_same(
            a in "\\PC{0,12}", b in "\\PC{0,12}", c in "\\PC{0,12}", d in "\\PC{0,12}",
        ) {
            let (one, other) = (name(&a, &b), name(&c, &d));
            let likeness = alike(one, other);
            prop_assert_eq!(likeness, alike(other, one));
            if let Some(likeness) = likeness {
                prop_assert!(likeness.given <= 100 && likeness.family <= 100);
            }
            if let Some(same) = alike(one, one) {
                prop_assert_eq!(same, Likeness { given: 100, family: 100 });
            }
        }
    }
}
