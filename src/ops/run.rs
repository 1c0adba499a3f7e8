//! Puts together what a command gets: values as variables, and as files in memory that go when it ends.

mod error;
mod guard;
mod variable;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

pub use error::RunError;
pub use guard::Stage;
pub use guard::guard;
pub use variable::VariableName;

use guard::start;

use crate::fsx::PrivateDir;
use crate::fsx::PrivateDirError;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::show::show;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;

/// Longest `NAME=value` that Linux takes, its final NUL included.
const VARIABLE_MAX: usize = 128 << 10;

/// What a command is to get.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Variables with the secrets that they hold.
    pub variables: Vec<(VariableName, SecretName)>,
    /// Every secret below these, as a variable with the rest of its name.
    pub prefixes: Vec<SecretName>,
    /// Variables with the secrets to whose files they lead.
    pub files: Vec<(VariableName, SecretName)>,
}

/// What a command gets. Files stay until the process that asked has ended, whatever it has become.
#[derive(Debug, Default)]
pub struct Outfit {
    /// Values for the environment: text without NUL.
    pub variables: BTreeMap<VariableName, SecretBytes>,
    /// Paths for the environment.
    pub files: BTreeMap<VariableName, PathBuf>,
    folder: Option<PrivateDir>,
}

/// Where a variable gets its value.
enum Origin {
    Value(SecretName),
    File(SecretName),
}

/// Opens every secret that is wished for. If one is missing or cannot be handed over there is nothing at all.
pub fn outfit(ws: &Workspace, wishes: &Wishes) -> Result<Outfit, OpsError> {
    let mut opened = Vec::new();
    for (variable, origin) in plan(ws, wishes)? {
        let value = match &origin {
            Origin::Value(secret) => text(show(ws, secret)?, &variable, secret)?,
            Origin::File(secret) => show(ws, secret)?,
        };
        opened.push((variable, origin, value));
    }
    let mut outfit = Outfit::default();
    for (variable, origin, value) in opened {
        match origin {
            Origin::Value(_) => drop(outfit.variables.insert(variable, value)),
            Origin::File(secret) => {
                let path = outfit.folder(ws)?.write(&file_name(&variable, &secret), &value)?;
                outfit.files.insert(variable, path);
            }
        }
    }
    Ok(outfit)
}

impl Outfit {
    /// The folder of files, watched from its first moment: there is no time at which an end would leave plaintext.
    fn folder(&mut self, ws: &Workspace) -> Result<&PrivateDir, OpsError> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => {
                let folder = PrivateDir::create(&ws.settings.memory_places).map_err(no_memory)?;
                start(&folder).map_err(|source| RunError::Guard { source })?;
                folder
            }
        };
        Ok(self.folder.insert(folder))
    }
}

fn no_memory(error: PrivateDirError) -> OpsError {
    match error {
        PrivateDirError::NoMemory { looked } => RunError::NoMemory { looked }.into(),
        other => other.into(),
    }
}

/// Which variable gets what, before anything is opened.
fn plan(ws: &Workspace, wishes: &Wishes) -> Result<BTreeMap<VariableName, Origin>, OpsError> {
    let mut plan = BTreeMap::new();
    for (variable, secret) in &wishes.variables {
        add(&mut plan, variable.clone(), Origin::Value(secret.clone()))?;
    }
    for (variable, secret) in &wishes.files {
        add(&mut plan, variable.clone(), Origin::File(secret.clone()))?;
    }
    for prefix in &wishes.prefixes {
        let below = below(ws, prefix)?;
        if below.is_empty() {
            return Err(RunError::NothingBelow { prefix: prefix.clone() }.into());
        }
        for (variable, secret) in below {
            add(&mut plan, variable, Origin::Value(secret))?;
        }
    }
    Ok(plan)
}

fn add(
    plan: &mut BTreeMap<VariableName, Origin>,
    variable: VariableName,
    origin: Origin,
) -> Result<(), RunError> {
    let secret = |origin: &Origin| match origin {
        Origin::Value(secret) | Origin::File(secret) => secret.clone(),
    };
    match plan.get(&variable) {
        Some(Origin::Value(first)) if matches!(&origin, Origin::Value(second) if first == second) => Ok(()),
        Some(first) => {
            let (first, second) = (secret(first), secret(&origin));
            Err(RunError::Clash { variable, first, second })
        }
        None => {
            plan.insert(variable, origin);
            Ok(())
        }
    }
}

/// Every secret below a prefix, with the variable that the rest of its name makes.
fn below(ws: &Workspace, prefix: &SecretName) -> Result<Vec<(VariableName, SecretName)>, OpsError> {
    let start = format!("{prefix}/");
    let sources = ws.layout.sources()?;
    let mut found = Vec::new();
    for secret in sources {
        let Some(rest) = secret.as_str().strip_prefix(&start) else { continue };
        let variable = VariableName::of_rest(rest)
            .ok_or_else(|| RunError::NoVariable { secret: secret.clone(), rest: rest.to_owned() })?;
        if variable.is_trusted() {
            return Err(RunError::Trusted { variable, secret }.into());
        }
        found.push((variable, secret));
    }
    Ok(found)
}

/// The value as the environment can hold it.
fn text(value: SecretBytes, variable: &VariableName, secret: &SecretName) -> Result<SecretBytes, RunError> {
    let refused = |reason: &'static str| RunError::NotText {
        secret: secret.clone(),
        variable: variable.clone(),
        reason,
    };
    if value.expose().contains(&0) {
        return Err(refused("it has a NUL byte"));
    }
    if std::str::from_utf8(value.expose()).is_err() {
        return Err(refused("it is not UTF-8"));
    }
    // The name, the equals sign and the final NUL count too.
    if value.len() + variable.as_str().len() + 2 > VARIABLE_MAX {
        return Err(refused("it is longer than 128 KiB"));
    }
    Ok(value)
}

/// A name for the file that keeps the ending of the secret, by which some programs tell what it holds.
fn file_name(variable: &VariableName, secret: &SecretName) -> String {
    let last = secret.segments().last().unwrap_or_default();
    match Path::new(last).extension().and_then(|ending| ending.to_str()) {
        Some(ending) => format!("{variable}.{ending}"),
        None => variable.to_string(),
    }
}
