//! `properties`: what an export says about itself.

use super::{Here, Ims, names};
use crate::ReadError;
use crate::xml::tree::Tree;

impl Ims<'_> {
    pub(super) fn read_properties(&mut self, here: Here<'_>) -> Result<(), ReadError> {
        let mut targets = Vec::new();
        for child in here.tree.children(Tree::ROOT) {
            let name = here.tree.name(child);
            let Some(value) = self.value(here, child) else { continue };
            match name {
                names::DATASOURCE => self.properties.datasource = Some(value),
                names::DATETIME => self.properties.datetime = Some(value),
                names::TYPE => self.properties.kind = Some(value),
                names::TARGET if targets.len() < self.options.limits.attributes => {
                    targets.push(value);
                }
                _ => {}
            }
        }
        if let Some(wanted) = &self.options.target {
            if !targets.contains(wanted) {
                return Err(ReadError::OtherTarget { wanted: wanted.to_string() });
            }
            self.target_met = true;
        }
        self.properties.targets = targets;
        Ok(())
    }
}
