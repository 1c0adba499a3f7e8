//! SOPS files in the hands of the `sops` program, and its files in ours.

mod access;
mod edits;
mod selectors;
mod values;
mod yaml;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Arc;

use jiff::Timestamp;
use secretctl::crypto::Identities;
use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::crypto::Recipient;
use secretctl::secret::SecretBytes;
use secretctl::sops::Document;
use secretctl::sops::Format;
use secretctl::sops::Gpg;
use secretctl::sops::KeyPath;
use secretctl::sops::Keyring;
use secretctl::sops::Opened;
use secretctl::sops::Settings;
use secretctl::sops::SopsError;
use secretctl::sops::Step;
use tempfile::TempDir;

use crate::common::PATH;
use crate::common::on_disk;
use crate::common::tool;

/// The formats that these tests go through.
const FORMATS: [Format; 5] = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];

/// A key pair that was made for one test.
pub(crate) struct Pair {
    pub(crate) identity: String,
    pub(crate) recipient: Recipient,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let made = Command::new(tool("age-keygen")).output().unwrap();
        let text = String::from_utf8(made.stdout).unwrap();
        let identity = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        Self { identity: identity.to_owned(), recipient: recipient.parse().unwrap() }
    }

    pub(crate) fn identities(&self) -> Identities {
        let text = SecretBytes::from(self.identity.clone().into_bytes());
        Identities::parse(&text, Path::new("test"), &prompt()).unwrap()
    }
}

pub(crate) fn prompt() -> Arc<dyn Prompt> {
    Arc::new(NoPrompt)
}

pub(crate) fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// The file name that both sides take for the format.
pub(crate) fn name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "file.yaml",
        Format::Json => "file.json",
        Format::Dotenv => "file.env",
        Format::Ini => "file.ini",
        Format::Binary => "file.bin",
    }
}

/// A path out of `a/b/0`.
pub(crate) fn key(path: &str) -> KeyPath {
    KeyPath::new(
        path.split('/').map(|step| step.parse().map_or_else(|_| Step::Key(step.to_owned()), Step::Item)),
    )
}

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::from(text.as_bytes().to_vec())
}

