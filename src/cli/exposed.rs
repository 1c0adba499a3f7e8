//! Telling who knows values that are in use, after somebody has left.

use super::exit::CommandError;
use super::table::count;
use super::ui::Ui;
use crate::ops::Settings;
use crate::ops::Workspace;
use crate::ops::audit::Exposure;
use crate::ops::audit::Knower;
use crate::ops::audit::exposures;

/// Most names that are told; the rest is counted.
const NAMES_MAX: usize = 12;

/// Says which values in use `who` knows. They stay findings of `audit` until they are replaced.
pub(super) fn tell(settings: Settings, who: &Knower, ui: &mut Ui) -> Result<(), CommandError> {
    let ws = Workspace::open(settings)?;
    let known: Vec<Exposure> =
        exposures(&ws)?.into_iter().filter(|exposure| exposure.known_by == *who).collect();
    if known.is_empty() {
        ui.say(&format!("{who} knows no value that is in use"));
        return Ok(());
    }
    let mut names: Vec<String> =
        known.iter().take(NAMES_MAX).map(|exposure| exposure.secret.to_string()).collect();
    if known.len() > NAMES_MAX {
        names.push(format!("{} more", known.len() - NAMES_MAX));
    }
    let values = count(known.len(), "value that is in use", "values that are in use");
    ui.say(&format!("note: {who} knows {values}: {}", names.join(", ")));
    ui.say("`secretctl rotate --exposed` replaces them; `secretctl audit` fails until that is done");
    Ok(())
}
