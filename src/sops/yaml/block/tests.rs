#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::secret::SecretBytes;
use crate::sops::tree::Replacements;
use crate::sops::tree::Text;

#[test]
fn metadata_read_alone_are_written_as_within_the_whole_text() {
    let pgp = "sops:\n  mac: a\n  pgp:\n    - enc: |+\n        line\n\n  version: 3\n";
    let kept = "sops:\n  mac: a\n  last: |+\n    line\n\n";
    let texts = [
        format!("a: 1\n{pgp}"),
        format!("{pgp}a: 1\nb: {{c: d}}\n"),
        format!("# top\nm:\n    x: y\n{pgp}    # deeper\n# foot\nz: 1\n"),
        format!("\u{feff}a: 1\n{kept}"),
        format!("{kept}# of z\nz: 1\n"),
        format!("a: 1\n{kept}---\nb: 2\n{kept}...\n"),
        format!("a: 1\r\n{}", pgp.replace('\n', "\r\n")),
        "a: 1\n\"sops\": {mac: a, version: 3} # line\n".to_owned(),
        "sops:\n- mac\n- a\nz: 1\n".to_owned(),
        "a: 1\nsops: &x\n  mac: a".to_owned(),
    ];
    let text = |text: &str| Node::Str(text.to_owned());
    let mut wanted = vec![
        None,
        Some(Node::Map(vec![("mac".to_owned(), text("b"))])),
        Some(Node::List(vec![text("mac"), text("b")])),
        Some(text("b")),
    ];
    for source in &texts {
        let alone = Yaml::read(source.as_bytes()).unwrap();
        assert!(alone.windows.is_some(), "{source:?}");
        let whole = Yaml { windows: None, ..Yaml::read(source.as_bytes()).unwrap() };
        let mut changed = alone.metadata().unwrap().clone();
        if let Node::Map(fields) = &mut changed {
            fields[0].1 = text("b");
        }
        wanted.push(Some(changed));
        for node in &wanted {
            let block = node.as_ref().map(|node| Block { node, like: None });
            let [alone, whole] = [&alone, &whole].map(|yaml| yaml.rendered(&Replacements::new(), block));
            assert_eq!(shown(alone), shown(whole), "{source:?} to {node:?}");
        }
    }
    let directed = Yaml::read(b"%TAG !x! tag:yaml.org,2002:\n---\na: 1\nsops:\n  mac: !x!str a\n").unwrap();
    assert_eq!(directed.windows, None);
}

fn shown(made: Result<SecretBytes, TextError>) -> Result<String, TextError> {
    made.map(|made| String::from_utf8(made.expose().to_vec()).unwrap())
}
