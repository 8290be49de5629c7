//! One self-contained page: no script, no font, no address is loaded. Light and dark, readable on
//! a phone and on paper, and of bounded size for a plan of any.

mod page;
mod sections;

use crate::RunView;
use page::Page;

/// The page of a run.
pub fn run(view: &RunView) -> String {
    let mut page = Page::new(&format!("{} / {}", view.tenant, view.integration));
    sections::head(&mut page, view);
    sections::findings(&mut page, view);
    if let Some(receipts) = &view.receipts {
        sections::receipts(&mut page, receipts);
    }
    if let Some(plan) = &view.plan {
        sections::plan(&mut page, plan, view.run.as_deref());
    }
    page.finish()
}
