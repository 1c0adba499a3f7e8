//! Values against what the policy asks of them, before they are kept and, with an identity, afterwards.

use rayon::prelude::*;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::put::Existing;
use crate::ops::workspace::Workspace;
use crate::policy::Required;
use crate::policy::Requirement;
use crate::secret::SecretBytes;
use crate::store::StoreError;

/// What a value is not, with the place in the policy that asks for it, one line each.
pub(super) fn complaints(ws: &Workspace, secret: &SecretName, value: &SecretBytes) -> Vec<String> {
    complaints_beside(ws, secret, value, &|_| None)
}

/// The same, where other values are about to change: comparisons are made with the new ones.
fn complaints_beside<'v>(
    ws: &Workspace,
    secret: &SecretName,
    value: &SecretBytes,
    known: &dyn Fn(&SecretName) -> Option<&'v SecretBytes>,
) -> Vec<String> {
    let required = ws.policy.attributes(secret).requirements;
    if value.is_empty() && is_optional(&required) {
        return Vec::new();
    }
    required.iter().filter_map(|required| complaint(ws, required, value, known)).collect()
}

fn complaint<'v>(
    ws: &Workspace,
    required: &Required,
    value: &SecretBytes,
    known: &dyn Fn(&SecretName) -> Option<&'v SecretBytes>,
) -> Option<String> {
    let Requirement::Value(check) = &required.requirement else { return None };
    // A comparison needs the other value, which not everybody can open.
    let new = check.other().and_then(known);
    let old = if new.is_some() { None } else { check.other().and_then(|other| open(ws, other).ok()) };
    let complaint = check.test(value, new.or(old.as_ref()), ws.settings.now).err()?;
    Some(format!("{complaint} ({})", required.place))
}

fn open(ws: &Workspace, secret: &SecretName) -> Result<SecretBytes, OpsError> {
    let source = ws.layout.read_source(secret, &ws.authors())?;
    Ok(source.open(ws.identities()?)?)
}

fn is_optional(required: &[Required]) -> bool {
    required.iter().any(|required| matches!(required.requirement, Requirement::Optional))
}

/// Whether the policy says that a secret may be empty.
pub(super) fn may_be_empty(ws: &Workspace, secret: &SecretName) -> bool {
    is_optional(&ws.policy.attributes(secret).requirements)
}

/// Refuses a value that is not what the policy asks for.
pub(super) fn refuse_unfit(ws: &Workspace, secret: &SecretName, value: &SecretBytes) -> Result<(), OpsError> {
    refuse_unfit_beside(ws, secret, value, &|_| None)
}

/// The same, where other values are about to change too.
pub(super) fn refuse_unfit_beside<'v>(
    ws: &Workspace,
    secret: &SecretName,
    value: &SecretBytes,
    known: &dyn Fn(&SecretName) -> Option<&'v SecretBytes>,
) -> Result<(), OpsError> {
    let complaints = complaints_beside(ws, secret, value, known);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(OpsError::Unfit { secret: secret.clone(), complaints: complaints.join("; ") })
}

/// Refuses a second value of a secret whose first one hosts keep.
pub(super) fn refuse_second(
    ws: &Workspace,
    secret: &SecretName,
    existing: &Existing,
) -> Result<(), OpsError> {
    if existing.ledger().current().is_none() {
        return Ok(());
    }
    let required = ws.policy.attributes(secret).requirements;
    let once = required.iter().find(|required| matches!(required.requirement, Requirement::InstallOnce));
    once.map_or(Ok(()), |once| {
        Err(OpsError::InstalledOnce { secret: secret.clone(), place: once.place.to_string() })
    })
}

/// Opens every secret of which the policy asks something, and notes what is not as it asks.
///
/// Secrets that no identity at hand opens are noted as such.
pub(super) fn check(ws: &Workspace, secrets: &[&SecretName]) -> Result<Vec<Finding>, OpsError> {
    let asked = |secret: &&&SecretName| {
        let required = ws.policy.attributes(secret).requirements;
        required.iter().any(|required| matches!(required.requirement, Requirement::Value(_)))
    };
    let asked: Vec<&SecretName> = secrets.iter().filter(asked).copied().collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    ws.identities()?;
    let found: Vec<Vec<Finding>> =
        asked.par_iter().map(|secret| check_one(ws, secret)).collect::<Result<_, OpsError>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn check_one(ws: &Workspace, secret: &SecretName) -> Result<Vec<Finding>, OpsError> {
    let value = match open(ws, secret) {
        Ok(value) => value,
        Err(OpsError::Store(StoreError::Decrypt { .. })) => {
            let message = format!("no identity at hand opens `{secret}`, so its value was not checked");
            let finding = Finding::new(Severity::Note, Class::Finding, "value::closed", message);
            let finding = finding.about([secret]);
            return Ok(vec![finding.help("let one of its editors run `secretctl check --values`")]);
        }
        // What is wrong with its source or ledger has a finding already.
        Err(OpsError::Store(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let finding = |complaint: String| {
        let message = format!("the value of `{secret}` is not as the policy asks: {complaint}");
        let finding = Finding::new(Severity::Error, Class::Finding, "value::unfit", message);
        let finding = finding.about([secret.as_str(), &complaint]);
        finding.help(format!("give it another with `secretctl edit {secret}`, or change the policy"))
    };
    Ok(complaints(ws, secret, &value).into_iter().map(finding).collect())
}
