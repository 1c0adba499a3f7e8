//! `bench-fleet DIR SIGNING_KEY RECIPIENT HOST_RECIPIENTS SECRETS LINES` writes a fleet into the folder DIR: one host for each line of the
//! file `HOST_RECIPIENTS`, so many secrets, and so many ledger lines for each. Nothing is sealed yet; `secretctl seal` does that.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use secretctl::crypto::Digest;
use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::crypto::Recipient;
use secretctl::crypto::Signer;
use secretctl::crypto::SignerSource;
use secretctl::ledger::Author;
use secretctl::ledger::Entry;
use secretctl::ledger::Event;
use secretctl::ledger::VerifiedLedger;
use secretctl::name::HostName;
use secretctl::name::SecretName;
use secretctl::secret::SecretBytes;
use secretctl::store::Layout;
use secretctl::store::Source;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Secrets of one service, which is what a rule covers.
const PER_SERVICE: usize = 100;
/// Hosts that read a service's secrets.
const READERS: usize = 2;
/// When the first values were made, and how long each stayed.
const BEGIN: &str = "2025-01-01T00:00:00Z";
const STAYED: SignedDuration = SignedDuration::from_hours(24 * 30);

struct Task {
    folder: PathBuf,
    signer: Signer,
    recipient: Recipient,
    hosts: Vec<(HostName, String)>,
    secrets: usize,
    lines: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, key, recipient, hosts, secrets, lines] = arguments.as_slice() else {
        return Err("usage: bench-fleet DIR SIGNING_KEY RECIPIENT HOST_RECIPIENTS SECRETS LINES".into());
    };
    let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
    let source = SignerSource { file: Some(key.into()), ..SignerSource::default() };
    let named = |(number, key): (usize, &str)| Ok((format!("host-{number:03}").parse()?, key.to_owned()));
    let task = Task {
        folder: folder.into(),
        signer: Signer::find(&source, &|_| true, &prompt)?,
        recipient: recipient.parse()?,
        hosts: fs::read_to_string(hosts)?.lines().enumerate().map(named).collect::<Result<_>>()?,
        secrets: secrets.parse()?,
        lines: lines.parse()?,
    };
    fs::create_dir_all(task.folder.join("policies"))?;
    fs::write(task.folder.join("secretctl.toml"), task.settings())?;
    fs::write(task.folder.join("policies/bench.rhai"), task.policy())?;
    (0..task.secrets).try_for_each(|number| task.secret(number, &prompt))
}

impl Task {
    fn settings(&self) -> String {
        let mut text = format!(
            "version = 1\n\n[admins.bench]\nrecipients = [\"{}\"]\nsigning-keys = [\"{}\"]\n",
            self.recipient,
            self.signer.key()
        );
        for (name, key) in &self.hosts {
            let _ = write!(text, "\n[hosts.{name}]\nrecipients = [\"{key}\"]\n");
        }
        text
    }

    fn readers(&self, service: usize) -> BTreeSet<HostName> {
        let at = |offset: usize| (service * READERS + offset) % self.hosts.len();
        (0..READERS).map(|offset| self.hosts[at(offset)].0.clone()).collect()
    }

    fn policy(&self) -> String {
        let mut text = String::from("rotate(\"**\").every(\"60d\").owner(\"bench\");\n");
        for service in 0..self.secrets.div_ceil(PER_SERVICE) {
            let hosts: Vec<String> = self.readers(service).iter().map(|host| format!("\"{host}\"")).collect();
            let _ = writeln!(text, "allow(\"service-{service}/**\").hosts([{}]);", hosts.join(", "));
        }
        text
    }

    fn secret(&self, number: usize, prompt: &Arc<dyn Prompt>) -> Result<()> {
        let service = number / PER_SERVICE;
        let name: SecretName = format!("service-{service}/secret-{number}").parse()?;
        let recipients: BTreeSet<Recipient> = [self.recipient.clone()].into();
        let value = SecretBytes::from(format!("{number} is a value of an ordinary length").into_bytes());
        let ciphertext = Source::encrypt(&name, &value, &recipients, prompt)?;
        let (admin, hosts) = ("bench".parse()?, self.readers(service));
        let mut ledger = VerifiedLedger::default();
        let mut now: Timestamp = BEGIN.parse()?;
        for line in 0..self.lines {
            let entry = Entry {
                event: if line == 0 { Event::Created } else { Event::Edited },
                key: None,
                source_sha256: Some(Digest::of(&ciphertext)),
                recipients: recipients.clone(),
                hosts: hosts.clone(),
                above: 0,
                value: None,
            };
            ledger.append(&name, entry, Author { name: &admin, signer: &self.signer, now, fleet: None })?;
            now = now.checked_add(STAYED)?;
        }
        self.write(&Layout::source(&name), &ciphertext)?;
        self.write(&Layout::ledger(&name), ledger.bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().ok_or("a path has a folder")?)?;
        Ok(fs::write(path, bytes)?)
    }
}
