//! `rollcall generate`

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::Stopwatch;
use indicatif::{ProgressBar, ProgressStyle};
use readers::write::ims::{ImsOptions, ImsProperties, ImsWriter, Written};
use report::json::Answer;
use report::text;
use runtime::Exit;
use school::{School, SchoolSpec};

use crate::console::Console;
use crate::failure::Failure;
use crate::home::{Setting, shown};

/// Make an invented school of any size, as an IMS Enterprise export
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The same numbers give the same school; a later day gives the same school with its joiners,
leavers, moves and renames.

Examples:
  rollcall generate --persons 1000 --out day0.xml
  rollcall generate --persons 1000 --day 30 --out day30.xml      a month later
  rollcall generate --persons 200000 | gzip > large.xml.gz")]
pub struct Generate {
    /// Students, teachers and staff on the first day
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    persons: u32,
    /// Another number is another school
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Days after the first one; the school year turns on day 365
    #[arg(long, value_name = "D", default_value_t = 0)]
    day: u32,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over FILE where it is there already
    #[arg(long, requires = "out")]
    force: bool,
}

impl Generate {
    /// Writes the export.
    pub fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let time = Stopwatch::start(&*setting.clock);
        let Some(out) = self.out.clone() else {
            if console.is_json() {
                return Err(
                    Failure::usage("with --json the school needs a file").hint("add --out FILE")
                );
            }
            let written = self.write(console, BufWriter::new(io::stdout().lock()));
            match written {
                // Whoever reads has enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Done),
                Err(error) => return Err(failed(Path::new("standard output"), &error)),
                Ok(written) => self.say(setting, &written, time.elapsed(&*setting.clock)),
            }
            return Ok(Exit::Done);
        };
        if out.exists() && !self.force {
            let message = format!("`{}` is there already", shown(&out));
            return Err(Failure::new(Exit::Failed, "output", message)
                .hint("name another file, or write over it with --force"));
        }
        let written = self.write_file(console, &out)?;
        self.say(setting, &written, time.elapsed(&*setting.clock));
        let answer = Answer { records: Some(written.records.clone()), ..Answer::default() };
        console.answer(&answer)?;
        console.report(&format!("Wrote {}\n", shown(&out)));
        Ok(Exit::Done)
    }

    /// Beside first, then in its place: a file that is half written looks like a truncated export.
    fn write_file(&self, console: &Console, out: &Path) -> Result<Written, Failure> {
        let mut beside = out.as_os_str().to_owned();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let write = || {
            let file = File::create(&beside)?;
            let written = self.write(console, BufWriter::with_capacity(1 << 20, &file))?;
            file.sync_all()?;
            fs::rename(&beside, out)?;
            Ok(written)
        };
        write().map_err(|error| {
            // It may never have been made.
            let _gone = fs::remove_file(&beside);
            failed(out, &error)
        })
    }

    fn write(&self, console: &Console, out: impl Write) -> io::Result<Written> {
        const STEP: u64 = 8192;
        let spec = SchoolSpec { persons: self.persons, seed: self.seed, ..SchoolSpec::default() };
        let school = School::new(spec).on_day(self.day);
        let properties = ImsProperties {
            datasource: school.spec().source.as_str().into(),
            datetime: format!("{}-08-01 + {} days", school.spec().year, school.day()).into(),
            ..ImsProperties::default()
        };
        let source = Some(school.spec().source.as_str().into());
        let options = ImsOptions { properties, source, ..ImsOptions::default() };
        let mut writer = ImsWriter::new(out, options)?;
        let bar = console.bars().add(ProgressBar::no_length());
        bar.set_style(
            ProgressStyle::with_template("{spinner} writing  {human_pos} records  {per_sec}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(Duration::from_millis(120));
        for (at, record) in (1..).zip(school.records()) {
            writer.record(&record)?;
            if at % STEP == 0 {
                bar.inc(STEP);
            }
        }
        bar.finish_and_clear();
        let (mut out, written) = writer.finish()?;
        out.flush()?;
        Ok(written)
    }

    fn say(&self, setting: &Setting, written: &Written, took: Duration) {
        let console = &setting.console;
        let records = text::records(&written.records, &text::Look::default());
        let seconds = took.as_secs_f64().max(0.001);
        let speed = written.total() as f64 / seconds;
        console.say(&format!("{}in {seconds:.1} s, {speed:.0} records a second", records));
    }
}

fn failed(out: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "output", format!("cannot write `{}`", shown(out))).because(error)
}
