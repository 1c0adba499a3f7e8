//! Asks Nix itself what the hosts of a repository declare: without network or builds, and nothing read beside the repository.

mod lookup;
mod nix;
mod program;
mod tree;

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

pub use nix::NIX_VARIABLES;
pub use nix::Nix;

use super::found::Found;
use crate::diag::Severity;
use nix::Runner;
use tree::Tree;

/// Who evaluates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Evaluation {
    /// This program.
    Nix(Nix),
    /// Nobody: the files alone are read.
    FilesAlone,
}

/// What picks from a configuration what readers ask for.
const PICK: &str = include_str!("eval/pick.nix");

/// What stands for a flake, or for a `default.nix` that gives configurations.
const NO_FLAKE: &str = r"let
    given = import DIR;
    set = if builtins.isFunction given then given { } else given;
    system = value: (builtins.tryEval (builtins.isAttrs value && value ? config)).value;
  in if set ? nixosConfigurations then set else {
    nixosConfigurations = builtins.listToAttrs (builtins.filter (entry: system entry.value)
      (map (name: { inherit name; value = set.${name}; }) (builtins.attrNames set)));
  }";

/// One configuration of a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Configuration {
    pub(super) output: String,
    pub(super) name: String,
}

/// A repository that Nix can evaluate.
pub(super) struct Evaluator<'a> {
    runner: Runner<'a>,
    /// An expression that stands for its outputs.
    outputs: String,
    /// Where its paths begin, if that is not where it lies.
    pub(super) copy: Option<PathBuf>,
    /// Whether a lock file names other flakes.
    has_inputs: bool,
}

impl<'a> Evaluator<'a> {
    /// An evaluator, where there is a program and something to evaluate; or why there is none.
    pub(super) fn of(root: &Path, evaluation: &'a Evaluation) -> Option<Result<Self, String>> {
        let Evaluation::Nix(nix) = evaluation else { return None };
        if root.join("flake.nix").is_file() {
            Some(Self::of_flake(root, nix))
        } else if root.join("default.nix").is_file() {
            Some(Self::of_expression(root, nix))
        } else {
            None
        }
    }

    /// The files that Git knows are copied to the store, as Nix always does: what evaluates needs to see nothing else.
    fn of_flake(root: &Path, nix: &'a Nix) -> Result<Self, String> {
        let tree = Tree::of(root);
        let copy = tree.copied(&Runner::copying(nix)?)?;
        Ok(Self {
            runner: Runner::of_flake(nix, &copy.path)?,
            outputs: format!("builtins.getFlake {}", quoted(&copy.flake)),
            copy: Some(copy.path.join(&copy.inner)),
            has_inputs: root.join("flake.lock").is_file(),
        })
    }

    fn of_expression(root: &Path, nix: &'a Nix) -> Result<Self, String> {
        let folder = quoted(&root.display().to_string());
        Ok(Self {
            runner: Runner::of_expression(nix, root)?,
            outputs: NO_FLAKE.replace("DIR", &format!("(/. + {folder})")),
            copy: None,
            has_inputs: false,
        })
    }

    /// The configurations.
    pub(super) fn configurations(&self) -> Result<Vec<Configuration>, String> {
        let found = self.eval(
            "map (output: { inherit output; names = builtins.attrNames (outputs.${output} or { }); })
               [ \"nixosConfigurations\" \"darwinConfigurations\" \"homeConfigurations\" ]",
        )?;
        let of_output = |entry: &Value| {
            let output = entry["output"].as_str().unwrap_or_default().to_owned();
            let names = entry["names"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> =
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            names.into_iter().map(move |name| Configuration { output: output.clone(), name })
        };
        Ok(found.as_array().into_iter().flatten().flat_map(of_output).collect())
    }

    /// What the flake says besides its configurations.
    pub(super) fn outputs(&self) -> Result<Value, String> {
        self.eval("{ vaultix = pick [ \"identity\" \"extraRecipients\" \"defaultSecretDirectory\" ] (outputs.vaultix or { }); }")
    }

    /// What one configuration declares.
    pub(super) fn facts(&self, one: &Configuration) -> Result<Value, String> {
        self.eval(&format!("facts outputs.{}.{}.config", one.output, quoted(&one.name)))
    }

    /// The texts of the units of one configuration.
    pub(super) fn units(&self, one: &Configuration) -> Result<Value, String> {
        self.eval(&format!("units outputs.{}.{}.config", one.output, quoted(&one.name)))
    }

    /// Says what stood between the repository and whoever imports it, where that was less than it could be.
    pub(super) fn tell_walls(&self, found: &mut Found) {
        if let Some(message) = self.runner.weakness() {
            found.problem(Severity::Note, "import::sandbox", message);
        }
    }

    fn eval(&self, expression: &str) -> Result<Value, String> {
        let whole =
            format!("let outputs = {};\n  inherit ({PICK}) pick facts units;\nin {expression}", self.outputs);
        let hint = |reason: String| {
            let fetches = ["download", "fetch"].iter().any(|word| reason.contains(word));
            if !(self.has_inputs && fetches) {
                return reason;
            }
            format!(
                "{reason}; an import fetches nothing, so if an input of its flake is not in the Nix store, run `nix flake archive` in the repository first"
            )
        };
        self.runner.eval(&whole).map_err(hint)
    }
}

/// A text as Nix writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}
