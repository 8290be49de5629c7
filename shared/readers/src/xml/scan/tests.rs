//! The same records come out with and without shapes, whatever the size of the windows.

use proptest::prelude::*;

use super::*;
use crate::encoding::CHUNK;
use crate::xml::tree::At;

static TABLE: NameTable = NameTable::new(&["file", "set", "row", "id", "text"]);

/// Writes down everything it gets.
#[derive(Default)]
struct Log(String);

impl Log {
    fn node(&mut self, tree: &Tree, at: At) {
        let kind = tree.attribute(at, "kind").map(std::borrow::Cow::into_owned);
        let (name, text) = (tree.local(at, &TABLE), tree.text(at));
        self.0.push_str(&format!("({name} {kind:?} {text:?}"));
        tree.children(at).for_each(|child| self.node(tree, child));
        self.0.push(')');
    }
}

impl Records for Log {
    fn table(&self) -> &'static NameTable {
        &TABLE
    }

    fn place(&mut self, parent: Option<u8>, _: &str, name: u8, _: u32) -> Result<Place, ReadError> {
        let is_envelope = parent.is_none() || (parent == Some(1) && name == 2);
        Ok(if is_envelope { Place::Envelope } else { Place::Record })
    }

    fn leave(&mut self, name: u8, line: u32) -> Result<(), ReadError> {
        self.0.push_str(&format!("leave {name} @{line}\n"));
        Ok(())
    }

    fn record(&mut self, tree: &Tree, line: u32) -> Result<(), ReadError> {
        self.0.push_str(&format!("@{line} "));
        self.node(tree, Tree::ROOT);
        self.0.push('\n');
        Ok(())
    }

    fn odd(&mut self, code: &'static Code, line: u32, _: String) {
        self.0.push_str(&format!("{} @{line}\n", code.name));
    }
}

fn log(text: &str, chunk: usize, shapes: Shapes) -> String {
    let mut log = Log::default();
    let mut source = TextSource::new(text.as_bytes(), u64::MAX, chunk).unwrap();
    let limits = ReadLimits { record_elements: 12, ..ReadLimits::default() };
    let outcome = scan_with(&mut source, &limits, &mut log, shapes);
    format!("{}{outcome:?}", log.0)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-d]{1,3}",
        1 => "[ \n]{0,2}[a-c]{0,2}[ \n]{0,2}",
        1 => prop::sample::select(vec![
            "a&amp;b", "&#65; ", "&", "x & y", "&nbsp;", "<![CDATA[ <c> ]]>", "a<!-- b -->c",
            "a<?p?> b", "é", "\r\n", "",
        ])
        .prop_map(str::to_owned),
    ]
}

fn row() -> impl Strategy<Value = String> {
    let gap = prop::sample::select(vec!["", "\n", "\n  ", "<!--\n-->", " loose "]);
    let tag = prop::sample::select(vec![
        "row",
        "row kind='1'",
        "row kind=\"2\" ",
        "x:row",
        "ROW bad",
        "other",
    ]);
    let id = text().prop_map(|text| format!("<id>{text}</id>"));
    let more = prop_oneof![
        3 => Just(String::new()),
        2 => text().prop_map(|text| format!("<text>{text}</text>")),
        1 => text().prop_map(|text| format!("{text}<text/>{text}<id><id>{text}</id>{text}</id>")),
        1 => Just("<id/>".repeat(14)),
    ];
    (gap, tag, id, more).prop_map(|(gap, tag, id, more)| {
        let end = tag.split(' ').next().unwrap_or(tag);
        format!("{gap}<{tag}>{gap}{id}{more}</{end}>")
    })
}

proptest! {
    #[test]
    fn shapes_and_windows_change_nothing(
        rows in prop::collection::vec(row(), 0..24),
        set in prop::collection::vec(row(), 0..8),
        chunk in 1usize..200,
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut text =
            format!("<file>{}<set>{}</set>{}</file>", rows.concat(), set.concat(), rows.concat());
        if let Some(cut) = cut {
            let at = cut.index(text.len());
            text.truncate(text.floor_char_boundary(at));
        }
        let expected = log(&text, CHUNK, Shapes::off());
        prop_assert_eq!(&log(&text, CHUNK, Shapes::default()), &expected);
        prop_assert_eq!(&log(&text, chunk, Shapes::default()), &expected);
        prop_assert_eq!(&log(&text, chunk, Shapes::off()), &expected);
    }
}

#[test]
fn a_known_shape_is_used() {
    let mut log = Log::default();
    let text = "<file><row><id>1</id></row><row><id>22</id></row></file>";
    let mut source = TextSource::new(text.as_bytes(), u64::MAX, CHUNK).unwrap();
    let limits = ReadLimits::default();
    scan_with(&mut source, &limits, &mut log, Shapes::default()).unwrap();
    assert!(
        log.0.starts_with("@1 (row None \"\"(id None \"1\"))\n@1 (row None \"\"(id None \"22\"))")
    );

    let mut shapes = Shapes::default();
    assert!(shapes.fit(text, 1).is_none());
    let mut tree = Tree::default();
    let row = tree.open(3, "row", 3);
    let id = tree.open(4, "id", 2);
    tree.add_text(id, "1");
    tree.close(id);
    tree.close(row);
    shapes.learn("<row><id>1</id></row>", &[Gap { start: 9, end: 10, node: id }], &tree, 1);
    let fit = |shapes: &mut Shapes, text: &str| {
        shapes.fit(text, 1).map(|(tree, len)| (tree.text(id).to_owned(), len))
    };
    assert_eq!(fit(&mut shapes, "<row><id>22</id></row><x>"), Some(("22".to_owned(), 22)));
    for other in [
        "<row><id></id></row>",
        "<row><id> 2</id></row>",
        "<row><id>&amp;</id></row>",
        "<row><id>2</id><x/></row>",
        "<row><id>2",
        "<row",
    ] {
        assert_eq!(fit(&mut shapes, other), None, "{other}");
    }
    assert_eq!(shapes.fit("<row><id>2</id></row>", 2).map(|(_, len)| len), None);
}

/// Persons may all differ in an attribute; the members behind them are alike all the same.
#[test]
fn shapes_are_found_behind_many_records_without() {
    let mut tree = Tree::default();
    let row = tree.open(3, "row", 3);
    tree.close(row);
    let mut shapes = Shapes::default();
    for number in 0..1000 {
        let text = format!("<row kind='{number}'></row>");
        assert!(shapes.fit(&text, 1).is_none());
        shapes.learn(&text, &[], &tree, 1);
    }
    let mut reads = 0;
    while shapes.fit("<row></row>", 1).is_none() {
        shapes.learn("<row></row>", &[], &tree, 1);
        reads += 1;
        assert!(reads < 50, "the shape is found soon");
    }
    assert!(shapes.fit("<row></row>", 1).is_some());
}
