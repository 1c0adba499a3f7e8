//! The host program: what runs as root at boot, with the four commands that a host needs.

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;

use jiff::Timestamp;
use secretctl::cli::activate;
use secretctl::cli::arguments;
use secretctl::cli::exit::CommandError;
use secretctl::cli::exit::Exit;
use secretctl::cli::mount;
use secretctl::cli::plan;
use secretctl::cli::ui::Colour;
use secretctl::cli::ui::Ui;
use secretctl::cli::verify;
use secretctl::diag::Masking;
use secretctl::host::Places;

/// Install what a signed manifest grants this host
#[derive(Debug, clap::Parser)]
#[command(name = "secretctl-host", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Activate(activate::ActivateArgs),
    Mount(mount::MountArgs),
    Plan(plan::PlanArgs),
    Verify(verify::VerifyArgs),
}

fn main() -> ExitCode {
    let mut ui = Ui::new(Box::new(io::stdout()), Box::new(Masking(io::stderr())), colour());
    let arguments: Arguments = match arguments::parse(&std::env::args_os().collect::<Vec<_>>(), &mut ui) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(&arguments.command, &places(), now(), &mut ui) {
        Ok(exit) => exit.into(),
        Err(error) => {
            ui.failure(&*error);
            ExitCode::from(error.class().exit_code())
        }
    }
}

fn run(command: &Command, places: &Places, now: Timestamp, ui: &mut Ui) -> Result<Exit, CommandError> {
    match command {
        Command::Activate(args) => activate::run(args, places, now, ui),
        Command::Mount(args) => mount::run(args, places, ui),
        Command::Plan(args) => plan::run(args, places, now, ui),
        Command::Verify(args) => verify::run(args, now, ui),
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock enters here")]
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[expect(clippy::disallowed_methods, reason = "the environment enters here")]
fn places() -> Places {
    Places::of(|name| std::env::var_os(name))
}

#[expect(clippy::disallowed_methods, reason = "the environment enters here")]
fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Colour::Always } else { Colour::Never }
}
