//! Requests: PHP's form encoding, and lists of records cut to what one call can carry.

use form_urlencoded::byte_serialize;

use super::MoodleAccess;
use crate::Request;

/// The parameters of one call.
#[derive(Clone, Default)]
pub(super) struct Form {
    body: String,
    vars: usize,
}

/// One record of a list that is sent, and whose it is: `index` is its place in the work.
#[derive(Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Entry {
    pub(super) fn new(index: usize, fields: Vec<(&'static str, String)>) -> Self {
        Self { index, fields }
    }

    /// The value of one of its fields.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}

impl Form {
    /// Adds `name=value`.
    pub(super) fn put(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.push(name, value.as_ref());
        self
    }

    /// Adds `list[0]=..&list[1]=..`.
    pub(super) fn values<'a>(
        mut self,
        list: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        for (at, value) in values.into_iter().enumerate() {
            self.push(&format!("{list}[{at}]"), value);
        }
        self
    }

    /// Adds `list[0][field]=..` for each entry; a field without a name makes `list[0]=..`.
    pub(super) fn entries(mut self, list: &str, entries: &[Entry]) -> Self {
        for (at, entry) in entries.iter().enumerate() {
            for (field, value) in &entry.fields {
                match *field {
                    "" => self.push(&format!("{list}[{at}]"), value),
                    field => self.push(&format!("{list}[{at}][{field}]"), value),
                }
            }
        }
        self
    }

    /// Adds `options[n][name]=..&options[n][value]=..`.
    pub(super) fn options(mut self, options: &[(&str, &str)]) -> Self {
        for (at, (name, value)) in options.iter().enumerate() {
            self.push(&format!("options[{at}][name]"), name);
            self.push(&format!("options[{at}][value]"), value);
        }
        self
    }

    fn push(&mut self, name: &str, value: &str) {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.extend(byte_serialize(name.as_bytes()));
        self.body.push('=');
        self.body.extend(byte_serialize(value.as_bytes()));
        self.vars += 1;
    }

    /// The whole request.
    ///
    /// `wsfunction` comes last on purpose: where PHP cuts a form off at its `max_input_vars`, the
    /// function's name is among what is lost, and Moodle refuses the call instead of doing a part
    /// of it. The token goes in the body, for addresses end up in logs.
    pub(super) fn request(
        self,
        access: &MoodleAccess,
        function: &str,
        timeout: std::time::Duration,
    ) -> Request {
        let mut whole = Self::default()
            .put("wstoken", &access.token)
            .put("moodlewsrestformat", "json")
            // Without it names come back with `&amp;` and never equal what was sent.
            .put("moodlewssettingraw", "1");
        if !self.body.is_empty() {
            whole.body.push('&');
            whole.body.push_str(&self.body);
        }
        let whole = whole.put("wsfunction", function);
        Request {
            method: "POST",
            url: format!("{}/webservice/rest/server.php", access.url.trim_end_matches('/')),
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
                ("accept", "application/json".to_owned()),
            ],
            body: whole.body.into_bytes(),
            timeout,
        }
    }
}

/// Form variables and bytes that a call spends beside its records.
const FRAME_VARS: usize = 4;
const FRAME_BYTES: usize = 400;

/// How much one call may carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) batch: usize,
    pub(super) vars: usize,
    pub(super) bytes: usize,
}

/// Cuts `entries` into calls within `bounds`. A record too large for any call goes alone, and
/// Moodle's answer says so.
pub(super) fn cut(entries: Vec<Entry>, list: &str, bounds: Bounds) -> Vec<Vec<Entry>> {
    let mut calls: Vec<Vec<Entry>> = Vec::new();
    let (mut vars, mut bytes) = (0, 0);
    for entry in entries {
        let size = Form::default().entries(list, std::slice::from_ref(&entry));
        // The place in the list can take three digits where the measure took one.
        let (more_vars, more_bytes) = (size.vars, size.body.len() + 3 * size.vars);
        let full = calls.last().is_none_or(|call| {
            call.len() >= bounds.batch.max(1)
                || vars + more_vars + FRAME_VARS > bounds.vars
                || bytes + more_bytes + FRAME_BYTES > bounds.bytes
        });
        if full {
            calls.push(Vec::new());
            (vars, bytes) = (0, 0);
        }
        if let Some(call) = calls.last_mut() {
            call.push(entry);
            (vars, bytes) = (vars + more_vars, bytes + more_bytes);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: usize, fields: &[(&'static str, &str)]) -> Entry {
        Entry::new(index, fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn the_function_comes_last_and_the_token_in_the_body() {
        let access = MoodleAccess { url: "https://a.example/".into(), token: "t&1".into() };
        let entries = [entry(0, &[("firstname", "Zoë & Bo")]), entry(1, &[("id", "7")])];
        let form = Form::default().entries("users", &entries).values("values", ["a", "b"]);
        let request = form.request(&access, "f", std::time::Duration::from_secs(1));
        assert_eq!(request.url, "https://a.example/webservice/rest/server.php");
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            "wstoken=t%261&moodlewsrestformat=json&moodlewssettingraw=1\
             &users%5B0%5D%5Bfirstname%5D=Zo%C3%AB+%26+Bo&users%5B1%5D%5Bid%5D=7\
             &values%5B0%5D=a&values%5B1%5D=b&wsfunction=f"
        );
    }

    #[test]
    fn calls_stay_within_every_bound() {
        let entries = |count: usize| -> Vec<Entry> {
            (0..count).map(|at| entry(at, &[("a", "x"), ("b", "y"), ("c", "z")])).collect()
        };
        let sizes = |bounds: Bounds| -> Vec<usize> {
            cut(entries(10), "l", bounds).iter().map(Vec::len).collect()
        };
        let wide = Bounds { batch: 50, vars: 900, bytes: 1 << 20 };
        assert_eq!(sizes(wide), [10]);
        assert_eq!(sizes(Bounds { batch: 4, ..wide }), [4, 4, 2]);
        assert_eq!(sizes(Bounds { vars: 10, ..wide }), [2, 2, 2, 2, 2]);
        assert_eq!(sizes(Bounds { bytes: 1, ..wide }), [1; 10]);
        assert!(cut(Vec::new(), "l", wide).is_empty());
        let kept: Vec<usize> = cut(entries(10), "l", Bounds { batch: 3, ..wide })
            .into_iter()
            .flatten()
            .map(|entry| entry.index)
            .collect();
        assert_eq!(kept, (0..10).collect::<Vec<_>>());
    }
}
