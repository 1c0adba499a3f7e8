//! Preparing what an activation in a sandbox cannot make itself: the mount, and the folders that it writes to.

use super::activate::ActivateError;
use super::activate::locked;
use super::generation::Store;
use super::request::Request;
use super::state;
use crate::fsx::Backing;

/// Makes the folders of a request where they are missing, and mounts memory for its generations.
///
/// A mount that is made within the mount namespace of a service ends with the service, so this is to run outside
/// of it. It reads no sealed tree and no identity, and what is there already stays as it is.
pub fn mount(request: &Request) -> Result<Backing, ActivateError> {
    let _lock = locked(request)?;
    state::create_folder(&request.state)?;
    Ok(Store::mount(request)?)
}
