//! `rollcall show`

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use report::json::{Answer, ChangeItem};
use report::text::{self, Fold, Look};
use report::{PlanView, RunView, html, rejects_csv};
use roster::Text;
use runtime::Exit;

use crate::failure::Failure;
use crate::home::{Access, Home, Setting, shown};
use crate::outcome::{error_of, name, receipt_lines, receipts};
use crate::pages::{self, page_key, page_path};

/// As many of the newest runs are looked through for those before a run.
const LOOKED_THROUGH: usize = 10_000;

/// Show a run: what was read, planned and done
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall show last
  rollcall show last --all | less                   every change, one a line
  rollcall show last --html report.html             the page, to mail or print
  rollcall show last --rejects rejects.csv          what was not done, for a spreadsheet")]
pub struct Show {
    /// The run: its id, an end of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Show every change
    #[arg(long)]
    all: bool,
    /// Write the report page to FILE, made anew from what is stored of the run
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write what was not done to FILE, as CSV
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

impl Show {
    /// Shows, or writes the files that are asked for.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let (home, run) = Home::with_run(setting, Access::Read, &self.run).await?;
        let stored = home.pipeline.stored_plan(&run).await?;
        let (found, read) = home.pipeline.stored_findings(&run.id).await?;
        let empty = plan::ChangeList::default();
        let files: &[Text] = match &stored {
            Some(stored) if read.is_empty() => &stored.plan.summary.files,
            _ => &read,
        };
        let deliver = stored.as_ref().map_or(&empty, |stored| &stored.plan.deliver);
        let mut view = home.subject().view(&run, found, files);
        view.plan = stored.as_ref().map(|stored| PlanView::of(&stored.plan)).transpose()?;
        name(&home, &mut view).await?;
        if run.delivered > 0 {
            view.receipts = Some(receipts(&home, &run, deliver, files).await?);
        }
        view.error = error_of(&run);
        if home.pipeline.stores.objects.head(&page_key(&home, &run.id)).await?.is_some() {
            view.report = Some(page_path(&home, &run.id));
        }
        let mut wrote = Vec::new();
        if let Some(file) = &self.html {
            // It stands alone, so that it leads nowhere; what ran before is in it all the same.
            view.past = pages::up_to(&pages::past(&home, LOOKED_THROUGH).await?, &run);
            view.flags = console.flags().to_owned();
            write(file, html::run(&view).as_bytes())?;
            wrote.push(shown(file));
        }
        if let Some(file) = &self.rejects {
            let lines = receipt_lines(&home, &run, deliver, files).await?;
            write(file, rejects_csv(lines.into_iter()).collect::<String>().as_bytes())?;
            wrote.push(shown(file));
        }
        if console.is_json() {
            let changes = deliver.iter().map(|change| (change, None));
            let held = stored.iter().flat_map(|stored| {
                stored.plan.held.iter().zip(stored.plan.reasons.iter().map(Some))
            });
            // All of them were decoded for the view, where an error would have shown.
            let items = changes.chain(held).filter_map(|(change, held)| {
                change.ok().map(|change| ChangeItem::of(&change, files, held))
            });
            console.stream(|out| Answer::of(&view).write_with(out, items))?;
        } else if wrote.is_empty() {
            self.print(setting, &view, deliver, files)?;
        } else {
            console.print(&format!("Wrote {}.\n", wrote.join(" and ")));
        }
        Ok(Exit::Done)
    }

    fn print(
        &self,
        setting: &Setting,
        view: &RunView,
        deliver: &plan::ChangeList,
        files: &[Text],
    ) -> Result<(), Failure> {
        let console = &setting.console;
        let fold = if self.all { Fold::Long } else { Fold::Short };
        let look = Look { fold, ..console.look() };
        if !self.all {
            console.print(&text::run(view, &look));
            return Ok(());
        }
        console.stream(|out| text::write_changes(out, deliver.iter(), files, &look))?;
        console.print(&text::closing(view, &look));
        Ok(())
    }
}

/// Writes a file that holds names: one that is new is for its owner alone.
fn write(file: &PathBuf, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).and_then(|mut open| open.write_all(bytes)).map_err(|error| {
        let message = format!("cannot write `{}`", file.display());
        Failure::new(Exit::Failed, "output", message).because(&error)
    })
}
