//! What reading costs, beside a bare quick-xml event loop over the same file.
//!
//! `cargo bench -p readers` generates a school of 200,000 persons and 1.6 million enrollments and
//! prints, each from a process of its own, CPU time and peak memory of
//!
//! - the bare loop: `read_event_into` on a `BufReader`, events counted;
//! - the reader with a sink that counts;
//! - the reader with a [`SnapshotBuilder`]: from bytes to ready for a diff.
//!
//! `cargo bench -p readers -- 20000` makes the school smaller; a second number is the seed. CPU time
//! and memory come from Linux's `/proc`; elsewhere they show as 0.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use quick_xml::Reader;
use quick_xml::events::Event;
use readers::{ExportSink, ReadOptions, read_export};
use roster::{
    EnrollmentParts, Finding, FormerKey, MemberParts, Mode, Origin, Record, Removal, Sink,
    SnapshotBuilder,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const WAYS: [(&str, &str); 4] = [
    ("bare", "bare quick-xml loop"),
    ("copy", "bytes alone, not parsed"),
    ("null", "reader, null sink"),
    ("snapshot", "reader to snapshot"),
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [way, path] = arguments.as_slice()
        && WAYS.iter().any(|(name, _)| name == way)
    {
        return measure(way, Path::new(path));
    }
    let number = |at: usize, default: u64| match arguments.get(at) {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    compare(number(0, 200_000)?, number(1, 42)?)
}

fn compare(persons: u64, seed: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("school.xml");
    generate(&path, persons, seed)?;
    let bytes = fs::metadata(&path)?.len();
    println!("{persons} persons, {} enrollments, {:.0} MB", persons * 8, bytes as f64 / 1e6);
    let mut bare = 0.0;
    for (way, title) in WAYS {
        let mut best: Option<(f64, f64, String)> = None;
        for _ in 0..3 {
            let run = Command::new(std::env::current_exe()?).arg(way).arg(&path).output()?;
            io::stderr().write_all(&run.stderr)?;
            let text = String::from_utf8(run.stdout)?;
            let mut parts = text.trim().splitn(3, ' ');
            let mut figure = || parts.next().unwrap_or_default().parse::<f64>();
            let (cpu, memory) = (figure()?, figure()?);
            let what = parts.next().unwrap_or_default().to_owned();
            if best.as_ref().is_none_or(|(least, ..)| cpu < *least) {
                best = Some((cpu, memory, what));
            }
        }
        let Some((cpu, memory, what)) = best else { continue };
        if way == "bare" {
            bare = cpu;
        }
        let times = cpu / bare;
        println!("{title:24} {cpu:6.2} s CPU  {times:4.2} x  {memory:6.0} MB peak  {what}");
    }
    Ok(())
}

fn measure(way: &str, path: &Path) -> Outcome<()> {
    let before = cpu_seconds();
    let what = match way {
        "bare" => bare(path)?,
        "copy" => copy(path)?,
        "null" => read(path, Counts::default())?.to_string(),
        _ => {
            let snapshot = read(path, SnapshotBuilder::new(Mode::Full))?.finish()?;
            format!("{} records, {} buckets", snapshot.len(), snapshot.buckets().len())
        }
    };
    println!("{} {} {what}", cpu_seconds() - before, peak_megabytes());
    Ok(())
}

fn bare(path: &Path) -> Outcome<String> {
    let mut reader = Reader::from_reader(BufReader::new(File::open(path)?));
    let (mut buffer, mut events) = (Vec::new(), 0u64);
    loop {
        match reader.read_event_into(&mut buffer)? {
            Event::Eof => return Ok(format!("{events} events")),
            _ => events += 1,
        }
        buffer.clear();
    }
}

fn copy(path: &Path) -> Outcome<String> {
    let bytes = io::copy(&mut BufReader::new(File::open(path)?), &mut io::sink())?;
    Ok(format!("{bytes} bytes"))
}

fn read<S: ExportSink>(path: &Path, mut sink: S) -> Outcome<S> {
    read_export(File::open(path)?, "school.xml", &ReadOptions::default(), &mut sink)?;
    Ok(sink)
}

#[derive(Default)]
struct Counts {
    records: u64,
    enrollments: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records", self.records + self.enrollments)
    }
}

impl Sink for Counts {
    fn rekey(&mut self, _: FormerKey) {}

    fn record(&mut self, _: Record, _: Origin) {
        self.records += 1;
    }
    fn removal(&mut self, _: Removal, _: Origin) {}
    fn finding(&mut self, _: Finding) {}
    fn enrollment(&mut self, _: EnrollmentParts<'_>, _: Origin) {
        self.enrollments += 1;
    }
    fn group_member(&mut self, _: MemberParts<'_>, _: Origin) {
        self.records += 1;
    }
}

impl ExportSink for Counts {
    fn add_file(&mut self, _: &str) -> u32 {
        0
    }
}

fn cpu_seconds() -> f64 {
    let ran = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = ran.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}

fn peak_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1e3
}

