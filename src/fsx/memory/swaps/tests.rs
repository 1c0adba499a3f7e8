#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

/// A `/sys` with the devices of one test.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn attribute(&self, device: &str, name: &str, text: &str) -> &Self {
        let path = self.0.path().join("class/block").join(device).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn mapping(&self, device: &str, uuid: &str) -> &Self {
        self.attribute(device, "dm/uuid", &format!("{uuid}\n"))
    }

    fn disk(&self, device: &str) -> &Self {
        self.attribute(device, "size", "8388608\n")
    }

    fn lies_on(&self, device: &str, below: &str) -> &Self {
        let folder = self.0.path().join("class/block").join(device).join("slaves");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(self.0.path().join("class/block").join(below), folder.join(below))
            .unwrap();
        self
    }

    fn numbered(&self, number: &str, device: &str) -> &Self {
        let folder = self.0.path().join("dev/block");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(self.0.path().join("class/block").join(device), folder.join(number))
            .unwrap();
        self
    }

    fn in_clear(&self, areas: &str) -> Option<String> {
        in_clear(&Ok(format!("{HEAD}{areas}")), self.0.path())
    }
}

#[test]
fn without_any_swap_nothing_is_in_the_clear() {
    assert_eq!(Machine::new().in_clear(""), None);
}

#[test]
fn compressed_memory_and_encrypted_mappings_are_not_in_the_clear() {
    let machine = Machine::new();
    machine.attribute("zram0", "backing_dev", "none\n").disk("zram1");
    machine.mapping("dm-1", "CRYPT-PLAIN-dev-sda3").mapping("dm-2", "CRYPT-LUKS2-0123456789abcdef-cryptswap");
    let areas = "/dev/zram0                              partition\t8226812\t\t0\t\t100\n\
                 /dev/zram1                              partition\t8226812\t\t0\t\t100\n\
                 /dev/dm-1                               partition\t16777212\t262144\t\t-2\n\
                 /dev/dm-2                               partition\t16777212\t0\t\t-3\n";
    assert_eq!(machine.in_clear(areas), None);
}

#[test]
fn the_first_area_in_the_clear_is_named() {
    let machine = Machine::new();
    machine.disk("zram0").disk("sda3");
    let areas = "/dev/zram0                              partition\t8226812\t\t0\t\t100\n\
                 /dev/sda3                               partition\t16777212\t0\t\t-2\n";
    assert!(machine.in_clear(areas).unwrap().contains("`/dev/sda3`"));
    let gone = "/var/old\\040swap\\040(deleted)             file\t\t1048572\t\t0\t\t-2\n";
    assert!(machine.in_clear(gone).unwrap().contains("`/var/old swap (deleted)`"));
}

#[test]
fn mappings_that_only_check_or_join_are_as_clear_as_what_they_lie_on() {
    let area = "/dev/dm-0                               partition\t16777212\t0\t\t-2\n";
    for uuid in
        ["CRYPT-INTEGRITY-swap", "CRYPT-VERITY-swap", "LVM-abcdef", "", "crypt-luks2-x", "mpath-CRYPT-LUKS2-"]
    {
        let machine = Machine::new();
        machine.mapping("dm-0", uuid);
        assert!(machine.in_clear(area).is_some(), "{uuid}");
        machine.disk("sda3").lies_on("dm-0", "sda3");
        assert!(machine.in_clear(area).is_some(), "{uuid}");
    }
    let volume = Machine::new();
    volume.mapping("dm-0", "LVM-abcdef").mapping("dm-1", "CRYPT-LUKS2-0123-root").lies_on("dm-0", "dm-1");
    assert_eq!(volume.in_clear(area), None);
    volume.disk("sdb1").lies_on("dm-0", "sdb1");
    assert!(volume.in_clear(area).is_some());
}

#[test]
fn devices_that_lie_on_each_other_in_a_circle_are_in_the_clear() {
    let machine = Machine::new();
    machine.mapping("dm-0", "LVM-a").mapping("dm-1", "LVM-b").lies_on("dm-0", "dm-1").lies_on("dm-1", "dm-0");
    let area = "/dev/dm-0                               partition\t16777212\t0\t\t-2\n";
    assert!(machine.in_clear(area).is_some());
}

#[test]
fn compressed_memory_that_is_written_back_counts_as_its_device() {
    let area = "/dev/zram0                              partition\t8226812\t\t0\t\t100\n";
    let machine = Machine::new();
    machine.attribute("zram0", "backing_dev", "/dev/sda5\n").disk("sda5");
    assert!(machine.in_clear(area).is_some());
    let machine = Machine::new();
    machine.attribute("zram0", "backing_dev", "/dev/dm-3\n").mapping("dm-3", "CRYPT-PLAIN-x");
    assert_eq!(machine.in_clear(area), None);
    let machine = Machine::new();
    machine.disk("zramfs").disk("zram");
    assert!(machine.in_clear("/dev/zram  partition 1 0 1\n").is_some());
    assert!(machine.in_clear("/dev/zramfs  partition 1 0 1\n").is_some());
}

#[test]
fn a_swap_file_counts_as_the_device_of_its_file_system() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let device = file.path().metadata().unwrap().dev();
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let area =
        format!("{}                               file\t\t1048572\t\t0\t\t-2\n", file.path().display());
    let machine = Machine::new();
    assert!(machine.in_clear(&area).is_some(), "its device is not known");
    machine.mapping("dm-0", "CRYPT-LUKS2-0123-root").numbered(&number, "dm-0");
    assert_eq!(machine.in_clear(&area), None);
    let machine = Machine::new();
    machine.disk("sda2").numbered(&number, "sda2");
    assert!(machine.in_clear(&area).is_some());
}

#[test]
fn what_cannot_be_read_or_understood_is_in_the_clear() {
    let machine = Machine::new();
    machine.disk("zram0");
    let missing = in_clear(&Err("No such file or directory".to_owned()), machine.0.path());
    assert!(missing.unwrap().contains("No such file"));
    assert!(in_clear(&Ok(String::new()), machine.0.path()).is_some(), "not even a head");
    for line in ["/dev/zram0 network 1 0 1", "/dev/zram0 partition 1 0", "zram0 partition 1 0 1", "junk", " "]
    {
        assert!(machine.in_clear(&format!("{line}\n")).is_some(), "{line}");
    }
}

#[test]
fn the_table_of_this_machine_is_understood() {
    assert!(parse(&read().unwrap()).is_some());
}

proptest! {
    #[test]
    fn names_of_areas_survive_the_escapes_of_the_kernel(name in "/[ -~\t\n]{1,40}") {
        let escaped = name.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012");
        let area = parse_area(&format!("{escaped}\tfile\t\t1048572\t\t0\t\t-2")).unwrap();
        prop_assert_eq!(area, Area { path: PathBuf::from(name), kind: Kind::File });
    }

    #[test]
    fn one_area_in_the_clear_is_enough_wherever_it_stands(before in 0usize..6, after in 0usize..6) {
        let machine = Machine::new();
        machine.disk("zram0").disk("sda3");
        let safe = "/dev/zram0                              partition\t8226812\t\t0\t\t100\n";
        let clear = "/dev/sda3                               partition\t16777212\t0\t\t-2\n";
        prop_assert_eq!(machine.in_clear(&safe.repeat(before + after)), None);
        let areas = [&safe.repeat(before), clear, &safe.repeat(after)].concat();
        prop_assert!(machine.in_clear(&areas).is_some());
    }
}
