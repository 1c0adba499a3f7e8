//! Long lists of names, folded so that a person can take them in.

/// Most entries that a folded list has.
const ENTRIES_MAX: usize = 6;
/// From this many names on, a folder is one entry.
const FOLDER_MIN: usize = 3;
/// Most hosts that are named before the rest is counted.
const HOSTS_MAX: usize = 4;

/// Whether lists are shortened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Length {
    /// Folders and counts stand for many names.
    Short,
    /// Every name.
    Full,
}

impl Length {
    /// The length that `--full` asks for.
    pub(super) fn of(full: bool) -> Self {
        if full { Self::Full } else { Self::Short }
    }
}

/// One entry of a folded list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Entry<'a> {
    /// A name.
    Name(&'a str),
    /// That many names that start like this, with a star for the rest.
    Below(String, usize),
    /// That many names without anything in common.
    Others(usize),
}

/// Folds sorted names of secrets: few stay, folders with many become one entry, and the rest is counted.
pub(super) fn fold<'a>(names: &[&'a str], length: Length) -> Vec<Entry<'a>> {
    if length == Length::Full || names.len() < ENTRIES_MAX {
        return names.iter().map(|name| Entry::Name(name)).collect();
    }
    let folders = by_prefix(names, |name| name.rsplit_once('/').map(|(folder, _)| folder), "/*");
    if folders.len() <= ENTRIES_MAX {
        return folders;
    }
    let mut tops = by_prefix(names, |name| name.split_once('/').map(|(top, _)| top), "/**");
    if tops.len() > ENTRIES_MAX {
        let rest = tops.split_off(ENTRIES_MAX - 1);
        tops.push(Entry::Others(rest.iter().map(Entry::count).sum()));
    }
    tops
}

impl Entry<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Name(_) => 1,
            Self::Below(_, count) | Self::Others(count) => *count,
        }
    }
}

/// One entry for each prefix that enough names share.
fn by_prefix<'a>(names: &[&'a str], prefix: fn(&str) -> Option<&str>, sign: &str) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for run in names.chunk_by(|a, b| prefix(a).is_some() && prefix(a) == prefix(b)) {
        match run.first().and_then(|name| prefix(name)) {
            Some(shared) if run.len() >= FOLDER_MIN => {
                entries.push(Entry::Below(format!("{shared}{sign}"), run.len()));
            }
            _ => entries.extend(run.iter().map(|name| Entry::Name(name))),
        }
    }
    entries
}

/// The hosts, or services, that are named, and how many more there are.
pub(super) fn hosts<T>(hosts: &[T], length: Length) -> (&[T], usize) {
    if length == Length::Full || hosts.len() <= HOSTS_MAX {
        return (hosts, 0);
    }
    let (named, rest) = hosts.split_at_checked(HOSTS_MAX - 1).unwrap_or((hosts, &[]));
    (named, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(names: &[String], length: Length) -> String {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        let words = fold(&names, length).into_iter().map(|entry| match entry {
            Entry::Name(name) => name.to_owned(),
            Entry::Below(prefix, count) => format!("{prefix}={count}"),
            Entry::Others(count) => format!("+{count}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn many(folder: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{folder}/{number:03}")).collect()
    }

    #[test]
    fn a_list_is_folded_no_further_than_it_must_be() {
        assert_eq!(words(&many("a", 3), Length::Short), "a/000 a/001 a/002");
        assert_eq!(words(&[many("a", 200), many("b", 2)].concat(), Length::Short), "a/*=200 b/000 b/001");
        let deep: Vec<String> = (0..9).flat_map(|folder| many(&format!("a/{folder}"), 4)).collect();
        assert_eq!(words(&deep, Length::Short), "a/**=36");
        let wide: Vec<String> = (0..9).flat_map(|top| many(&format!("t{top}"), 4)).collect();
        assert_eq!(words(&wide, Length::Short), "t0/**=4 t1/**=4 t2/**=4 t3/**=4 t4/**=4 +16");
        let flat: Vec<String> = (0..9).map(|number| format!("n{number}")).collect();
        assert_eq!(words(&flat, Length::Short), "n0 n1 n2 n3 n4 +4");
    }

    #[test]
    fn a_full_list_has_every_name() {
        assert_eq!(words(&many("a", 200), Length::Full).split(' ').count(), 200);
        assert_eq!(hosts(&[0; 200], Length::Full).0.len(), 200);
    }

    #[test]
    fn no_host_is_lost_between_the_named_and_the_counted() {
        for count in 0..20 {
            let all = vec![(); count];
            let (named, more) = hosts(&all, Length::Short);
            assert_eq!(named.len() + more, count);
        }
    }
}
