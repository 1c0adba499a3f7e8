//! Arguments that name a request.

use std::path::PathBuf;

use crate::ops::source::RequestSource;

/// One of two ways to name a request.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct SourceArgs {
    /// What the configuration of the host asks for
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Take the request of this system: its top level in the Nix store, or a profile that links to it
    #[arg(long, value_name = "TOPLEVEL")]
    system: Option<PathBuf>,
}

impl From<&SourceArgs> for RequestSource {
    fn from(args: &SourceArgs) -> Self {
        // INVARIANT: clap gives exactly one of the two.
        match (&args.request, &args.system) {
            (_, Some(system)) => Self::System(system.clone()),
            (request, None) => Self::File(request.clone().unwrap_or_default()),
        }
    }
}
