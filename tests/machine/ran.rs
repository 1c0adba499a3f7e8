//! What a machine left behind when it ended.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

/// One installed file: its attributes as the machine names them, and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct File {
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) mode: String,
    pub(crate) inode: String,
    pub(crate) value: String,
}

/// The output folder of a machine that was switched off.
pub(crate) struct Ran {
    files: BTreeMap<String, String>,
}

impl Ran {
    /// Fails loudly, with everything the script said, unless the script ended well.
    pub(crate) fn read(out: &Path, ended: &Output) -> Self {
        let entries = out.read_dir().unwrap().map(|entry| entry.unwrap());
        let read = |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let file = |entry: DirEntry| (entry.file_name().into_string().unwrap(), read(entry.path()));
        let ran = Self { files: entries.map(file).collect() };
        let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "the machine ended with {}:\n{}\n{said}", ended.status, ran.log());
        ran
    }

    fn log(&self) -> String {
        self.files.get("log").cloned().unwrap_or_default()
    }

    /// A file that the script wrote.
    pub(crate) fn text(&self, name: &str) -> String {
        let found = self.files.get(name).cloned();
        found.unwrap_or_else(|| panic!("the script wrote no `{name}`:\n{}", self.log()))
    }

    /// Lines of a file that the script wrote.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        self.text(name).lines().map(str::to_owned).collect()
    }

    /// The last status of the host program.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.text("status.json")).unwrap()
    }

    /// What became of a file in the last run.
    pub(crate) fn outcome(&self, target: &str) -> String {
        let status = self.status();
        let files = status["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["as"] == target);
        let file = file.unwrap_or_else(|| panic!("`{target}` is not in {status:#}\n{}", self.log()));
        file["outcome"].as_str().unwrap().to_owned()
    }

    /// `ActiveState`, `Result` and `ExecMainStatus` of one of our units.
    pub(crate) fn state(&self, unit: &str) -> (String, String, String) {
        let shown = self.text(&format!("{unit}.state"));
        let of = |name: &str| {
            let found = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.unwrap().to_owned()
        };
        (of("ActiveState"), of("Result"), of("ExecMainStatus"))
    }

    /// Everything below `/run/secrets` at the end.
    pub(crate) fn files(&self) -> BTreeMap<String, File> {
        let file = |line: String| {
            let [name, owner, group, mode, inode, value] =
                line.splitn(6, '\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
            (name, File { owner, group, mode, inode, value })
        };
        self.lines("values").into_iter().map(file).collect()
    }

    /// Its values alone.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        self.files().into_iter().map(|(name, file)| (name, file.value)).collect()
    }

    /// Entries of the journal with fields of ours.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let entries = self.lines("journal");
        entries.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks what holds after every failure: nothing is empty, and unit, status and journal tell the same.
    pub(crate) fn failed(&self, class: &str, code: i32) -> &Self {
        assert_eq!(self.text("empty"), "", "{}", self.log());
        let (active, result, status) = self.state("secretctl");
        let told = (active.as_str(), result.as_str(), status);
        assert_eq!(told, ("failed", "exit-code", code.to_string()), "{}", self.log());
        let status = self.status();
        assert_eq!((&status["class"], &status["exit_code"]), (&class.into(), &code.into()), "{status:#}");
        let journal = self.journal();
        let last = journal.iter().rfind(|entry| entry["SECRETCTL_EXIT_CODE"] != Value::Null);
        let last = last.unwrap_or_else(|| panic!("the journal has no end of a run:\n{}", self.log()));
        // Not `_SYSTEMD_UNIT`, which journald leaves out where the process has ended before it looks.
        assert_eq!((&last["PRIORITY"], &last["_UID"]), (&"3".into(), &"0".into()));
        assert_eq!(last["SECRETCTL_EXIT_CODE"], code.to_string());
        assert_eq!(
            (&last["SECRETCTL_CLASS"], &last["SECRETCTL_CODE"]),
            (&class.into(), &status["failure"]["code"])
        );
        self
    }

    /// Checks that the unit is fine.
    pub(crate) fn clean(&self) -> &Self {
        assert_eq!(self.text("empty"), "", "{}", self.log());
        let (active, _, status) = self.state("secretctl");
        assert_eq!((active.as_str(), status.as_str()), ("active", "0"), "{}", self.log());
        assert_eq!(self.status()["exit_code"], 0);
        self
    }

    /// Checks what was said about the failure of one file, or of the run, in the status and by `journalctl -u secretctl`.
    pub(crate) fn says(&self, code: &str) -> &Self {
        let status = self.status();
        assert!(status.to_string().contains(&format!("\"code\":\"{code}\"")), "{status:#}");
        assert!(
            self.text("said").contains(&format!("error[{code}]: ")),
            "the unit is silent:\n{}",
            self.text("said")
        );
        self
    }
}
