//! Self-contained pages: no script, no font, nothing is loaded. Light and dark, readable on a phone
//! and on paper, and of bounded size for a plan of any.

mod changes;
mod charts;
mod head;
mod index;
mod page;
mod trouble;

use crate::RunView;
use page::Page;

pub use index::index;

/// The page of a run: what it came to, what needs somebody, what changed, how it went.
pub fn run(view: &RunView) -> String {
    let mut page = Page::new(&format!("{} / {}", view.tenant, view.integration));
    head::head(&mut page, view);
    trouble::held(&mut page, view);
    if let Some(receipts) = &view.receipts {
        trouble::receipts(&mut page, receipts, view.beside.rejects);
    }
    trouble::findings(&mut page, view);
    if let Some(plan) = &view.plan {
        changes::changes(&mut page, plan);
    }
    charts::time(&mut page, view);
    charts::history(&mut page, &view.past, view.run.as_deref(), "../");
    head::foot(&mut page, view);
    page.finish()
}
