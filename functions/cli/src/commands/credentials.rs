//! `rollcall credentials`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ambient::Timestamp;
use clap::{Args, Subcommand, ValueEnum};
use pipeline::{HandOver, WaitingCredential};
use report::json::SCHEMA;
use report::{csv_rows, text};
use runtime::Exit;
use serde::Serialize;
use store::state::credentials::Standing;

use super::approve::who;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting, shown};

/// As many are listed for people.
const LISTED: usize = 20;

/// Hand over the passwords of new accounts, once
#[derive(Debug, Args)]
#[command(after_help = "\
With `password = \"list\"` in [integration.target] each new account gets a password that the platform
asks to be changed at the first login. It is kept sealed until somebody hands it over, for 14 days
(`credentials` in [integration.retention]).

Examples:
  rollcall credentials list
  rollcall credentials export passwords.csv             writes them, and erases them here
  rollcall credentials export - --keep | age -r age1... -o passwords.csv.age
  rollcall credentials erase                            once that has worked")]
pub struct Credentials {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(List),
    Export(Export),
    Erase(Erase),
}

/// Whose passwords wait, and until when; none is shown
#[derive(Debug, Args)]
struct List {
    /// List all of them
    #[arg(long)]
    all: bool,
}

/// Write the passwords to a file that only you can read, and erase them here
#[derive(Debug, Args)]
struct Export {
    /// A file that is not there yet; `-` is standard output, with --keep
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The form of the list
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// Do not erase them: they can be handed over once more
    #[arg(long)]
    keep: bool,
    /// Who hands them over [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Erase the passwords; nobody gets them any more
#[derive(Debug, Args)]
struct Erase {
    /// Who says so [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Csv,
}

#[derive(Serialize)]
struct Listed<'a> {
    schema: u32,
    count: usize,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    key: &'a str,
    standing: Standing,
    made: Timestamp,
    expires: Timestamp,
}

#[derive(Serialize)]
struct Exported {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    count: usize,
    unknown: usize,
    unreadable: usize,
    under_way: u64,
    erased: u64,
}

#[derive(Serialize)]
struct Erased {
    schema: u32,
    erased: u64,
}

impl Credentials {
    /// Lists, hands over or erases.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        match self.what {
            What::List(list) => list.run(setting).await,
            What::Export(export) => export.run(setting).await,
            What::Erase(erase) => erase.run(setting).await,
        }
    }
}

impl List {
    async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Read).await?;
        let waiting = home.pipeline.credentials().await?;
        if console.is_json() {
            let items = waiting.iter().map(|one| Item {
                key: &one.key,
                standing: one.standing,
                made: one.at,
                expires: one.expires,
            });
            let (count, items) = (waiting.len(), items.collect());
            console.object(&Listed { schema: SCHEMA, count, items })?;
            return Ok(Exit::Done);
        }
        if waiting.is_empty() {
            console.print("No password waits to be handed over.\n");
            return Ok(Exit::Done);
        }
        let shown = if self.all { waiting.len() } else { LISTED.min(waiting.len()) };
        let rows: Vec<Vec<String>> = waiting[..shown].iter().map(row).collect();
        console.print(&text::table(&["person", "password", "until"], &rows, &console.look()));
        if shown < waiting.len() {
            console.print(&format!("… and {} more: --all\n", waiting.len() - shown));
        }
        console.print("To hand them over, once: rollcall credentials export FILE\n");
        Ok(Exit::Done)
    }
}

fn row(one: &WaitingCredential) -> Vec<String> {
    let (key, expires) = (report::harmless_text(&one.key), one.expires);
    vec![key, standing(one.standing).to_owned(), format!("{expires:.0}")]
}

/// What is known of a password, for people.
fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::UnderWay => "under way",
        Standing::Set => "set",
        Standing::Unknown => "not certain",
    }
}

