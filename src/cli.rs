//! One file per subcommand: arguments in, one call of `ops`, the answer rendered.

pub mod exit;
pub mod ui;
