//! Policy files: which run, which are for import, and how one is compiled and run.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::AST;
use rhai::Dynamic;
use rhai::Engine;
use rhai::EvalAltResult;
use rhai::ParseError;
use rhai::Scope;

use super::budget;
use super::engine::FLEET;
use super::engine::POLICY_UNITS;
use super::engine::Sandbox;
use super::error;
use super::error::Code;
use super::error::Fault;
use super::error::PolicyError;
use super::error::Sources;

/// Longest policy file in bytes.
const FILE_MAX: usize = 1024 * 1024;

/// One policy file, as its path inside the fleet and its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyFile {
    /// Path relative to the fleet, such as `policies/access.rhai`.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

/// The texts by path with `/`, files larger than a policy file may be refused.
pub(super) fn sources(files: &[PolicyFile]) -> Result<Sources, PolicyError> {
    let mut sources = Sources::new();
    for file in files {
        let path = file
            .path
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        if file.text.len() > FILE_MAX {
            let fault = Fault::new(Code::Limit, format!("`{path}` is larger than {FILE_MAX} bytes"));
            return Err(fault.help("split it").at(&sources, &path, rhai::Position::NONE));
        }
        sources.insert(path, Arc::from(file.text.as_str()));
    }
    Ok(sources)
}

/// Runs every file at the top of `policies/`, in order of name.
pub(super) fn run_all(sandbox: &Sandbox, sources: &Sources) -> Result<(), PolicyError> {
    budget::start(POLICY_UNITS);
    for (file, text) in sources.iter().filter(|(file, _)| runs_by_itself(file)) {
        run(sandbox.engine(), file, text).map_err(|error| error::translate(&error, file, sources))?;
    }
    Ok(())
}

/// Runs one file with a budget of its own.
pub(super) fn run_alone(sandbox: &Sandbox, file: &str, sources: &Sources) -> Result<(), PolicyError> {
    budget::start(POLICY_UNITS);
    let text = sources.get(file).map(|text| &**text).unwrap_or_default();
    run(sandbox.engine(), file, text).map_err(|error| error::translate(&error, file, sources))
}

/// The files with tests: everything below `policies/tests/`.
pub(super) fn tests(sources: &Sources) -> Vec<String> {
    sources
        .keys()
        .filter(|file| import_name(file).is_some_and(|name| name.starts_with("tests/")))
        .cloned()
        .collect()
}

fn run(engine: &Engine, file: &str, text: &str) -> Result<(), Box<EvalAltResult>> {
    engine.run_ast(&compile(engine, file, text)?)
}

/// Compiles one file; it knows `fleet` and nothing else that it does not declare.
pub(super) fn compile(engine: &Engine, file: &str, text: &str) -> Result<AST, ParseError> {
    let mut known = Scope::new();
    known.push_constant_dynamic(FLEET, Dynamic::UNIT);
    let mut ast = engine.compile_with_scope(&known, text)?;
    ast.set_source(file);
    Ok(ast)
}

fn runs_by_itself(file: &str) -> bool {
    import_name(file).is_some_and(|name| !name.contains('/'))
}

/// Whether a file lies in a folder of `policies/` other than the tests.
pub(super) fn is_importable(file: &str) -> bool {
    import_name(file).is_some_and(|name| name.contains('/') && !name.starts_with("tests/"))
}

/// What an import calls a file: its path inside `policies/` without the ending.
pub(super) fn import_name(file: &str) -> Option<&str> {
    file.strip_prefix("policies/")?.strip_suffix(".rhai")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_at_the_top_run_and_files_in_folders_are_for_import() {
        assert!(runs_by_itself("policies/access.rhai"));
        assert!(!runs_by_itself("policies/lib/groups.rhai"));
        assert!(!runs_by_itself("policies/notes.txt"));
        assert!(!runs_by_itself("access.rhai"));
        assert!(is_importable("policies/lib/groups.rhai"));
        assert!(!is_importable("policies/tests/access.rhai"));
        assert!(!is_importable("policies/access.rhai"));
    }
}