impl Export {
    async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let Format::Csv = self.format;
        let to_stdout = self.file.as_os_str() == "-";
        if to_stdout && (!self.keep || console.is_json()) {
            return Err(Failure::usage(
                "standard output gives passwords with --keep, without --json",
            )
            .hint("whether they arrived is not known here: `rollcall credentials erase` then"));
        }
        let access = if self.keep { Access::Read } else { Access::Write };
        let home = Home::open(setting, access).await?;
        let what = home.pipeline.hand_over().await?;
        let list = csv(&what);
        if to_stdout {
            console.print(&list);
            return Ok(Exit::Done);
        }
        let none = what.handed.is_empty();
        if !none {
            write(&self.file, list.as_bytes())?;
        }
        let erased = match self.keep || none {
            true => 0,
            false => {
                let by = self.by.clone().unwrap_or_else(who);
                home.pipeline.erase_handed_over(&what, &by).await?
            }
        };
        let is_unknown = |standing: &Standing| *standing == Standing::Unknown;
        let told = Exported {
            schema: SCHEMA,
            file: (!none).then(|| shown(&self.file)),
            count: what.handed.len(),
            unknown: what.handed.iter().filter(|(_, standing)| is_unknown(standing)).count(),
            unreadable: what.unreadable.len(),
            under_way: what.under_way,
            erased,
        };
        console.object(&told)?;
        console.report(&self.told(&told));
        Ok(Exit::Done)
    }

    fn told(&self, exported: &Exported) -> String {
        let mut text = match &exported.file {
            None => "No password waits to be handed over; nothing was written.\n".to_owned(),
            Some(file) => format!("Wrote {} to {file}.", passwords(exported.count)),
        };
        if exported.file.is_some() {
            text.push_str(match self.keep {
                true => " They are still kept here.\n",
                false => " They are erased here: whoever loses the file asks for new ones.\n",
            });
        }
        if exported.unknown > 0 {
            text.push_str(&format!(
                "Of {} the platform never said whether it made the account: marked `not certain`.\n",
                exported.unknown
            ));
        }
        if exported.unreadable > 0 {
            text.push_str(&format!(
                "{} cannot be opened, for they were sealed with another key: set new ones in the \
                 platform.\n",
                passwords(exported.unreadable)
            ));
        }
        if exported.under_way > 0 {
            text.push_str(&format!(
                "{} more are under way and come with the next list.\n",
                exported.under_way
            ));
        }
        text
    }
}

fn passwords(count: usize) -> String {
    if count == 1 { "1 password".to_owned() } else { format!("{count} passwords") }
}

fn csv(what: &HandOver) -> String {
    let rows = what.handed.iter().map(|(one, known)| {
        let own = |text: &roster::Text| text.to_string();
        let names = [own(&one.key), own(&one.username), own(&one.given), own(&one.family)];
        let [key, username, given, family] = names;
        [key, username, given, family, own(&one.password), standing(*known).to_owned()]
    });
    csv_rows(["key", "username", "given", "family", "password", "standing"], rows).collect()
}

/// Writes a file that is not there yet, for its owner alone. It is on the disk when this returns:
/// what it holds is erased next.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut open| {
        open.write_all(bytes)?;
        open.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            Exit::Failed,
            "output-exists",
            format!("`{}` is there already", file.display()),
        )
        .hint("a list of passwords overwrites nothing: name a new file"),
        _ => Failure::new(Exit::Failed, "output", format!("cannot write `{}`", file.display()))
            .hint("nothing was erased; what there is of the file is not whole")
            .because(&error),
    })?;
    sync_folder(file)
}

/// The name of a new file is on the disk once its folder is.
#[cfg(unix)]
fn sync_folder(file: &Path) -> Result<(), Failure> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| {
        Failure::new(Exit::Failed, "output", format!("cannot write into `{}`", folder.display()))
            .hint("nothing was erased")
            .because(&error)
    })
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), Failure> {
    Ok(())
}

impl Erase {
    async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write).await?;
        let by = self.by.unwrap_or_else(who);
        let erased = home.pipeline.erase_credentials(&by).await?;
        console.object(&Erased { schema: SCHEMA, erased })?;
        console.report(&match erased {
            0 => "No password waited to be handed over.\n".to_owned(),
            _ => format!("Erased {}.\n", passwords(usize::try_from(erased).unwrap_or(usize::MAX))),
        });
        Ok(Exit::Done)
    }
}

/// What somebody may want to know after a run: that passwords wait, and until when.
pub async fn waiting(home: &Home) -> Result<Option<String>, Failure> {
    let waiting = home.pipeline.credentials().await?;
    let Some(first) = waiting.iter().map(|one| one.expires).min() else { return Ok(None) };
    let verb = if waiting.len() == 1 { "waits" } else { "wait" };
    Ok(Some(format!(
        "{} of new accounts {verb} to be handed over, until {first:.0}: rollcall credentials export FILE",
        passwords(waiting.len())
    )))
}
