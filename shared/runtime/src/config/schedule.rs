//! When an integration delivers.

use ambient::{Quiet, Window, zone};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleSection {
    #[serde(default)]
    quiet: Vec<Hours>,
    time_zone: Option<Zone>,
}

/// `"mon-fri 08:00-16:00"`
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Hours(Window);

impl TryFrom<String> for Hours {
    type Error = ambient::NotAWindow;

    fn try_from(text: String) -> Result<Self, ambient::NotAWindow> {
        text.parse().map(Self)
    }
}

/// `"Europe/Amsterdam"`, `"+01:00"` or a POSIX rule.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Zone(String);

impl TryFrom<String> for Zone {
    type Error = ambient::NotAZone;

    fn try_from(text: String) -> Result<Self, ambient::NotAZone> {
        zone(&text).map(|_| Self(text))
    }
}

impl ScheduleSection {
    pub fn into_quiet(self) -> Quiet {
        let windows = self.quiet.into_iter().map(|hours| hours.0).collect();
        let zone = self.time_zone.and_then(|name| zone(&name.0).ok());
        Quiet { windows, zone: zone.unwrap_or(Quiet::default().zone) }
    }
}
