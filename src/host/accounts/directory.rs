//! Users and groups from the directory of macOS, since `/etc/passwd` holds only some of them there.

use super::Numbers;

/// Reads the directory of this machine alone; one on the network may not be there yet.
#[cfg(target_os = "macos")]
pub(super) fn read() -> Result<[Numbers; 2], crate::fsx::FsError> {
    Ok([numbers(&list("/Users", "UniqueID")?), numbers(&list("/Groups", "PrimaryGroupID")?)])
}

#[cfg(target_os = "macos")]
fn list(folder: &str, field: &str) -> Result<String, crate::fsx::FsError> {
    const DSCL: &str = "/usr/bin/dscl";
    let failed = crate::fsx::FsError::on("read accounts with", std::path::Path::new(DSCL));
    let mut command = std::process::Command::new(DSCL);
    let ran =
        command.args([".", "-list", folder, field]).env_clear().stdin(std::process::Stdio::null()).output();
    let ran = ran.map_err(&failed)?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr).lines().next().unwrap_or_default().to_owned();
        return Err(failed(std::io::Error::other(format!("{}: {said}", ran.status))));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// A name and its number in each line. Some are negative, which the system itself reads as very large ones.
fn numbers(text: &str) -> Numbers {
    let line = |line: &str| {
        let (name, number) = line.trim_end().rsplit_once([' ', '\t'])?;
        let number = number.parse().or_else(|_| number.parse().map(i32::cast_unsigned));
        Some((name.trim_end().to_owned(), number.ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_of_a_listing_is_read() {
        let text = "_amavisd                 83\naki                      501\nnobody                   -2\n\
                    root                     0\nnonsense\nno number                x\n";
        let expected = [("_amavisd", 83), ("aki", 501), ("nobody", u32::MAX - 1), ("root", 0)];
        assert_eq!(numbers(text), expected.map(|(name, number)| (name.to_owned(), number)).into());
    }
}
