//! From texts to values: every rule of the request, with all mistakes gathered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

use super::Content;
use super::Mistake;
use super::Need;
use super::Phase;
use super::Placement;
use super::Places;
use super::Renewal;
use super::Request;
use super::Wanted;
use super::wire;
use crate::fsx::Swap;
use crate::host::placement::Account;
use crate::host::placement::FileMode;
use crate::host::placement::ServiceManager;
use crate::host::placement::Target;
use crate::host::placement::UnitName;
use crate::host::template::Template;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Longest path that the kernel takes, its final zero left out.
const PATH_MAX: usize = 4095;

/// Checks every value, or tells every mistake.
pub(super) fn check(document: wire::Document, places: &Places) -> Result<Request, Vec<Mistake>> {
    let (mistakes, own, paths) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut checker = Checker { places, manager: document.manager, mistakes, own, paths };
    let request = checker.request(document);
    match request {
        Some(request) if checker.mistakes.is_empty() => Ok(request),
        _ => Err(checker.mistakes),
    }
}

/// The fields that secrets and templates share.
struct Shared {
    service: String,
    owner: Option<String>,
    group: Option<String>,
    mode: String,
    path: Option<String>,
    restart_units: Vec<String>,
    reload_units: Vec<String>,
}

struct Checker<'a> {
    places: &'a Places,
    manager: ServiceManager,
    mistakes: Vec<Mistake>,
    /// Folders of our own, which no custom path may lie in.
    own: Vec<(&'static str, PathBuf)>,
    /// Custom paths and who asked for them first.
    paths: BTreeMap<PathBuf, Target>,
}

