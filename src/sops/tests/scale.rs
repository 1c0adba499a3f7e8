//! Texts of very many lines: each is read and written in a time that grows with its length alone.
//!
//! Nothing here looks at a clock. With work that grows with the square, these would take hours, or all of the memory.

use std::fmt::Write;

use super::super::tree::Block;
use super::super::tree::Replacements;
use super::super::tree::TextErrorKind;
use super::*;

const LINES: usize = 80_000;

/// A text with this for each number.
fn lines(line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    (0..LINES).for_each(|number| writeln!(text, "{}", line(number)).unwrap());
    text
}

/// Reads a text, writes its metadata anew as after an editor, and takes them away.
fn read_and_written(format: Format, text: &str) -> usize {
    let read = format.parse(text.as_bytes()).unwrap();
    let none = Replacements::new();
    let plain = read.render(&none, None).unwrap();
    if let Some(node) = read.metadata() {
        let plain = format.parse(plain.expose()).unwrap();
        let block = Block { node, like: Some(read.bytes()) };
        assert_eq!(plain.render(&none, Some(block)).unwrap().expose(), read.bytes());
    }
    read.leaves().len()
}

#[test]
fn values_comments_and_sections_are_read_in_linear_time() {
    assert_eq!(read_and_written(Format::Dotenv, &lines(|n| format!("K{n}=v"))), LINES);
    assert_eq!(read_and_written(Format::Dotenv, &lines(|n| format!("# {n}"))), LINES);
    assert_eq!(read_and_written(Format::Ini, &lines(|n| format!("k{n} = v"))), LINES);
    assert_eq!(read_and_written(Format::Ini, &lines(|n| format!("[s{n}]\nk = v"))), LINES);
    assert_eq!(read_and_written(Format::Ini, &lines(|_| "[Peer]\nk = v".to_owned())), LINES);
    let entries: Vec<String> = (0..LINES).map(|n| format!("\"k{n}\": 1")).collect();
    assert_eq!(read_and_written(Format::Json, &format!("{{{}}}", entries.join(", "))), LINES);
    assert_eq!(read_and_written(Format::Yaml, &format!("{}a: 1\n", lines(|n| format!("# {n}")))), LINES + 1);
}

#[test]
fn metadata_of_many_fields_are_read_and_written_in_linear_time() {
    read_and_written(Format::Dotenv, &format!("A=1\n{}", lines(|n| format!("sops_x{n:06}=v"))));
    read_and_written(Format::Ini, &format!("a = 1\n\n[sops]\n{}", lines(|n| format!("x{n:06} = v"))));
    let read = Format::Yaml.parse(format!("a: 1\nsops:\n{}", lines(|n| format!("    x{n}: v"))).as_bytes());
    assert!(read.unwrap().metadata().is_some());
    // One large position must not take the room of all those below it.
    let holes = lines(|n| format!("sops_x{n}__list_4000000000=v"));
    assert!(Format::Dotenv.parse(holes.as_bytes()).is_err());
}

#[test]
fn one_long_key_above_many_values_is_refused_before_it_fills_the_memory() {
    let key = "k".repeat(1 << 20);
    let below: Vec<String> = (0..LINES).map(|n| format!("\"{n}\": 1")).collect();
    let json = format!("{{\"{key}\": {{{}}}}}", below.join(", "));
    let ini = format!("[{key}]\n{}", lines(|n| format!("k{n} = v")));
    for (format, text) in [(Format::Json, &json), (Format::Ini, &ini)] {
        let error = format.parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error.kind, TextErrorKind::TooLarge { .. }), "{format}: {error:?}");
    }
    let values = format!("{{\"a\": [{}1]}}", "1,".repeat(5 << 20));
    let error = Format::Json.parse(values.as_bytes()).unwrap_err();
    assert!(matches!(error.kind, TextErrorKind::TooLarge { .. }), "{error:?}");
}

#[test]
fn an_error_far_down_in_a_text_has_its_line() {
    let error = Format::Dotenv.parse(format!("{}broken\n", lines(|n| format!("K{n}=v"))).as_bytes());
    assert_eq!(error.unwrap_err().line, Some(LINES + 1));
}

#[test]
fn many_values_are_set_in_linear_time() {
    let number = 20_000;
    let entries: Vec<String> = (0..number).map(|n| format!("\"k{n}\": \"v\"")).collect();
    let plain = SecretBytes::from(format!("{{{}}}", entries.join(", ")).into_bytes());
    let recipients = identities(&BOTH).recipients().cloned().collect();
    let settings = Settings { recipients, ..Settings::default() };
    let opened =
        Document::encrypt(&plain, Format::Json, &settings, now(), &prompt(), Path::new("x.json")).unwrap();
    let set =
        |n| Change::Set { key: KeyPath::of_keys([format!("k{n}")]), value: SecretBytes::from(vec![b'w']) };
    let changed = opened.changed(&(0..number).map(set).collect::<Vec<_>>(), now()).unwrap();
    assert_eq!(changed.value(&KeyPath::of_keys(["k19999"])).unwrap().expose(), b"w");
}
