//! The public halves below `public/`, which Nix and people may read: each is written with the value it belongs to.

use std::path::PathBuf;

use crate::fsx::FsError;
use crate::fsx::Transaction;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;
use crate::store::Layout;
use crate::value::Public;

/// Largest file with a public half that is read.
pub(super) const PUBLIC_MAX: u64 = 1 << 20;

/// The public half that a value has by what the policy says of how it is made.
pub(super) fn of(ws: &Workspace, secret: &SecretName, value: &SecretBytes) -> Option<Public> {
    let generators = ws.policy.attributes(secret).generators;
    generators.iter().find_map(|(generator, _)| generator.public(secret, value))
}

/// Puts the public half in place of the one before. A value without one leaves none behind that is not its own.
pub(super) fn stage(
    ws: &Workspace,
    secret: &SecretName,
    public: Option<&Public>,
    change: &mut Transaction,
) -> Result<(), FsError> {
    for ending in Public::ENDINGS {
        let path = Layout::public(secret, ending);
        match public.filter(|public| public.ending == ending) {
            Some(public) => change.write(path, public.text.as_bytes())?,
            None if ws.layout.root().join(&path).exists() => change.remove(path)?,
            None => {}
        }
    }
    Ok(())
}

/// Gives the public half of a secret the name of another; its text stays.
pub(super) fn stage_move(
    ws: &Workspace,
    from: &SecretName,
    to: &SecretName,
    change: &mut Transaction,
) -> Result<(), FsError> {
    for path in files(ws, from) {
        let bytes = ws.layout.read(&path, PUBLIC_MAX)?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        change.write(Layout::public(to, ending), &bytes)?;
        change.remove(path)?;
    }
    Ok(())
}

/// The files that a secret has below `public/`.
pub(super) fn files(ws: &Workspace, secret: &SecretName) -> Vec<PathBuf> {
    let paths = Public::ENDINGS.into_iter().map(|ending| Layout::public(secret, ending));
    paths.filter(|path| ws.layout.root().join(path).exists()).collect()
}
