//! Answers and their two forms, JSON and XML, as the platform's REST server writes them.

use std::fmt::Write;

use super::errors::Refusal;
use crate::Response;

/// An answer before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Out>),
    Object(Vec<(&'static str, Out)>),
}

impl Out {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn id(id: u32) -> Self {
        Self::Int(i64::from(id))
    }

    /// The rows of a list, or of the list inside `{"users": [..]}` and its like.
    pub(super) fn rows_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::List(rows) => Some(rows),
            Self::Object(fields) => fields
                .iter_mut()
                .find(|(name, _)| *name != "warnings")
                .and_then(|(_, value)| value.rows_mut()),
            _ => None,
        }
    }
}

/// The form that the caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

/// Writes what a call came to.
pub(super) fn response(format: Format, result: &Result<Out, Refusal>) -> Response {
    match (format, result) {
        (Format::Json, Ok(out)) => {
            let mut body = String::new();
            write_json(out, &mut body);
            Response::ok("application/json", body)
        }
        (Format::Json, Err(refusal)) => {
            let mut body = String::new();
            let mut fields = vec![("exception", Out::text(refusal.exception))];
            if let Some(code) = &refusal.code {
                fields.push(("errorcode", Out::text(code)));
            }
            fields.push(("message", Out::text(&refusal.message)));
            write_json(&Out::Object(fields), &mut body);
            Response::ok("application/json", body)
        }
        (Format::Xml, Ok(out)) => {
            let mut body =
                String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<RESPONSE>\n");
            write_xml(out, &mut body);
            body.push_str("</RESPONSE>\n");
            Response::ok("application/xml; charset=utf-8", body)
        }
        (Format::Xml, Err(refusal)) => {
            let code = refusal.code.as_deref().unwrap_or_default();
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<EXCEPTION class=\"{}\">\n\
                 <ERRORCODE>{}</ERRORCODE>\n<MESSAGE>{}</MESSAGE>\n</EXCEPTION>\n",
                Escaped(refusal.exception),
                Escaped(code),
                Escaped(&refusal.message),
            );
            Response::ok("application/xml; charset=utf-8", body)
        }
    }
}

fn write_json(out: &Out, into: &mut String) {
    match out {
        Out::Null => into.push_str("null"),
        Out::Bool(value) => into.push_str(if *value { "true" } else { "false" }),
        Out::Int(value) => push_int(*value, into),
        Out::Text(text) => write_json_text(text, into),
        Out::List(list) => {
            into.push('[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    into.push(',');
                }
                write_json(item, into);
            }
            into.push(']');
        }
        Out::Object(fields) => {
            into.push('{');
            for (position, (name, value)) in fields.iter().enumerate() {
                if position > 0 {
                    into.push(',');
                }
                into.push('"');
                into.push_str(name);
                into.push_str("\":");
                write_json(value, into);
            }
            into.push('}');
        }
    }
}

/// As PHP writes it: slashes escaped, everything beyond ASCII as UTF-16 escapes.
fn write_json_text(text: &str, into: &mut String) {
    into.push('"');
    for letter in text.chars() {
        match letter {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '/' => into.push_str("\\/"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            ' '..='~' => into.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(into, "\\u{unit:04x}");
                }
            }
        }
    }
    into.push('"');
}

fn write_xml(out: &Out, into: &mut String) {
    match out {
        Out::Null => into.push_str("<VALUE null=\"null\"/>\n"),
        Out::Bool(value) => {
            into.push_str("<VALUE>");
            into.push_str(if *value { "1" } else { "0" });
            into.push_str("</VALUE>\n");
        }
        Out::Int(value) => {
            into.push_str("<VALUE>");
            push_int(*value, into);
            into.push_str("</VALUE>\n");
        }
        Out::Text(text) => {
            into.push_str("<VALUE>");
            push_escaped(text, into);
            into.push_str("</VALUE>\n");
        }
        Out::List(list) => {
            into.push_str("<MULTIPLE>\n");
            for item in list {
                write_xml(item, into);
            }
            into.push_str("</MULTIPLE>\n");
        }
        Out::Object(fields) => {
            into.push_str("<SINGLE>\n");
            for (name, value) in fields {
                into.push_str("<KEY name=\"");
                into.push_str(name);
                into.push_str("\">");
                write_xml(value, into);
                into.push_str("</KEY>\n");
            }
            into.push_str("</SINGLE>\n");
        }
    }
}

fn push_int(value: i64, into: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(into, "{value}");
}

/// Text with the signs escaped that mean something in XML and HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#039;")?,
                _ => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}

fn push_escaped(text: &str, into: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(into, "{}", Escaped(text));
}

/// A stored name as it is shown without `moodlewssettingraw`: an ampersand that does not begin
/// an entity is escaped, so what is read back differs from what was written.
pub(super) fn filtered(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for (at, letter) in name.char_indices() {
        match letter {
            '&' if !begins_entity(&name[at + 1..]) => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            _ => shown.push(letter),
        }
    }
    shown
}

fn begins_entity(rest: &str) -> bool {
    let length =
        rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    (1..=8).contains(&length) && rest[length..].starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_php_writes_it() {
        let out = Out::Object(vec![
            ("a", Out::List(vec![Out::Int(-1), Out::Null, Out::Bool(true)])),
            ("b", Out::text("é/\"\\\n😀")),
        ]);
        assert_eq!(
            response(Format::Json, &Ok(out)).text(),
            r#"{"a":[-1,null,true],"b":"\u00e9\/\"\\\n\ud83d\ude00"}"#
        );
    }

    #[test]
    fn xml_names_every_key() {
        let out = Out::List(vec![Out::Object(vec![("id", Out::Int(1)), ("n", Out::text("a<b"))])]);
        assert_eq!(
            response(Format::Xml, &Ok(out)).text(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<RESPONSE>\n<MULTIPLE>\n<SINGLE>\n\
             <KEY name=\"id\"><VALUE>1</VALUE>\n</KEY>\n\
             <KEY name=\"n\"><VALUE>a&lt;b</VALUE>\n</KEY>\n</SINGLE>\n</MULTIPLE>\n</RESPONSE>\n"
        );
    }

    #[test]
    fn a_filtered_name_keeps_entities_and_escapes_the_rest() {
        for (stored, shown) in [
            ("A & B", "A &amp; B"),
            ("A &amp; B", "A &amp; B"),
            ("R&D", "R&amp;D"),
            ("&#39;", "&#39;"),
        ] {
            assert_eq!(filtered(stored), shown);
        }
    }
}
