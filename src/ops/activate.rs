//! Installing the secrets of this host.

use crate::host;

pub use crate::host::Consent;
pub use crate::host::Consents;
pub use crate::host::Options;
pub use crate::host::Outcome;
pub use crate::host::Phase;
pub use crate::host::Places;
pub use crate::host::Refused;
pub use crate::host::Request;
pub use crate::host::Scope;
pub use crate::host::UnitDelivery;

/// Activates what the request asks for.
pub fn activate(request: &Request, options: &Options) -> Result<Outcome, Refused> {
    host::activate(request, options)
}