/// A plausible school: 8 enrollments a person, courses of 5 to 60, members in no order, every
/// third of them in a group, names beyond ASCII.
fn generate(path: &Path, persons: u64, seed: u64) -> io::Result<()> {
    const GIVEN: [&str; 8] = ["Ada", "Zoë", "Jan", "Müge", "Sanne", "Óscar", "Li", "Fatima"];
    const FAMILY: [&str; 8] =
        ["Berg", "Vries", "Müller", "Jansen", "Öztürk", "Smith", "Nuñez", "Bakker"];
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut dice = move |sides: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    };
    let sourced_id = |pad: &str, id: &str| {
        format!(
            "{pad}<sourcedid>\n{pad}  <source>SIS</source>\n{pad}  <id>{id}</id>\n{pad}</sourcedid>\n"
        )
    };
    let key = |person: u64| format!("{:016x}", person.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let course_key = |course: u64| format!("2026_FALL_{course:06}");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<enterprise>\n  <properties>")?;
    writeln!(out, "    <datasource>SIS</datasource>\n    <datetime>2026-08-31</datetime>")?;
    writeln!(out, "  </properties>")?;
    for person in 0..persons {
        let (given, family) = (GIVEN[dice(8) as usize], FAMILY[dice(8) as usize]);
        let id = sourced_id("    ", &key(person));
        write!(
            out,
            "  <person recstatus=\"1\">\n{id}    <userid useridtype=\"logon\">user{person}</userid>\n    \
             <name>\n      <fn>{given} {family}</fn>\n      <n>\n        <family>{family}</family>\n        \
             <given>{given}</given>\n      </n>\n    </name>\n    \
             <email>user{person}@school.example</email>\n    <institutionrole primaryrole=\"Yes\" \
             institutionroletype=\"Student\"/>\n  </person>\n"
        )?;
    }
    let mut sizes = Vec::new();
    let mut left = persons * 8;
    while left > 0 {
        let size = (5 + dice(28) + dice(29)).min(left);
        sizes.push(size);
        left -= size;
    }
    for course in 0..sizes.len() as u64 {
        let id = sourced_id("    ", &course_key(course));
        write!(
            out,
            "  <group recstatus=\"1\">\n{id}    <description>\n      <short>C{course}</short>\n      \
             <long>Course number {course}</long>\n    </description>\n    <org>\n      \
             <orgunit>Faculty {}</orgunit>\n    </org>\n  </group>\n",
            course % 17
        )?;
    }
    for (course, size) in sizes.iter().enumerate() {
        write!(out, "  <membership>\n{}", sourced_id("    ", &course_key(course as u64)))?;
        for member in 0..*size {
            let id = sourced_id("      ", &key(dice(persons)));
            let role = if member == 0 { "02" } else { "01" };
            let cohort = match dice(3) {
                0 => format!(
                    "        <extension>\n          <cohort>unit {}</cohort>\n        </extension>\n",
                    dice(3)
                ),
                _ => String::new(),
            };
            write!(
                out,
                "    <member>\n{id}      <idtype>1</idtype>\n      <role recstatus=\"1\" \
                 roletype=\"{role}\">\n        <status>1</status>\n{cohort}      </role>\n    \
                 </member>\n"
            )?;
        }
        writeln!(out, "  </membership>")?;
    }
    writeln!(out, "</enterprise>")?;
    out.flush()
}
