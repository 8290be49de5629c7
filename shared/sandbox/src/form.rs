//! Form variables as PHP reads them, brackets and limits included.
//!
//! `users[0][name]=x` makes nested ordered arrays; a whole number as a key is a number; a later
//! variable replaces an earlier one; beyond the limit the rest is **dropped without an error**.
//! That last trait loses data in the field, so it is kept to the letter:
//!
//! | where | variables kept under a limit of n |
//! |---|---|
//! | query | n |
//! | body | n + 1 |

use std::borrow::Cow;

/// Nested arrays deeper than this are dropped, as PHP does by default.
const DEPTH_LIMIT: usize = 64;

/// A key of an array: PHP tells whole numbers from names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'a> {
    /// A whole number in its shortest form.
    Index(i64),
    /// Anything else.
    Name(Cow<'a, str>),
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A text that is not UTF-8.
    Broken,
    /// An array.
    List(List<'a>),
}

/// An ordered array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List<'a> {
    /// Keys and values in the order of their first appearance.
    pub entries: Vec<(Key<'a>, Value<'a>)>,
    /// The key that `[]` would get; `None` as long as no key is a number.
    next: Option<i64>,
}

/// All variables of a query or a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form<'a> {
    /// The variables by name.
    pub variables: List<'a>,
    /// Whether variables beyond the limit were dropped.
    pub cut: bool,
}

/// Where the variables stand, which decides how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the address.
    Query,
    /// In the body.
    Body,
}

impl<'a> Form<'a> {
    /// Reads `encoded`, keeping what a PHP with `max_input_vars` = `limit` keeps.
    pub fn parse(encoded: &'a [u8], place: Place, limit: usize) -> Self {
        let mut form = Self::default();
        if encoded.is_empty() {
            return form;
        }
        let kept = match place {
            Place::Query => limit,
            Place::Body => limit.saturating_add(1),
        };
        for (position, pair) in encoded.split(|byte| *byte == b'&').enumerate() {
            if position == kept {
                form.cut = true;
                break;
            }
            let split = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match split {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[pair.len()..]),
            };
            if let Decoded::Text(name) = decode(name) {
                let value = match decode(value) {
                    Decoded::Text(text) => Value::Text(text),
                    Decoded::Broken => Value::Broken,
                };
                register(&mut form.variables, name, value);
            }
        }
        form
    }

    /// Adds the variables of `later`, which replace those of the same name.
    pub fn replace_with(&mut self, later: Self) {
        self.cut |= later.cut;
        for (key, value) in later.variables.entries {
            *self.variables.slot(key) = value;
        }
    }
}

