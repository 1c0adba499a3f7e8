//! The request as JSON: field names and defaults, with every value still a text.

use serde::Deserialize;

use crate::host::placement::ServiceManager;
use crate::host::request::Phase;
use crate::host::request::RollbackRule;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(rename = "version")]
    _version: u32,
    pub host: String,
    pub sealed: Option<String>,
    pub trusted_keys: Vec<String>,
    pub identities: Vec<String>,
    #[serde(default = "mount")]
    pub mount: String,
    #[serde(default = "link")]
    pub link: String,
    #[serde(default = "state")]
    pub state: String,
    #[serde(default = "runtime")]
    pub runtime: String,
    #[serde(default = "one")]
    pub keep_generations: u32,
    #[serde(default)]
    pub rollback: RollbackRule,
    #[serde(default)]
    pub danger_allow_swap: bool,
    #[serde(default)]
    pub metrics: Option<String>,
    #[serde(default)]
    pub manager: ServiceManager,
    #[serde(default)]
    pub secrets: Vec<Secret>,
    #[serde(default)]
    pub templates: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    #[serde(rename = "secret")]
    pub name: String,
    #[serde(rename = "as", default)]
    pub delivered_as: Option<String>,
    #[serde(default = "system")]
    pub service: String,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default = "mode")]
    pub mode: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub restart_units: Vec<String>,
    #[serde(default)]
    pub reload_units: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub install_once: bool,
    #[serde(default)]
    pub phase: Phase,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub name: String,
    pub content: String,
    #[serde(default)]
    pub format: crate::host::template::Format,
    #[serde(default = "system")]
    pub service: String,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default = "mode")]
    pub mode: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub restart_units: Vec<String>,
    #[serde(default)]
    pub reload_units: Vec<String>,
}

fn mount() -> String {
    super::MOUNT.to_owned()
}

fn link() -> String {
    super::LINK.to_owned()
}

fn state() -> String {
    super::STATE.to_owned()
}

fn runtime() -> String {
    "/run/secretctl".to_owned()
}

fn one() -> u32 {
    1
}

fn system() -> String {
    crate::name::ServiceName::SYSTEM.to_owned()
}

fn mode() -> String {
    "0400".to_owned()
}