impl Checker<'_> {
    fn request(&mut self, document: wire::Document) -> Option<Request> {
        let host = self.parse::<HostName>("request::host", "host", &document.host);
        let sealed = self.sealed(&document);
        let trusted_keys = self.all("request::trusted_key", "trusted_keys", &document.trusted_keys);
        if document.trusted_keys.is_empty() && document.sealed.is_some() {
            let help = "add the ed25519 public key of an admin to `secretctl.trustedKeys`";
            self.mistake("request::no_trusted_key", "trusted_keys", "nobody may sign the manifest", help);
        }
        let identities = self.identities(&document.identities);
        let folders = self.folders(&document);
        let keep_generations = NonZeroU32::new(document.keep_generations);
        if keep_generations.is_none() {
            let help = "1 keeps the running generation alone";
            let message = "at least the running generation is kept";
            self.mistake("request::keep_generations", "keep_generations", message, help);
        }
        let metrics = document.metrics.as_ref().map(|path| {
            let path = self.expanded("metrics", path)?;
            self.absolute("metrics", &path)
        });
        let files = self.files(document.secrets, document.templates);
        let [mount, link, state, runtime] = folders?;
        Some(Request {
            host: host?,
            sealed,
            trusted_keys,
            identities,
            mount,
            link,
            state,
            runtime,
            keep_generations: keep_generations?,
            rollback: document.rollback,
            swap: if document.danger_allow_swap { Swap::DangerAllowed } else { Swap::Refused },
            metrics: metrics.flatten(),
            manager: document.manager,
            files,
        })
    }

    fn sealed(&mut self, document: &wire::Document) -> Option<PathBuf> {
        let wants = !(document.secrets.is_empty() && document.templates.is_empty());
        if document.sealed.is_none() && wants {
            let help = "name the sealed tree of this host, which `secretctl seal` makes";
            let message = "there is no sealed tree to take the files from";
            self.mistake("request::no_sealed_tree", "sealed", message, help);
        }
        document.sealed.as_ref().and_then(|path| self.absolute("sealed", path))
    }

    fn identities(&mut self, paths: &[String]) -> Vec<PathBuf> {
        let mut kept = Vec::new();
        for (index, text) in paths.iter().enumerate() {
            let place = format!("identities[{index}]");
            let Some(text) = self.expanded(&place, text) else { continue };
            let Some(path) = self.absolute(&place, &text) else { continue };
            if without_dots(&path).starts_with("/nix/store") {
                let message = format!("`{text}` lies in the Nix store, which every local user can read");
                let help =
                    "keep the private key outside the store and name it by a string, not by a Nix path";
                self.mistake("request::identity_in_store", &place, message, help);
            }
            kept.push(path);
        }
        kept
    }

    /// Mount, link, state and runtime: none of them may lie in another.
    fn folders(&mut self, document: &wire::Document) -> Option<[PathBuf; 4]> {
        let fields = [
            ("mount", &document.mount),
            ("link", &document.link),
            ("state", &document.state),
            ("runtime", &document.runtime),
        ];
        let mut found: Vec<(&'static str, PathBuf)> = Vec::new();
        for (field, text) in fields {
            let Some(text) = self.expanded(field, text) else { continue };
            let Some(path) = self.path(field, &text) else { continue };
            let within =
                |(_, other): &&(&'static str, PathBuf)| path.starts_with(other) || other.starts_with(&path);
            if let Some((other, _)) = found.iter().find(within) {
                let message = format!("`{text}` lies in the `{other}` folder or around it");
                let help = "give `mount`, `link`, `state` and `runtime` places of their own";
                self.mistake("request::folders", field, message, help);
            }
            found.push((field, path));
        }
        self.own.clone_from(&found);
        let paths: Vec<PathBuf> = found.into_iter().map(|(_, path)| path).collect();
        paths.try_into().ok()
    }

    fn files(
        &mut self,
        secrets: Vec<wire::Secret>,
        templates: Vec<wire::Template>,
    ) -> BTreeMap<Target, Wanted> {
        let mut files = BTreeMap::new();
        for (index, secret) in secrets.into_iter().enumerate() {
            let place = format!("secrets[{index}] (`{}`)", secret.name);
            let found = self.secret(&place, secret);
            self.add(&mut files, &place, found);
        }
        for (index, template) in templates.into_iter().enumerate() {
            let place = format!("templates[{index}] (`{}`)", template.name);
            let found = self.template(&place, template);
            self.add(&mut files, &place, found);
        }
        self.prefixes(&files);
        files
    }

    fn add(&mut self, files: &mut BTreeMap<Target, Wanted>, place: &str, found: Option<(Target, Wanted)>) {
        let Some((target, wanted)) = found else { return };
        if let Some(path) = &wanted.placement.path
            && let Some(other) = self.paths.insert(path.clone(), target.clone())
        {
            let message = format!("path `{}` is asked for by `{other}` and by `{target}`", path.display());
            self.mistake("request::path_twice", place, message, "give each entry a path of its own");
        }
        if files.contains_key(&target) {
            let message = format!("`{target}` is asked for twice");
            self.mistake("request::as_twice", place, message, "give one of the entries another `as`");
        }
        files.insert(target, wanted);
    }

    /// A name that is a folder of another name cannot be a file as well.
    fn prefixes(&mut self, files: &BTreeMap<Target, Wanted>) {
        for target in files.keys() {
            let folders =
                target.as_str().match_indices('/').filter_map(|(end, _)| target.as_str().get(..end));
            let names = folders.filter_map(|folder| Target::try_from(folder.to_owned()).ok());
            for folder in names.filter(|folder| files.contains_key(folder)) {
                let message = format!("it would be a file, and a folder for `{target}`");
                let help = "give one of the two another `as`";
                self.mistake("request::as_is_folder", &format!("`{folder}`"), message, help);
            }
        }
    }

    fn secret(&mut self, place: &str, secret: wire::Secret) -> Option<(Target, Wanted)> {
        let code = "request::name";
        let name = self.parse::<SecretName>(code, &format!("{place}.secret"), &secret.name);
        let text = secret.delivered_as.as_ref().unwrap_or(&secret.name);
        let delivered_as = match &secret.delivered_as {
            Some(text) => self.parse::<SecretName>(code, &format!("{place}.as"), text),
            None => name.clone(),
        };
        let target = delivered_as.as_ref().and_then(Target::of_secret);
        if delivered_as.is_some() && target.is_none() {
            let message = format!("`{text}` lies in `rendered`, the folder of templates");
            self.mistake("request::reserved", place, message, "choose another `as`");
        }
        let need = if secret.optional { Need::Optional } else { Need::Required };
        let renewal = if secret.install_once { Renewal::Never } else { Renewal::Always };
        let phase = secret.phase;
        let shared = Shared {
            service: secret.service,
            owner: secret.owner,
            group: secret.group,
            mode: secret.mode,
            path: secret.path,
            restart_units: secret.restart_units,
            reload_units: secret.reload_units,
        };
        let (service, placement) = self.shared(place, phase, &shared);
        let content = Content::Secret(name?);
        Some((target?, Wanted { content, service: service?, need, renewal, phase, placement: placement? }))
    }

    fn template(&mut self, place: &str, template: wire::Template) -> Option<(Target, Wanted)> {
        let name = self.parse::<SecretName>("request::name", &format!("{place}.name"), &template.name);
        let parsed = Template::parse(&template.content, template.format);
        if let Err(error) = &parsed {
            let help = "write `<secret:NAME>`, `<secret:NAME|FILTER>` or `<secret-if:NAME>…<secret-else>…<secret-end>`";
            self.mistake("request::template", &format!("{place}.content"), error, help);
        }
        let shared = Shared {
            service: template.service,
            owner: template.owner,
            group: template.group,
            mode: template.mode,
            path: template.path,
            restart_units: template.restart_units,
            reload_units: template.reload_units,
        };
        let (service, placement) = self.shared(place, Phase::Main, &shared);
        let content = Content::Template(parsed.ok()?);
        let (need, renewal, phase) = (Need::Required, Renewal::Always, Phase::Main);
        let target = Target::of_template(&name?);
        Some((target, Wanted { content, service: service?, need, renewal, phase, placement: placement? }))
    }

    fn shared(
        &mut self,
        place: &str,
        phase: Phase,
        shared: &Shared,
    ) -> (Option<ServiceName>, Option<Placement>) {
        let at = |field: &str| format!("{place}.{field}");
        let service = self.parse("request::service", &at("service"), &shared.service);
        let owner = self.account("request::owner", &at("owner"), shared.owner.as_deref());
        let group = self.account("request::group", &at("group"), shared.group.as_deref());
        let mode = self.parse::<FileMode>("request::mode", &at("mode"), &shared.mode);
        let path = shared.path.as_ref().map(|text| self.custom_path(&at("path"), text));
        let restart_units = self.units(&at("restart_units"), &shared.restart_units);
        let reload_units = self.units(&at("reload_units"), &shared.reload_units);
        let root = |account: &Option<Account>| {
            account.as_ref().is_none_or(|account| account.is_root() || *account == Account::Runner)
        };
        if phase == Phase::Users && !(root(&owner) && root(&group)) {
            let message = "only root can own what is installed before users are created";
            let help = "leave out owner and group, or use phase `main`";
            self.mistake("request::users_phase_owner", place, message, help);
        }
        let placement = || {
            let path = path.flatten();
            Some(Placement { owner: owner?, group: group?, mode: mode?, path, restart_units, reload_units })
        };
        (service, placement())
    }

    fn custom_path(&mut self, place: &str, text: &str) -> Option<PathBuf> {
        let text = self.expanded(place, text)?;
        let path = self.path(place, &text)?;
        let own = self.own.iter().find(|(_, own)| path.starts_with(own) || own.starts_with(&path));
        if let Some((field, _)) = own {
            let message = format!("`{text}` lies in the `{field}` folder or around it");
            let help = "choose a path elsewhere, or leave it out: the file is at LINK/AS anyway";
            self.mistake("request::path_inside", place, message, help);
        }
        Some(path)
    }

    /// Left out, it is whoever runs the program.
    fn account(&mut self, code: &'static str, place: &str, text: Option<&str>) -> Option<Account> {
        text.map_or(Some(Account::Runner), |text| self.parse(code, place, text))
    }

    fn units(&mut self, place: &str, texts: &[String]) -> BTreeSet<UnitName> {
        let manager = self.manager;
        let parse = |text: &String| self.parsed("request::unit", place, text, UnitName::parse(text, manager));
        texts.iter().filter_map(parse).collect()
    }

    /// A path with the folder of the user that it starts with.
    fn expanded<'t>(&mut self, place: &str, text: &'t str) -> Option<Cow<'t, str>> {
        let expanded = self.places.expand(text);
        expanded.inspect_err(|reason| {
            let message = format!("`{}` stands for no path: {reason}", text.escape_debug());
            let help = "run it in a session of the user, such as by `systemctl --user`, or write an absolute path";
            self.mistake("request::specifier", place, message, help);
        }).ok()
    }

    /// A path that is only read, or that only root chooses.
    fn absolute(&mut self, place: &str, text: &str) -> Option<PathBuf> {
        let path = PathBuf::from(text);
        if path.is_absolute() && text.len() <= PATH_MAX && !text.chars().any(char::is_control) {
            return Some(path);
        }
        let message = format!("`{}` is not an absolute path", text.escape_debug());
        self.mistake("request::path", place, message, "write an absolute path");
        None
    }

    /// An absolute path without `.`, `..` or control characters.
    fn path(&mut self, place: &str, text: &str) -> Option<PathBuf> {
        let path = Path::new(text);
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        // `components` drops `.` and `//`, so the text itself is looked at too.
        let written_plainly = !text.split('/').any(|part| part == ".");
        let message = if !path.is_absolute() {
            "is not absolute"
        } else if !path.components().all(plain) || !written_plainly {
            "contains `.` or `..`"
        } else if path.file_name().is_none() {
            "is the root folder"
        } else if text.len() > PATH_MAX || text.chars().any(char::is_control) {
            "is too long or contains control characters"
        } else {
            return Some(path.components().collect());
        };
        let message = format!("`{}` {message}", text.escape_debug());
        self.mistake("request::path", place, message, "write a plain absolute path");
        None
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, code: &'static str, place: &str, text: &str) -> Option<T> {
        self.parsed(code, place, text, text.parse())
    }

    fn parsed<T>(
        &mut self,
        code: &'static str,
        place: &str,
        text: &str,
        parsed: Result<T, impl Display>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                let shown: String = text.escape_debug().take(300).collect();
                let reason = error.to_string();
                // Errors of names show the name themselves.
                let message =
                    if reason.starts_with('`') { reason } else { format!("`{shown}` will not do: {reason}") };
                self.mistake(code, place, message, "correct the option and build again");
                None
            }
        }
    }

    fn all<T: FromStr<Err: Display> + Ord>(
        &mut self,
        code: &'static str,
        place: &str,
        texts: &[String],
    ) -> BTreeSet<T> {
        texts.iter().filter_map(|text| self.parse(code, place, text)).collect()
    }

    fn mistake(&mut self, code: &'static str, place: &str, message: impl Display, help: &'static str) {
        self.mistakes.push(Mistake { code, place: place.to_owned(), message: message.to_string(), help });
    }
}

/// The path with `.` and `..` worked off in its text.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
