//! A page under construction: the one place that escapes.

use crate::label::clean;

const STYLE: &str = include_str!("style.css");

/// A page. `text` escapes; `tag` and `end` write markup of our own.
pub(super) struct Page {
    out: String,
    /// Drawings so far: each needs ids of its own.
    drawings: u32,
}

impl Page {
    /// A page with this title.
    pub fn new(title: &str) -> Self {
        let mut page = Self { out: String::with_capacity(16 * 1024), drawings: 0 };
        page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
        // Nothing but the style below may act, whatever an export holds.
        page.raw("<meta http-equiv=\"Content-Security-Policy\" ");
        page.raw("content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; ");
        page.raw("form-action 'none'\">\n<title>");
        page.text(title);
        page.raw("</title>\n<style>\n");
        page.raw(STYLE);
        page.raw("</style>\n</head>\n<body>\n");
        page
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.raw("</body>\n</html>\n");
        self.out
    }

    /// Markup of our own. Only constants: what varies goes through [`Page::text`].
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text, cleaned and escaped for elements and quoted attributes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.escaped(&clean(text))
    }

    /// Sentences of ours, which are worth their length.
    pub fn prose(&mut self, text: &str) -> &mut Self {
        const LONGEST: usize = 800;
        let whole: String = text.chars().take(LONGEST).collect();
        self.escaped(&crate::label::harmless_text(&whole))
    }

    fn escaped(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                c => self.out.push(c),
            }
        }
        self
    }

    /// Text in an element of our own: `<tag class="class">text</tag>`.
    pub fn element(&mut self, tag: &'static str, class: &'static str, text: &str) -> &mut Self {
        self.open(tag, class).text(text);
        self.close(tag)
    }

    /// The beginning of an element.
    pub fn open(&mut self, tag: &'static str, class: &'static str) -> &mut Self {
        self.raw("<").raw(tag);
        if !class.is_empty() {
            self.raw(" class=\"").raw(class).raw("\"");
        }
        self.raw(">")
    }

    /// The end of an element.
    pub fn close(&mut self, tag: &'static str) -> &mut Self {
        self.raw("</").raw(tag).raw(">\n")
    }

    /// The beginning of a section that can be pointed to, with its heading.
    pub fn section(
        &mut self,
        id: &'static str,
        class: &'static str,
        title: &str,
        beside: &str,
    ) -> &mut Self {
        self.raw("<section id=\"").raw(id).raw("\"");
        if !class.is_empty() {
            self.raw(" class=\"").raw(class).raw("\"");
        }
        self.raw(">\n<h2>").text(title).raw(" ");
        if !beside.is_empty() {
            self.element("small", "", beside);
        }
        self.close("h2")
    }

    /// A link to `before` + `name` + `after`, beside this page. What is no plain name links nowhere.
    pub fn link(
        &mut self,
        before: &'static str,
        name: &str,
        after: &'static str,
        text: &str,
    ) -> &mut Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !name.chars().all(is_plain) {
            return self.text(text);
        }
        self.raw("<a href=\"").raw(before).text(name).raw(after).raw("\">").text(text).raw("</a>")
    }

    /// The beginning of a drawing as wide as its place; `words` say what is in it.
    pub fn drawing(
        &mut self,
        class: &'static str,
        width: u64,
        height: u64,
        title: &str,
        words: &str,
    ) -> &mut Self {
        self.drawings += 1;
        let id = self.drawings.to_string();
        self.raw("<svg class=\"").raw(class).raw("\" viewBox=\"0 0 ").number(width).raw(" ");
        self.number(height).raw("\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"t");
        self.text(&id).raw(" d").text(&id).raw("\"><title id=\"t").text(&id).raw("\">").text(title);
        self.raw("</title><desc id=\"d").text(&id).raw("\">").text(words).raw("</desc>")
    }

    /// A piece of a bar.
    pub fn rect(&mut self, class: &'static str, at: u64, width: u64) -> &mut Self {
        self.raw("<rect class=\"").raw(class).raw("\" x=\"").number(at).raw("\" width=\"");
        self.number(width).raw("\" height=\"10\"/>")
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.out.push_str(&number.to_string());
        self
    }

    /// The beginning of a table that may be wider than the page, up to its rows.
    pub fn table(&mut self, caption: &str, head: &[&str]) -> &mut Self {
        self.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"").text(caption);
        self.raw("\"><table class=\"counts\">");
        self.element("caption", "unseen", caption).raw("<thead><tr>");
        for cell in head {
            match cell.is_empty() {
                true => self.raw("<td></td>"),
                false => self.raw("<th scope=\"col\">").text(cell).close("th"),
            };
        }
        self.raw("</tr></thead><tbody>\n")
    }

    /// The head of a row.
    pub fn row_head(&mut self, text: &str) -> &mut Self {
        self.raw("<th scope=\"row\">").text(text).close("th")
    }

    /// A cell; an empty one shows as a dot.
    pub fn cell(&mut self, text: &str) -> &mut Self {
        match text.is_empty() {
            true => self.element("td", "none", "·"),
            false => self.element("td", "", text),
        }
    }

    /// The end of a table.
    pub fn end_table(&mut self) -> &mut Self {
        self.raw("</tbody></table></div>\n")
    }

    /// A command to copy: whole, however long it is.
    pub fn command(&mut self, command: &str) -> &mut Self {
        self.raw("<pre>").escaped(&crate::label::harmless_text(command)).close("pre")
    }
}
