//! Users and groups from `/etc/passwd` and `/etc/group`, which is all there is before services run.

use std::path::Path;

use super::Numbers;
use crate::fsx::FsError;
use crate::fsx::read_bounded;

/// Largest account file that is read.
const FILE_MAX: u64 = 16 << 20;

/// Users and groups; a missing file holds nobody, as on a machine's first boot.
pub(super) fn read() -> Result<[Numbers; 2], FsError> {
    let read = |path: &str| match read_bounded(Path::new(path), FILE_MAX) {
        Err(error) if error.is_missing() => Ok(Numbers::new()),
        other => other.map(|text| numbers(&text)),
    };
    Ok([read("/etc/passwd")?, read("/etc/group")?])
}

/// `name:password:number:…`; the first line of a name counts, as it does for the C library.
fn numbers(text: &[u8]) -> Numbers {
    let mut found = Numbers::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let mut fields = line.split(':');
        let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else { continue };
        if let Ok(number) = number.parse() {
            found.entry(name.to_owned()).or_insert(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_name_counts_and_junk_does_not() {
        let passwd = numbers(
            b"root:x:0:0::/root:/bin/sh\nsonarr:x:274:274::/:/x\nsonarr:x:9:9::/:/x\n# junk\n\xff:x:1\n",
        );
        assert_eq!(passwd, [("root".to_owned(), 0), ("sonarr".to_owned(), 274)].into());
        assert_eq!(numbers(b"media:x:900:sonarr\nbad:x:no:\n"), [("media".to_owned(), 900)].into());
    }
}
