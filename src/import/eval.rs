//! Asks Nix itself what the hosts of a repository declare: offline, without builds, nothing written but its own cache.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::crypto::KEY_VARIABLE;

/// Who evaluates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Evaluation {
    /// This program.
    Nix(PathBuf),
    /// Nobody: the files alone are read.
    FilesAlone,
}

/// What picks from a configuration what readers ask for. A value that fails is null; the others stay.
const PICK: &str = r#"
  plain = value: let type = builtins.typeOf value; in
    if type == "path" then toString value
    else if type == "string" then builtins.unsafeDiscardStringContext value
    else if type == "list" then map plain value
    else if type == "set" then (if value ? outPath then plain (toString value) else builtins.mapAttrs (_: plain) value)
    else if type == "lambda" then null
    else value;
  safe = value: let
      tried = builtins.tryEval (let flat = plain value; in builtins.deepSeq flat flat);
    in if tried.success then tried.value else null;
  some = names: set: builtins.listToAttrs (map (name: { inherit name; value = set.${name}; })
    (builtins.filter (name: set ? ${name}) names));
  pick = names: set: builtins.mapAttrs (_: safe) (some names set);
  each = names: set: builtins.mapAttrs (_: pick names) set;
  place = [ "name" "path" "mode" "owner" "group" "uid" "gid" "restartUnits" "reloadUnits" ];
  sops = set: {
    secrets = each (place ++ [ "key" "sopsFile" "format" "neededForUsers" ]) (set.secrets or { });
    templates = each (place ++ [ "content" ]) (set.templates or { });
    placeholder = safe (set.placeholder or { });
  };
  age = set: {
    secrets = builtins.mapAttrs (_: secret:
      pick (place ++ [ "symlink" "rekeyFile" "generator" "intermediary" ]
        ++ (if (secret.rekeyFile or null) == null then [ "file" ] else [ ])) secret) (set.secrets or { });
    rekey = pick [ "hostPubkey" "masterIdentities" "extraEncryptionPubkeys" "storageMode" "localStorageDir" ] (set.rekey or { });
  };
  secrix = set: {
    inherit (pick [ "hostPubKey" "defaultEncryptKeys" ] set) hostPubKey defaultEncryptKeys;
    system = each [ "name" "encrypted" "encryptKeys" "decrypted" ] (set.system.secrets or { });
    services = builtins.mapAttrs (_: service: {
      systemdService = safe service.systemdService;
      secrets = each [ "name" "encrypted" "encryptKeys" "decrypted" ] (service.secrets or { });
    }) (set.services or { });
  };
  vaultix = set: {
    secrets = each (place ++ [ "file" ]) (set.secrets or { });
    templates = each (place ++ [ "content" ]) (set.templates or { });
    beforeUserborn = safe (set.beforeUserborn or [ ]);
    placeholder = safe (set.placeholder or { });
    settings = pick [ "hostPubkey" "decryptedDir" ] (set.settings or { });
  };
  modules = config:
    (if config ? sops then { sops = sops config.sops; } else { })
    // (if config ? age then { age = age config.age; } else { })
    // (if config ? secrix then { secrix = secrix config.secrix; } else { })
    // (if config ? vaultix then { vaultix = vaultix config.vaultix; } else { });
  facts = config: modules config // {
    hostName = safe (config.networking.hostName or null);
    system = safe (config.nixpkgs.hostPlatform.system or config.nixpkgs.system or null);
    homes = builtins.mapAttrs (_: modules) (config.home-manager.users or { });
  };
  units = config: builtins.mapAttrs (_: unit: {
    config = pick [ "LoadCredential" "LoadCredentialEncrypted" "EnvironmentFile" "ExecStart" "ExecStartPre" "BindReadOnlyPaths" ]
      (unit.serviceConfig or { });
    rest = pick [ "environment" "script" "preStart" ] unit;
  }) (config.systemd.services or { });
"#;

/// A proxy that nobody offers.
const NOWHERE: &str = "http://127.0.0.1:1";

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
    program: &'a Path,
    /// An expression that stands for its outputs.
    outputs: String,
}

impl<'a> Evaluator<'a> {
    /// An evaluator, where there is a program and something to evaluate.
    pub(super) fn of(root: &Path, evaluation: &'a Evaluation) -> Option<Self> {
        let Evaluation::Nix(program) = evaluation else { return None };
        let folder = quoted(&root.display().to_string());
        let outputs = if root.join("flake.nix").is_file() {
            format!("builtins.getFlake {folder}")
        } else if root.join("default.nix").is_file() {
            NO_FLAKE.replace("DIR", &format!("(/. + {folder})"))
        } else {
            return None;
        };
        Some(Self { program, outputs })
    }

    /// The configurations, and the folder that their paths begin with.
    pub(super) fn configurations(&self) -> Result<(Vec<Configuration>, Option<String>), String> {
        let found = self.eval(
            "{ names = map (output: { inherit output; names = builtins.attrNames (outputs.${output} or { }); })
                 [ \"nixosConfigurations\" \"darwinConfigurations\" \"homeConfigurations\" ];
               root = if outputs ? outPath then toString outputs.outPath else null; }",
        )?;
        let of_output = |entry: &Value| {
            let output = entry["output"].as_str().unwrap_or_default().to_owned();
            let names = entry["names"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> =
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            names.into_iter().map(move |name| Configuration { output: output.clone(), name })
        };
        let names = found.get("names").and_then(Value::as_array).cloned().unwrap_or_default();
        let root = found.get("root").and_then(Value::as_str).map(str::to_owned);
        Ok((names.iter().flat_map(of_output).collect(), root))
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

    fn eval(&self, expression: &str) -> Result<Value, String> {
        let whole = format!("let outputs = {};\n{PICK}in {expression}", self.outputs);
        let mut command = Command::new(self.program);
        command
            .args(["--extra-experimental-features", "nix-command flakes", "eval", "--impure", "--json"])
            .args(["--option", "allow-import-from-derivation", "false", "--option", "substituters", ""])
            .args(["--option", "connect-timeout", "1", "--option", "download-attempts", "1"])
            .args(["--offline", "--read-only", "--expr", &whole])
            .stdin(Stdio::null());
        // `--offline` is about substitutes. What a repository fetches would carry out what it reads of this machine.
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, NOWHERE);
        }
        command.env("GIT_ALLOW_PROTOCOL", "file").env_remove("no_proxy").env_remove("NO_PROXY");
        command.env_remove(KEY_VARIABLE);
        let ran = command.output().map_err(|error| format!("`{}`: {error}", self.program.display()))?;
        if !ran.status.success() {
            return Err(first_error(&String::from_utf8_lossy(&ran.stderr)));
        }
        serde_json::from_slice(&ran.stdout).map_err(|error| format!("what Nix printed is no JSON: {error}"))
    }
}

/// A text as Nix writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

/// The last line that says what is wrong; Nix puts the trace before it.
fn first_error(said: &str) -> String {
    let mut lines = said.lines().rev().map(str::trim).filter(|line| line.contains("error:"));
    let line = lines.next().unwrap_or_else(|| said.lines().last().unwrap_or("it said nothing"));
    line.trim_start_matches("error:").trim().chars().take(300).collect()
}
