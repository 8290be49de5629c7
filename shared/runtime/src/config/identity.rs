//! How persons are told apart.

use plan::IdentityRules;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentitySection {
    reuse: Option<Reuse>,
    rename: Option<Rename>,
    alike: Option<Alike>,
    rename_days: Option<RenameDays>,
}

/// What happens to a key that comes back as somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reuse {
    Hold,
    Off,
}

/// What happens to one who vanished beside one who is new and much alike.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rename {
    Propose,
    Off,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
struct Alike(u8);

impl TryFrom<i64> for Alike {
    type Error = &'static str;

    fn try_from(alike: i64) -> Result<Self, &'static str> {
        let fits = u8::try_from(alike).ok().filter(|alike| (50..=100).contains(alike));
        fits.map(Self).ok_or("how alike two names must be is a whole number from 50 to 100")
    }
}

/// Ten years at most: what is older is no rename any more.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
struct RenameDays(u16);

impl TryFrom<i64> for RenameDays {
    type Error = &'static str;

    fn try_from(days: i64) -> Result<Self, &'static str> {
        let fits = u16::try_from(days).ok().filter(|days| *days <= 3650);
        fits.map(Self).ok_or("how many days are looked back is a whole number from 0 to 3650")
    }
}

impl IdentitySection {
    pub fn into_rules(self) -> IdentityRules {
        let default = IdentityRules::default();
        IdentityRules {
            reuse: self.reuse.map_or(default.reuse, |reuse| reuse == Reuse::Hold),
            rename: self.rename.map_or(default.rename, |rename| rename == Rename::Propose),
            alike: self.alike.map_or(default.alike, |alike| alike.0),
            rename_days: self.rename_days.map_or(default.rename_days, |days| days.0),
        }
    }
}
