//! Where `<nixpkgs>` and its like lie: all that a repository without a flake may read beside itself.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

/// Where channels lie, if no variable says so.
const CHANNELS: [&str; 3] = [
    "nixpkgs=/nix/var/nix/profiles/per-user/root/channels/nixpkgs",
    "/nix/var/nix/profiles/per-user/root/channels",
    "/nix/var/nix/profiles/channels",
];
/// The configuration of the machine at hand is none of a repository's business.
const NOT_ASKED: &str = "nixos-config";
/// What an entry begins with that is no path.
const SCHEMES: [&str; 7] = ["channel", "file", "flake", "git", "http", "https", "s3"];

/// One place, as `-I` takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    prefix: String,
    path: PathBuf,
}

impl Entry {
    /// A folder by a name.
    pub(super) fn of(name: &str, path: &Path) -> Self {
        Self { prefix: format!("{name}="), path: path.to_owned() }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// As `-I` takes it.
    pub(super) fn word(&self) -> String {
        format!("{}{}", self.prefix, self.path.display())
    }

    fn parse(word: &str, flake: &dyn Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let (name, place) = word.split_once('=').unwrap_or(("", word));
        if name == NOT_ASKED {
            return None;
        }
        let prefix = if name.is_empty() { String::new() } else { format!("{name}=") };
        if place.starts_with("flake:") {
            return Some(Self { prefix, path: flake(place)? });
        }
        // A link would have to be allowed beside what it leads to.
        let path = Path::new(place).canonicalize().ok().filter(|_| place.starts_with('/'))?;
        Some(Self { prefix, path })
    }
}

/// What `NIX_PATH` says, or the channels where it says nothing; `flake` knows where those of the registry lie. What is not
/// there is left out, and so are what has to be fetched and what the whole home is a part of.
pub(super) fn entries(
    variable: Option<&OsStr>,
    home: Option<&Path>,
    flake: &dyn Fn(&str) -> Option<PathBuf>,
) -> Vec<Entry> {
    let words = match variable {
        Some(text) => words(&text.to_string_lossy()),
        None => {
            let own = home.map(|home| home.join(".nix-defexpr/channels").display().to_string());
            own.into_iter().chain(CHANNELS.map(str::to_owned)).collect()
        }
    };
    let holds_home = |entry: &Entry| home.is_some_and(|home| home.starts_with(&entry.path));
    words.iter().filter_map(|word| Entry::parse(word, flake)).filter(|entry| !holds_home(entry)).collect()
}

/// The entries of `NIX_PATH`: a colon after the name of a scheme does not end one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in text.split(':') {
        let open = |word: &String| {
            SCHEMES.contains(&word.rsplit_once('=').map_or(word.as_str(), |(_, place)| place))
        };
        match words.last_mut().filter(|word| open(word)) {
            Some(word) => *word = format!("{word}:{part}"),
            None => words.push(part.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let flake = |name: &str| (name == "flake:nixpkgs").then(|| PathBuf::from("/nix/store/x-source"));
        entries(Some(OsStr::new(text)), Some(Path::new("/home/alice")), &flake)
            .iter()
            .map(Entry::word)
            .collect()
    }

    #[test]
    fn what_is_there_is_looked_up_and_nothing_else() {
        assert_eq!(told("nixpkgs=/usr:/nowhere/at/all:relative:/etc"), ["nixpkgs=/usr", "/etc"]);
        assert_eq!(told("nixpkgs=flake:nixpkgs:/usr"), ["nixpkgs=/nix/store/x-source", "/usr"]);
        assert_eq!(told("nixpkgs=flake:other:nixos-config=/etc/hostname"), [""; 0]);
        assert_eq!(told("nixpkgs=https://example.org/x.tar.gz:/usr"), ["/usr"]);
        assert_eq!(told("nixpkgs=channel:nixos-unstable:a=file:///usr:b=/usr"), ["b=/usr"]);
        assert_eq!(told("everything=/"), [""; 0]);
        assert_eq!(told(""), [""; 0]);
    }

    #[test]
    fn a_link_is_told_as_where_it_leads() {
        let folder = tempfile::tempdir();
        let folder = folder.as_ref().map_or(Path::new("/nowhere"), tempfile::TempDir::path);
        let link = folder.join("channels");
        assert!(std::os::unix::fs::symlink("/usr", &link).is_ok());
        assert_eq!(told(&format!("nixpkgs={}", link.display())), ["nixpkgs=/usr"]);
    }
}