pub(crate) fn text(bytes: &SecretBytes) -> String {
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

/// A folder with a key pair and the `sops` program.
pub(crate) struct Bench {
    dir: TempDir,
    pub(crate) pair: Pair,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: on_disk(), pair: Pair::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// `sops`, knowing nothing but the identity of this bench.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let program = std::env::var_os("SOPS").map_or_else(|| tool("sops"), PathBuf::from);
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", PATH).env("HOME", self.dir.path());
        command.env("SOPS_AGE_KEY", &self.pair.identity).env("SOPS_DISABLE_VERSION_CHECK", "1");
        command.env("GNUPGHOME", self.path("gnupg"));
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs `sops`, which must succeed; its output.
    pub(crate) fn sops<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
        let ran = self.command(arguments).output().unwrap();
        assert!(ran.status.success(), "{}", complaint(&ran));
        ran.stdout
    }

    /// What `sops` decrypts a file to.
    pub(crate) fn decrypted(&self, name: &str) -> Vec<u8> {
        self.sops(["decrypt", name])
    }

    /// A plaintext encrypted by `sops`, with further options.
    pub(crate) fn by_sops(&self, format: Format, plaintext: &[u8], options: &[&str]) -> Vec<u8> {
        let name = name(format);
        self.write(name, plaintext);
        let mut arguments = vec!["encrypt", "--in-place", "--age", self.pair.recipient.as_str()];
        arguments.extend(options);
        arguments.push(name);
        self.sops(arguments);
        self.read(name)
    }

    /// A plaintext encrypted by `sops` as a rule of its configuration says.
    pub(crate) fn by_rule(&self, format: Format, plaintext: &[u8], rule: &[(&str, &str)]) -> Vec<u8> {
        let fields: String = rule.iter().map(|(field, text)| format!("    {field}: '{text}'\n")).collect();
        let fields = fields.replace("'true'", "true");
        let rules = format!("creation_rules:\n  - age: {}\n{fields}", self.pair.recipient);
        self.write(".sops.yaml", rules.as_bytes());
        self.write(name(format), plaintext);
        self.sops(["encrypt", "--in-place", name(format)]);
        self.read(name(format))
    }

    /// A plaintext encrypted by us and written beside `sops`.
    pub(crate) fn by_us(&self, format: Format, plaintext: &[u8], settings: &Settings) -> Opened {
        let mut settings = settings.clone();
        if settings.groups.is_empty() {
            settings.recipients.insert(self.pair.recipient.clone());
        }
        let plaintext = SecretBytes::from(plaintext.to_vec());
        let path = Path::new(name(format));
        let opened = Document::encrypt(&plaintext, format, &settings, now(), &prompt(), path).unwrap();
        self.write(name(format), opened.document().bytes());
        opened
    }

    /// Opens bytes with the identity of this bench.
    pub(crate) fn try_open(&self, format: Format, bytes: &[u8]) -> Result<Opened, SopsError> {
        let identities = self.pair.identities();
        let keyring = Keyring { identities: &identities, gpg: Gpg::Never };
        Document::parse(bytes, format, Path::new(name(format)))?.open(&keyring)
    }

    pub(crate) fn open(&self, format: Format, bytes: &[u8]) -> Opened {
        self.try_open(format, bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Lets `sops` edit a file with a `sed` script as its editor.
    pub(crate) fn edit(&self, name: &str, script: &str) {
        let editor =
            self.write("editor", format!("#!/bin/sh\nexec sed -i -e '{script}' \"$1\"\n").as_bytes());
        std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = self.command(["edit", name]);
        let ran = command.env("EDITOR", &editor).output().unwrap();
        assert!(ran.status.success(), "{}", complaint(&ran));
    }
}

pub(crate) fn complaint(ran: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
}

/// The ciphertext of every secret.
pub(crate) fn ciphertexts(document: &Document) -> Vec<(KeyPath, String)> {
    let keys = document.keys().iter();
    keys.map(|key| (key.clone(), document.ciphertext(key).unwrap().to_owned())).collect()
}

/// Lines of one text that the other lacks, both ways, without indentation.
pub(crate) fn differing(left: &[u8], right: &[u8]) -> BTreeSet<String> {
    let lines = |bytes: &[u8]| -> BTreeSet<String> {
        String::from_utf8_lossy(bytes).lines().map(|line| line.trim().to_owned()).collect()
    };
    let (left, right) = (lines(left), lines(right));
    left.symmetric_difference(&right).cloned().collect()
}

/// A plaintext in every format, whose secrets are at [`keys_of`].
pub(crate) fn sample(format: Format) -> &'static [u8] {
    match format {
        Format::Yaml => {
            b"# about all\ntext: hunter2\nempty: \"\"\nnothing: null\nyes: true\nno: false\nwhole: 42\nfloat: -0.125\n# about the map\nmap:\n    # inside\n    deep_unencrypted: public\n    list:\n        - one\n        - 2\n        - three: \"3\"\n    none: {}\n    no_items: []\nlines: |\n    one\n    two\n"
        }
        Format::Json => {
            br#"{
	"text": "hunter2 \"quoted\" \u00e9\n",
	"empty": "",
	"nothing": null,
	"yes": true,
	"no": false,
	"whole": 42,
	"float": -0.125,
	"large": 1e+21,
	"map": {
		"deep_unencrypted": "public",
		"list": [
			"one",
			2,
			{
				"three": "3"
			}
		],
		"none": {},
		"no_items": []
	}
}
"#
        }
        Format::Dotenv => {
            b"# a comment\nTEXT=hunter2 = \"quoted\" \xc3\xa9\nEMPTY=\n\nLINES=one\\ntwo\n#another\nNAME_unencrypted=public\nSPACE= x \n"
        }
        Format::Ini => {
            b"loose = outside\n\n; about the section\n[section]\ntext = hunter2 \xc3\xa9\nempty =\n# about the name\nname_unencrypted = public\n\n[other]\ntext = x\n"
        }
        Format::Binary => b"\x00\xff any bytes\r\n",
    }
}

/// Secrets of the sample and their values.
pub(crate) fn keys_of(format: Format) -> &'static [(&'static str, &'static [u8])] {
    match format {
        Format::Yaml => &[
            ("text", b"hunter2"),
            ("empty", b""),
            ("yes", b"true"),
            ("no", b"false"),
            ("whole", b"42"),
            ("float", b"-0.125"),
            ("map/list/0", b"one"),
            ("map/list/1", b"2"),
            ("map/list/2/three", b"3"),
            ("lines", b"one\ntwo\n"),
        ],
        Format::Json => &[
            ("text", b"hunter2 \"quoted\" \xc3\xa9\n"),
            ("empty", b""),
            ("yes", b"true"),
            ("no", b"false"),
            ("whole", b"42"),
            ("float", b"-0.125"),
            ("large", b"1000000000000000000000"),
            ("map/list/0", b"one"),
            ("map/list/1", b"2"),
            ("map/list/2/three", b"3"),
        ],
        Format::Dotenv => &[
            ("TEXT", b"hunter2 = \"quoted\" \xc3\xa9"),
            ("EMPTY", b""),
            ("LINES", b"one\ntwo"),
            ("SPACE", b" x "),
        ],
        Format::Ini => &[
            ("DEFAULT/loose", b"outside"),
            ("section/text", b"hunter2 \xc3\xa9"),
            ("section/empty", b""),
            ("other/text", b"x"),
        ],
        Format::Binary => &[("data", b"\x00\xff any bytes\r\n")],
    }
}

/// Two plaintexts that mean the same in their format.
pub(crate) fn same_plaintext(format: Format, left: &[u8], right: &[u8]) -> bool {
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).replace([' ', ';', '#', '"', '`'], "");
        text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
    };
    match format {
        Format::Json => same_json(&json(left), &json(right)),
        Format::Yaml | Format::Dotenv | Format::Ini => lines(left) == lines(right),
        Format::Binary => left == right,
    }
}

/// Numbers by value: both sides spell large ones their own way.
fn same_json(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same_json(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_json(left, right))
        }
        _ => left == right,
    }
}
