//! `activate`: install the secrets of this host.

use jiff::Timestamp;

use super::exit::CommandError;
use super::exit::Exit;
use super::plan;
use super::source::SourceArgs;
use super::ui::Format;
use super::ui::Ui;
use crate::ops::activate;
use crate::ops::activate::Consent;
use crate::ops::activate::Consents;
use crate::ops::activate::Options;
use crate::ops::activate::Outcome;
use crate::ops::activate::Phase;
use crate::ops::activate::Places;
use crate::ops::activate::Scope;
use crate::ops::activate::UnitDelivery;
use crate::ops::source::RequestSource;

/// Install the secrets of this host and tell units about changes
#[derive(Debug, clap::Args)]
pub struct ActivateArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Install only what is needed before users exist, or everything
    #[arg(long, value_enum, default_value_t)]
    phase: PhaseArg,
    /// Print what would be done and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Restart and reload changed units through systemctl, without waiting for them
    #[arg(long, value_enum, value_name = "SCOPE", num_args = 0..=1, require_equals = true, default_missing_value = "system")]
    systemctl: Option<ScopeArg>,
    /// Restart changed services of launchd, and send SIGHUP to those that reload
    #[arg(long, value_enum, value_name = "SCOPE", num_args = 0..=1, require_equals = true, default_missing_value = "system", conflicts_with = "systemctl")]
    launchctl: Option<ScopeArg>,
    /// Accept trusted keys that no key trusted before stands behind
    #[arg(long)]
    accept_new_trust: bool,
    /// Accept a manifest older than one accepted before, and forget the newer one
    #[arg(long)]
    accept_rollback: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// When entries are installed, as an argument.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum PhaseArg {
    /// Before users are created.
    Users,
    /// Everything.
    #[default]
    Main,
}

impl From<PhaseArg> for Phase {
    fn from(phase: PhaseArg) -> Self {
        match phase {
            PhaseArg::Users => Self::Users,
            PhaseArg::Main => Self::Main,
        }
    }
}

/// Whose services are told, as an argument.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum ScopeArg {
    /// Those of the machine.
    System,
    /// Those of the user who runs this.
    User,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::System => Self::System,
            ScopeArg::User => Self::User,
        }
    }
}

impl ActivateArgs {
    fn units(&self) -> UnitDelivery {
        match (self.systemctl, self.launchctl) {
            (Some(scope), _) => UnitDelivery::Systemctl(scope.into()),
            (None, Some(scope)) => UnitDelivery::Launchctl(scope.into()),
            (None, None) => UnitDelivery::Report,
        }
    }
}

/// Runs `activate`.
pub fn run(args: &ActivateArgs, places: &Places, now: Timestamp, ui: &mut Ui) -> Result<Exit, CommandError> {
    if args.dry_run {
        return plan::show(&args.source, places, args.phase, args.format, now, ui);
    }
    let consent = |given| if given { Consent::Given } else { Consent::None };
    let options = Options {
        phase: args.phase.into(),
        units: args.units(),
        consents: Consents {
            new_trust: consent(args.accept_new_trust),
            rollback: consent(args.accept_rollback),
        },
        now,
    };
    let request = RequestSource::from(&args.source).read(places)?;
    match activate::activate(&request, &options) {
        Ok(outcome) => {
            show(&outcome, args.format, ui)?;
            Ok(outcome.class.into())
        }
        Err(refused) => {
            if args.format == Format::Json {
                ui.json(&refused.status)?;
            }
            Err(refused.error.into())
        }
    }
}

fn show(outcome: &Outcome, format: Format, ui: &mut Ui) -> Result<(), CommandError> {
    for line in outcome.lines() {
        ui.say(&line);
    }
    for finding in outcome.findings() {
        ui.finding(&finding);
    }
    ui.say(&outcome.summary());
    match format {
        Format::Json => Ok(ui.json(outcome)?),
        Format::Text => Ok(()),
    }
}
