//! Generators: how the policy says that a value is made.

mod certificate;
mod derived;
mod input;
mod public;
mod random;

use std::fmt;

pub use derived::Authority;
pub use derived::Derived;
pub use derived::HashScheme;
pub use derived::Inputs;
pub use derived::Leaf;
pub use input::Input;
pub use public::Public;
pub use random::Random;

use super::CheckError;
use crate::name::SecretName;

/// Longest text that a generator takes: the name of an authority, a question, a word of a command.
const TEXT_MAX: usize = 1024;

/// Most words of a command, and most inputs of a generator.
const WORDS_MAX: usize = 64;

/// How a value is made.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Generator {
    /// From randomness alone.
    Random(Random),
    /// From other secrets, by us.
    Derived(Derived),
    /// By a program in a sandbox.
    Command(Program),
    /// By a person who is asked.
    Prompt(Question),
}

/// A program that prints the value, and the secrets that it is given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it reads: the first on its standard input, each as a file too.
    pub inputs: Vec<Input>,
    /// How many seconds it may take, if the policy says so.
    pub within: Option<u64>,
}

/// What a person is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// How it is answered.
    pub answer: Answer,
}

/// How a person answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// One line that is not shown, typed twice.
    Hidden,
    /// One line.
    Line,
    /// Any number of lines.
    Lines,
}

impl Program {
    /// A program with its arguments, as they are: no shell reads them.
    pub fn new(words: Vec<String>) -> Result<Self, CheckError> {
        let help = "write `command([\"program\", \"argument\"])`; no shell reads it";
        if words.first().is_none_or(String::is_empty) || words.len() > WORDS_MAX {
            return Err(CheckError::new("a command is a program and its arguments", help));
        }
        for word in &words {
            if word.len() > TEXT_MAX || word.contains('\0') {
                return Err(CheckError::new("a word of the command is too long or holds a NUL", help));
            }
        }
        Ok(Self { words, inputs: Vec::new(), within: None })
    }

    /// The same program with so many seconds to end in.
    pub fn within(self, seconds: i64) -> Result<Self, CheckError> {
        match u64::try_from(seconds) {
            Ok(within @ 1..=3600) => Ok(Self { within: Some(within), ..self }),
            _ => Err(CheckError::new("a program has 1 to 3600 seconds", "write `.within(300)`")),
        }
    }

    /// The same program with one more input.
    pub fn reading(mut self, input: Input) -> Result<Self, CheckError> {
        if self.inputs.len() == WORDS_MAX || self.inputs.contains(&input) {
            return Err(CheckError::new(
                "an input is named twice, or there are too many",
                "name each once with `.from(\"other/secret\")`",
            ));
        }
        self.inputs.push(input);
        Ok(self)
    }
}

impl Question {
    /// A question of one line.
    pub fn new(text: &str, answer: Answer) -> Result<Self, CheckError> {
        one_line(text, "write `prompt(\"What to type\")`")?;
        Ok(Self { text: text.to_owned(), answer })
    }
}

impl Generator {
    /// The secrets that the value is made from.
    pub fn inputs(&self) -> Vec<&Input> {
        match self {
            Self::Random(_) | Self::Prompt(_) => Vec::new(),
            Self::Derived(derived) => derived.inputs(),
            Self::Command(program) => program.inputs.iter().collect(),
        }
    }

    /// The secret that gets a new value first whenever this one does.
    pub fn renewed_first(&self) -> Option<&Input> {
        match self {
            Self::Derived(Derived::Leaf(leaf)) if leaf.new_key => Some(&leaf.key),
            _ => None,
        }
    }

    /// The private key of an authority, which signs what is made.
    pub fn authority_key(&self) -> Option<&Input> {
        match self {
            Self::Derived(Derived::Leaf(leaf)) => leaf.authority.as_ref().map(|(_, key)| key),
            Self::Derived(Derived::Authority(authority)) => Some(&authority.key),
            _ => None,
        }
    }

    /// Whether it makes the private half of a pair.
    pub fn is_pair(&self) -> bool {
        matches!(self, Self::Random(Random::SshKey | Random::WireguardKey | Random::AgeKey))
    }

    /// The same generator with `{host}` standing for a host.
    #[must_use]
    pub fn for_host(mut self, host: &str) -> Self {
        match &mut self {
            Self::Random(_) | Self::Prompt(_) => {}
            Self::Derived(derived) => derived.bind(host),
            Self::Command(program) => {
                program.words.iter_mut().for_each(|word| *word = input::filled(word, host));
                program.inputs.iter_mut().for_each(|input| input.bind(host));
            }
        }
        self
    }

    /// The names of the inputs, or the first one that still holds a placeholder.
    pub fn input_names(&self) -> Result<Vec<SecretName>, Input> {
        self.inputs().into_iter().map(|input| input.name().ok_or_else(|| input.clone())).collect()
    }
}

impl From<Random> for Generator {
    fn from(random: Random) -> Self {
        Self::Random(random)
    }
}

/// Why no value could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// The ssh library could not write a key.
    #[error("no ssh key could be made")]
    Ssh(#[source] ssh_key::Error),
    /// An input is not what the generator needs, or something is missing in what the policy says.
    #[error("{0}")]
    Input(String),
    /// A library could not make it.
    #[error("{what} could not be made: {reason}")]
    Library {
        /// What was to be made.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
}

fn one_line(text: &str, usage: &str) -> Result<(), CheckError> {
    if text.trim().is_empty() || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(CheckError::new(format!("it takes one line of 1 to {TEXT_MAX} bytes"), usage));
    }
    Ok(())
}

/// Texts as the policy writes them, behind each other.
fn quoted(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted = texts.into_iter().map(|text| format!("{:?}", text.as_ref()));
    quoted.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(random) => random.fmt(f),
            Self::Derived(derived) => derived.fmt(f),
            Self::Command(program) => {
                write!(f, "command([{}])", quoted(&program.words))?;
                program.inputs.iter().try_for_each(|input| write!(f, ".from(\"{input}\")"))?;
                program.within.map_or(Ok(()), |within| write!(f, ".within({within})"))
            }
            Self::Prompt(Question { text, answer }) => match answer {
                Answer::Hidden => write!(f, "prompt({text:?})"),
                Answer::Line => write!(f, "prompt_line({text:?})"),
                Answer::Lines => write!(f, "prompt_lines({text:?})"),
            },
        }
    }
}
