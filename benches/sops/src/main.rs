//! Measures SOPS documents in secretctl beside the crate `rops`, and writes the documents that all are measured with.
//!
//! ```text
//! bench-sops make FOLDER KEYS FILES                   writes plaintexts, and beside each what it says, as JSON
//! bench-sops once ENGINE WORK FILE                    does it once, as a program for this alone would
//! bench-sops measure ENGINE WORK RUNS FILE…           prints one JSON line: milliseconds for all files, in this process
//! bench-sops says FILE.yaml FILE.json                 fails unless a plaintext says what it should
//! ```
//!
//! The key is in the file that `ROPS_AGE_KEY_FILE` names, which is where `rops` looks. Both engines read it anew for
//! each document.

mod clock;
mod engine;
mod made;
mod ours;
mod theirs;

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::engine::Engine;
use crate::engine::Work;
use crate::ours::Secretctl;
use crate::theirs::Rops;

const USAGE: &str = "bench-sops make | once | measure | says; the top of its main.rs has the arguments";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["make", folder, keys, files] => make(Path::new(folder), keys, files),
        ["once", engine, work, file] => once(engine, work, Path::new(file)),
        ["measure", engine, work, runs, files @ ..] => measure(engine, work, runs, files),
        ["says", text, values] => says(Path::new(text), Path::new(values)),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-sops: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "rops looks at this variable itself")]
fn engine(name: &str) -> Outcome<Box<dyn Engine>> {
    let key = env::var_os("ROPS_AGE_KEY_FILE").ok_or("ROPS_AGE_KEY_FILE names no file with a key")?;
    match name {
        "secretctl" => Ok(Box::new(Secretctl { key: key.into() })),
        "rops" => Ok(Box::new(Rops)),
        _ => Err("the engines are secretctl and rops".into()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "documents with made-up values, which are no files of secretctl"
)]
fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Documents of so many keys each: `0.yaml` and `0.json`, and so on.
fn make(folder: &Path, keys: &str, files: &str) -> Outcome<()> {
    let keys = keys.parse()?;
    for number in 0..files.parse()? {
        let made = made::document(number, keys);
        write(&folder.join(format!("{number}.yaml")), made.text.as_bytes())?;
        write(&folder.join(format!("{number}.json")), &serde_json::to_vec(&made.values)?)?;
    }
    Ok(())
}

/// Decrypting prints the plaintext; what makes a new document of one writes it where that was.
fn once(name: &str, work: &str, file: &Path) -> Outcome<()> {
    let work = Work::parse(work)?;
    let text = fs::read_to_string(file)?;
    let done = engine(name)?.does(work, &text)?;
    match work {
        Work::Decrypt => Ok(io::stdout().write_all(done.bytes())?),
        Work::Reencrypt | Work::Set => write(file, done.bytes()),
    }
}

fn measure(name: &str, work: &str, runs: &str, files: &[&str]) -> Outcome<()> {
    let (work_word, work) = (work, Work::parse(work)?);
    let engine = engine(name)?;
    let texts = files.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let all = || texts.iter().map(|text| Ok(engine.does(work, text)?.bytes().len())).sum::<Outcome<usize>>();
    all()?;
    let times = clock::repeat(runs.parse()?, || clock::time(|| all().is_ok()));
    println!(
        "{}",
        json!({
            "engine": name,
            "work": work_word,
            "files": files.len(),
            "median_ms": clock::milliseconds(times.median),
            "least_ms": clock::milliseconds(times.least),
            "most_ms": clock::milliseconds(times.most),
        })
    );
    Ok(())
}

fn says(text: &Path, values: &Path) -> Outcome<()> {
    let said: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(text)?)?;
    let values: serde_json::Value = serde_json::from_slice(&fs::read(values)?)?;
    if said == values {
        Ok(())
    } else {
        Err(format!("{} does not say what it should", text.display()).into())
    }
}
