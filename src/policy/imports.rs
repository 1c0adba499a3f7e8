//! Imports: `import "lib/groups" as groups` finds files in folders of `policies/`, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rhai::Engine;
use rhai::EvalAltResult;
use rhai::Module;
use rhai::ModuleResolver;
use rhai::Position;
use rhai::Scope;
use rhai::Shared;

use super::error::Code;
use super::error::Fault;
use super::error::Sources;
use super::files;
use super::reword::suggestion;

/// Deepest chain of imports.
const CHAIN_MAX: usize = 16;

type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// Resolves imports from texts in memory; each file runs once however often it is imported.
pub(super) struct Imports {
    sources: Arc<Sources>,
    seen: Mutex<BTreeMap<String, Seen>>,
}

/// How far the import of one file has come.
enum Seen {
    Running,
    Done(Shared<Module>),
}

impl Imports {
    /// Imports from these texts.
    pub(super) fn new(sources: Arc<Sources>) -> Self {
        Self { sources, seen: Mutex::default() }
    }

    /// The file that an import means: `lib/groups` is `policies/lib/groups.rhai`, `lib` is `policies/lib/lib.rhai`.
    fn find(&self, path: &str) -> Result<&str, Fault> {
        let name = path.strip_suffix(".rhai").unwrap_or(path);
        let last = name.rsplit('/').next().unwrap_or_default();
        let candidates = [format!("policies/{name}.rhai"), format!("policies/{name}/{last}.rhai")];
        let found = candidates.iter().find_map(|file| self.sources.get_key_value(file.as_str()));
        match found {
            Some((file, _)) if files::is_importable(file) => Ok(file),
            Some((file, _)) => Err(Fault::new(Code::UnknownImport, format!("`{file}` cannot be imported"))
                .help("it runs by itself; move what files share into a folder such as `policies/lib/`")),
            None => Err(self.unknown(path)),
        }
    }

    fn unknown(&self, path: &str) -> Fault {
        let importable = self.sources.keys().filter(|file| files::is_importable(file));
        let names: Vec<_> = importable.filter_map(|file| files::import_name(file)).collect();
        Fault::new(Code::UnknownImport, format!("there is no policy file to import as `{}`", path.escape_debug()))
            .help(suggestion(path, names.iter().copied()).unwrap_or_else(|| {
                "imports name files in folders of `policies/`, such as `lib/groups` for `policies/lib/groups.rhai`"
                    .to_owned()
            }))
    }

    /// What is known about `file`, which is running from now on if it was not seen before.
    fn enter(&self, file: &str) -> Result<Option<Shared<Module>>, Fault> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let running = seen.values().filter(|seen| matches!(seen, Seen::Running)).count();
        match seen.get(file) {
            Some(Seen::Done(module)) => Ok(Some(Arc::clone(module))),
            Some(Seen::Running) => Err(Fault::new(
                Code::UnknownImport,
                format!("`{file}` imports itself, perhaps through other files"),
            )
            .help("move what both need into a third file")),
            None if running >= CHAIN_MAX => {
                Err(Fault::new(Code::Limit, "files import each other too deeply").help("import fewer files"))
            }
            None => {
                seen.insert(file.to_owned(), Seen::Running);
                Ok(None)
            }
        }
    }

    fn run(&self, engine: &Engine, file: &str) -> Outcome<Shared<Module>> {
        let text = self.sources.get(file).map(|text| &**text).unwrap_or_default();
        let ast = files::compile(engine, file, text)?;
        let mut module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
        module.set_id(file);
        Ok(module.into())
    }
}

impl ModuleResolver for Imports {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        position: Position,
    ) -> Outcome<Shared<Module>> {
        let at = |fault: Fault| fault.thrown_at(position);
        let file = self.find(path).map_err(at)?;
        if let Some(module) = self.enter(file).map_err(at)? {
            return Ok(module);
        }
        let module = self
            .run(engine, file)
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(file.to_owned(), error, position)))?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(file.to_owned(), Seen::Done(Arc::clone(&module)));
        Ok(module)
    }
}