impl<'a> List<'a> {
    /// The place of `key`, made where it is missing.
    fn slot(&mut self, key: Key<'a>) -> &mut Value<'a> {
        let at = self.position(&key).unwrap_or_else(|| {
            if let Key::Index(index) = key {
                let next = index.saturating_add(1);
                self.next = Some(self.next.map_or(next, |known| known.max(next)));
            }
            self.entries.push((key, Value::Broken));
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }

    /// Finds `key`. Clients send lists in order, so the last entry and a number beyond all known
    /// ones are decided without a search.
    fn position(&self, key: &Key<'a>) -> Option<usize> {
        let last = self.entries.len().checked_sub(1)?;
        if self.entries[last].0 == *key {
            return Some(last);
        }
        if let Key::Index(index) = key
            && self.next.is_none_or(|next| *index >= next)
        {
            return None;
        }
        self.entries.iter().rposition(|(known, _)| known == key)
    }
}

/// Puts one variable where its brackets say.
fn register<'a>(variables: &mut List<'a>, name: Cow<'a, str>, value: Value<'a>) {
    let Some(path) = path_of(name) else { return };
    let mut list = variables;
    let mut steps = path.into_iter().peekable();
    while let Some(step) = steps.next() {
        let key = match step {
            Step::Key(key) => key,
            Step::Append => Key::Index(list.next.unwrap_or(0)),
        };
        let slot = list.slot(key);
        if steps.peek().is_none() {
            *slot = value;
            return;
        }
        if !matches!(slot, Value::List(_)) {
            *slot = Value::List(List::default());
        }
        let Value::List(inner) = slot else { return };
        list = inner;
    }
}

enum Step<'a> {
    Key(Key<'a>),
    Append,
}

/// Splits `a[b][]` into its steps; `None` where PHP would not register the variable.
fn path_of(name: Cow<'_, str>) -> Option<Vec<Step<'_>>> {
    match name {
        Cow::Borrowed(name) => steps_of(name, Cow::Borrowed),
        Cow::Owned(name) => steps_of(&name, |part| Cow::Owned(part.to_owned())),
    }
}

fn steps_of<'n, 'a>(
    name: &'n str,
    keep: impl Fn(&'n str) -> Cow<'a, str>,
) -> Option<Vec<Step<'a>>> {
    let name = name.trim_start_matches(' ');
    let name = name.split_once('\0').map_or(name, |(before, _)| before);
    let open = name.find('[');
    if name.is_empty() || open == Some(0) {
        return None;
    }
    let Some(open) = open.filter(|open| name[*open..].contains(']')) else {
        return Some(vec![Step::Key(Key::Name(plain(name, true, keep)))]);
    };
    let mut steps = vec![Step::Key(Key::Name(plain(&name[..open], false, &keep)))];
    let mut rest = &name[open..];
    while let Some(inner) = rest.strip_prefix('[') {
        let Some((key, after)) = inner.split_once(']') else { break };
        steps.push(match key {
            "" => Step::Append,
            _ => Step::Key(key_of(key, &keep)),
        });
        if steps.len() > DEPTH_LIMIT {
            return None;
        }
        rest = after;
    }
    Some(steps)
}

/// A variable's own name: spaces, dots and a bracket that never closes become underscores.
fn plain<'n, 'a>(name: &'n str, all: bool, keep: impl Fn(&'n str) -> Cow<'a, str>) -> Cow<'a, str> {
    let odd = |letter| letter == ' ' || letter == '.' || (all && letter == '[');
    if name.contains(odd) { Cow::Owned(name.replace(odd, "_")) } else { keep(name) }
}

fn key_of<'n, 'a>(key: &'n str, keep: impl Fn(&'n str) -> Cow<'a, str>) -> Key<'a> {
    let digits = key.strip_prefix('-').unwrap_or(key);
    let is_shortest = key == "0" || (!digits.starts_with('0') && !digits.is_empty());
    if is_shortest
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(index) = key.parse()
    {
        return Key::Index(index);
    }
    Key::Name(keep(key))
}

enum Decoded<'a> {
    Text(Cow<'a, str>),
    Broken,
}

/// Undoes the form encoding. A percent sign without two hexadecimal digits stands for itself.
fn decode(encoded: &[u8]) -> Decoded<'_> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return match std::str::from_utf8(encoded) {
            Ok(text) => Decoded::Text(Cow::Borrowed(text)),
            Err(_) => Decoded::Broken,
        };
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, beyond @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                bytes.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                rest = beyond;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Decoded::Text(Cow::Owned(text)),
        Err(_) => Decoded::Broken,
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders variables the way PHP's own JSON would, for comparison with what a real PHP gave.
    fn shown(list: &List<'_>) -> String {
        let entries: Vec<String> = list
            .entries
            .iter()
            .map(|(key, value)| {
                let key = match key {
                    Key::Index(index) => index.to_string(),
                    Key::Name(name) => name.to_string(),
                };
                match value {
                    Value::Text(text) => format!("{key}:{text}"),
                    Value::Broken => format!("{key}:?"),
                    Value::List(inner) => format!("{key}:{}", shown(inner)),
                }
            })
            .collect();
        format!("{{{}}}", entries.join(","))
    }

    fn check(encoded: &str, expected: &str) {
        let form = Form::parse(encoded.as_bytes(), Place::Body, 1000);
        assert_eq!(shown(&form.variables), expected, "{encoded}");
    }

    #[test]
    fn variables_are_read_as_php_reads_them() {
        check("a=1&&b=2&c", "{a:1,b:2,c:}");
        check("a[0][x]=1&a[0][y]=2&a[1][x]=3", "{a:{0:{x:1,y:2},1:{x:3}}}");
        check("a=1&a[b]=2", "{a:{b:2}}");
        check("a[b]=1&a=2", "{a:2}");
        check(" a.b c=1&x[y=2", "{a_b_c:1,x_y:2}");
        check("a[01]=1&a[-3]=2&a[]=3", "{a:{01:1,-3:2,-2:3}}");
        check("a[ 1]=1&[x]=2&=3", "{a:{ 1:1}}");
        check("a[b]c=1&x[]y[z]=2", "{a:{b:1},x:{0:2}}");
        check("a[b][=1", "{a:{b:1}}");
        check("x%5B0%5D=%zz+%4", "{x:{0:%zz %4}}");
        check("a[5]=1&a[]=2&a[-0]=3", "{a:{5:1,6:2,-0:3}}");
        check("n=%C3%AB&b=%FF", "{n:ë,b:?}");
        check(&format!("a{}=1&b=2", "[x]".repeat(70)), "{b:2}");
    }

    #[test]
    fn the_body_keeps_one_variable_more_than_the_limit_and_the_query_does_not() {
        for (place, kept) in [(Place::Body, 4), (Place::Query, 3)] {
            let form = Form::parse(b"a=1&b=2&c=3&d=4&e=5", place, 3);
            assert_eq!(form.variables.entries.len(), kept);
            assert!(form.cut);
        }
        assert!(!Form::parse(b"a=1&b=2&c=3&d=4", Place::Body, 3).cut);
    }

    #[test]
    fn the_body_wins_over_the_query() {
        let mut form = Form::parse(b"a=1&b[x]=1", Place::Query, 9);
        form.replace_with(Form::parse(b"b[y]=2", Place::Body, 9));
        assert_eq!(shown(&form.variables), "{a:1,b:{y:2}}");
    }
}
