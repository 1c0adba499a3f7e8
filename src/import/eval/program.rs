//! What a program needs to run beside itself, where it is a script: the programs and libraries that it names by whole paths.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

/// Largest script that is looked into; what is larger is no wrapper.
const SCRIPT_MAX: u64 = 64 << 10;
/// How many scripts may start each other.
const DEPTH: usize = 4;
/// What ends a path in a script, unless a file is called so.
const ENDS: [char; 12] = [' ', '\t', ':', '=', ';', ',', '&', '|', '(', ')', '<', '>'];

/// The program, and what it names: folders with programs, libraries or a Nix store, and single programs.
pub(super) fn parts(program: &Path) -> BTreeSet<PathBuf> {
    let mut parts = BTreeSet::from([program.to_owned()]);
    let mut open = vec![program.to_owned()];
    for _ in 0..DEPTH {
        let found = open.iter().filter_map(|path| script(path)).flat_map(|text| named(&text));
        let found: BTreeSet<PathBuf> = found.filter(|path| is_part(path)).collect();
        open = found.difference(&parts).cloned().collect();
        parts.extend(found);
    }
    parts
}

/// Whether a folder holds a store of Nix, with the state that belongs to it.
pub(super) fn is_store(folder: &Path) -> bool {
    folder.join("nix/store").is_dir()
}

/// The text of a script.
fn script(path: &Path) -> Option<String> {
    let file = path.is_file().then(|| File::open(path).ok()).flatten()?;
    let mut bytes = Vec::new();
    file.take(SCRIPT_MAX).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(b"#!").then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// What is there of the whole paths in a script, each as long as it can be.
fn named(script: &str) -> BTreeSet<PathBuf> {
    let begins = |before: char| before != ')' && ENDS.contains(&before);
    let mut paths = BTreeSet::new();
    for line in script.lines() {
        for part in line.split(['\'', '"', '`']) {
            let starts = part.match_indices('/').map(|(at, _)| part.split_at(at));
            let starts = starts.filter(|(before, _)| before.chars().last().is_none_or(begins));
            paths.extend(starts.filter_map(|(_, rest)| longest(rest)));
        }
    }
    paths
}

fn longest(rest: &str) -> Option<PathBuf> {
    let ends = rest.char_indices().filter(|(_, c)| ENDS.contains(c)).map(|(at, _)| at);
    let mut ends: Vec<usize> = ends.chain([rest.len()]).collect();
    ends.reverse();
    ends.into_iter().filter_map(|end| rest.get(..end)).map(PathBuf::from).find(|path| path.exists())
}

/// Settings, caches and whatever else a script names are no part of what it runs.
fn is_part(path: &Path) -> bool {
    if !path.is_dir() {
        return is_program(path);
    }
    let is_library =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
    let entries = path.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    is_store(path) || entries.filter(|path| path.is_file()).any(|path| is_library(&path) || is_program(&path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs a script that lays out files in a folder of its own, and gives that.
    fn laid_out(script: &str) -> Option<tempfile::TempDir> {
        let folder = tempfile::Builder::new().prefix("with a space ").tempdir().ok()?;
        let ran = Command::new("sh").args(["-euc", script]).current_dir(folder.path()).status();
        ran.is_ok_and(|status| status.success()).then_some(folder)
    }

    #[test]
    fn a_script_needs_the_programs_libraries_and_stores_that_it_names_and_no_other_file() {
        let folder = laid_out(
            "mkdir -p lib conf cache/nix root/nix/store keys; touch lib/libx.so.1 lib/y conf/nix.conf cache/nix/x.sqlite keys/id
             printf '#!/bin/sh\\nexec \"%s/second\" --store \"$@\"\\n' \"$PWD\" >first
             printf \"#!/bin/sh\\nexport A='$PWD/conf' B=$PWD/cache; exec '$PWD/ld' --path '$PWD/none:$PWD/lib' '$PWD/nix' --keys='$PWD/keys/id' --store '$PWD/root'\\n\" >second
             touch ld nix; chmod +x first second ld nix",
        );
        let folder = folder.as_ref().map_or(Path::new("/nowhere"), tempfile::TempDir::path);
        let names: Vec<String> = parts(&folder.join("first"))
            .iter()
            .filter_map(|path| Some(path.strip_prefix(folder).ok()?.display().to_string()))
            .collect();
        assert_eq!(names, ["first", "ld", "lib", "nix", "root", "second"]);
    }

    #[test]
    fn what_is_no_script_names_nothing() {
        let program = Path::new("/usr/bin/env");
        assert_eq!(parts(program), BTreeSet::from([program.to_owned()]));
    }
}
