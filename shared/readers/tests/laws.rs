//! Laws that hold for any input.

mod listing;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use listing::Listing;
use proptest::prelude::*;
use readers::{ReadError, ReadOptions, read_export};

const COMPLETE: &[u8] = include_bytes!("fixtures/complete.xml");
const ODD: &[u8] = include_bytes!("fixtures/odd-shapes.xml");

fn read(input: impl Read + Seek) -> (Result<(), ReadError>, String) {
    read_with(input, &ReadOptions::default())
}

fn read_with(input: impl Read + Seek, options: &ReadOptions) -> (Result<(), ReadError>, String) {
    let mut listing = Listing::default();
    let outcome = read_export(input, "x.xml", options, &mut listing).map(|_| ());
    (outcome, listing.into_text(""))
}

/// Gives its bytes in pieces of the sizes it is told.
struct Dribble<'a> {
    bytes: Cursor<&'a [u8]>,
    sizes: Vec<usize>,
    at: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.at % self.sizes.len()].clamp(1, into.len().max(1));
        self.at += 1;
        let len = into.len().min(size);
        self.bytes.read(&mut into[..len])
    }
}

impl Seek for Dribble<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// Every beginning of a file is refused, until the root has ended.
#[test]
fn a_truncated_export_is_refused_wherever_it_ends() {
    for whole in
        [COMPLETE, include_bytes!("fixtures/vista.xml"), include_bytes!("fixtures/one-line.xml")]
    {
        let end = b"</enterprise>";
        let root_end = whole.windows(end.len()).position(|at| at == end).unwrap() + end.len();
        for cut in 0..=whole.len() {
            let (outcome, _) = read(Cursor::new(&whole[..cut]));
            assert_eq!(outcome.is_ok(), cut >= root_end, "cut at {cut}: {outcome:?}");
        }
    }
}

#[test]
fn how_much_is_kept_after_a_large_number_of_records_does_not_depend_on_windows() {
    // Windows are 256 KB: markup of all sorts has to fall on their edges.
    let mut export = String::from("<enterprise>\n");
    for at in 0..6000 {
        let filler = "é".repeat(at % 97);
        export.push_str(&format!(
            "<!-- < {filler} --><person><sourcedid><id>p{at}</id></sourcedid><name><fn>A &amp; \
             <![CDATA[<{filler}>]]> b&#x20;c</fn></name></person>\n"
        ));
    }
    export.push_str("</enterprise>");
    let (outcome, text) = read(Cursor::new(export.as_bytes()));
    outcome.unwrap();
    for at in 0..6000 {
        let filler = "é".repeat(at % 97);
        let expected = format!("person:p{at} @{}\n  full_name: A & <{filler}> b c\n", at + 2);
        assert!(text.contains(&expected), "{at}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (outcome, _) = read(Cursor::new(&bytes));
        if let Err(error) = outcome {
            prop_assert!(!error.hint().is_empty() && !error.to_string().is_empty());
        }
    }

    #[test]
    fn damaged_exports_never_panic(
        odd in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..40), 1..8),
    ) {
        let mut bytes = if odd { ODD } else { COMPLETE }.to_vec();
        for (at, byte, cut) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let end = (at + cut).min(bytes.len());
            if cut > 20 && bytes.len() > 200 {
                bytes.drain(at..end);
            }
        }
        let _ = read(Cursor::new(&bytes)).1.len();
    }

    #[test]
    fn words_in_any_order_never_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "<enterprise>", "</enterprise>", "<person>", "</person>", "<group>", "</group>",
                "<membership>", "</membership>", "<member>", "</member>", "<sourcedid>",
                "</sourcedid>", "<id>a</id>", "<id>b</id>", "<role roletype='01'>", "</role>",
                "<status>1</status>", "<idtype>2</idtype>", "&amp;", "&", ";", "<![CDATA[", "]]>",
                "<!--", "-->", "<?x", "?>", "<!DOCTYPE a [", "]>", "x", " ", "\n", "<", ">", "'",
                "\"", "é", "<extension>", "</extension>", "<cohort>c</cohort>", "<org/>", "\0",
            ]),
            0..60,
        ),
    ) {
        let text = format!("<enterprise>{}", words.concat());
        let _ = read(Cursor::new(text.as_bytes())).1.len();
    }

    #[test]
    fn any_chunking_reads_the_same(
        which in 0usize..4,
        sizes in prop::collection::vec(1usize..700, 1..12),
    ) {
        let bytes: &[u8] = [
            COMPLETE,
            ODD,
            include_bytes!("fixtures/mixed.xml"),
            include_bytes!("fixtures/utf16le.xml"),
        ][which];
        let (whole, expected) = read(Cursor::new(bytes));
        let (pieces, text) = read(Dribble { bytes: Cursor::new(bytes), sizes, at: 0 });
        prop_assert_eq!(whole.is_ok(), pieces.is_ok());
        prop_assert_eq!(text, expected);
    }
}
