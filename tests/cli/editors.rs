//! Real editors in a real terminal, with configurations that keep copies: no copy ever reaches a disk.

use crate::common::BIN;
use crate::common::TestFleet;
use crate::common::terminal::Terminal;
use crate::common::tool;

const OLD: &str = "old-needle-value";
const NEW: &str = "new-needle-value";

/// A person's configuration of every editor, with every kind of copy turned on.
fn greedy_configuration(fleet: &TestFleet) {
    let home = fleet.home();
    for folder in ["backups", "swap", "undo", ".config/nvim", ".local/share/nvim", ".cache"] {
        std::fs::create_dir_all(home.join(folder)).unwrap();
    }
    let root = home.display();
    let vim = format!(
        "set nocompatible backup writebackup undofile swapfile\nset backupdir={root}/backups directory={root}/swap undodir={root}/undo\n\
         set viminfo='100,<50,s10,h\nautocmd BufReadPost * set backup undofile swapfile\n"
    );
    std::fs::write(home.join(".vimrc"), &vim).unwrap();
    std::fs::write(home.join(".config/nvim/init.vim"), vim.replace("viminfo", "shada")).unwrap();
    let nano =
        format!("set backup\nset backupdir {root}/backups\nset historylog\nset locking\nset positionlog\n");
    std::fs::write(home.join(".nanorc"), nano).unwrap();
}

/// Edits in a terminal under `strace`; gives every place outside memory that the secret was written to.
fn copies(program: &str, keys: impl FnOnce(&Terminal)) -> Vec<String> {
    let fleet = TestFleet::sealed_on_disk();
    greedy_configuration(&fleet);
    fleet.set("shared/needle", OLD).ok();
    let log = fleet.outside().join("calls.log");
    let script = format!(
        "{} -f -qq -y -s 65536 -o {} -e trace=write,writev,pwrite64,pwritev,openat,open,creat,rename,renameat,renameat2,link,linkat {BIN} edit shared/needle",
        tool("strace").display(),
        log.display()
    );
    let terminal = Terminal::run(&fleet, &[("EDITOR", program)], &script);
    terminal.shows(OLD);
    keys(&terminal);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert_eq!(fleet.show("shared/needle"), NEW, "{}", terminal.screen());

    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let memory = fleet.memory().display().to_string();
    let mut in_memory = 0;
    let mut copies = Vec::new();
    for line in calls.lines().filter(|line| line.contains("needle-value")) {
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        // The descriptor with its path comes first: `write(4</path>, "…"`.
        let target =
            call.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let screen =
            target.starts_with("/dev/pts/") || target.starts_with("/dev/tty") || target.starts_with("pipe:");
        in_memory += usize::from(target.starts_with(&memory));
        if !screen && !target.starts_with(&memory) {
            copies.push(line.chars().take(200).collect());
        }
    }
    assert!(in_memory > 0, "the trace saw no write at all");
    copies.extend(fleet.leaks(&[OLD, NEW]));
    assert!(fleet.plaintext_folders().is_empty());
    fleet.assert_clean();
    copies
}

fn path(program: &str) -> String {
    tool(program).display().to_string()
}

fn like_vim(terminal: &Terminal) {
    // Yanks and deletes, which land in registers and from there in viminfo; then writes more than once.
    terminal.types("yyp").types("dd").types(&format!("cc{NEW}")).presses(&["Escape"]);
    terminal.types(":w").presses(&["Enter"]).types(":wq").presses(&["Enter"]);
}

#[test]
fn vim_keeps_no_copy_on_a_disk() {
    assert_eq!(copies(&path("vim.basic"), like_vim), [""; 0]);
}

#[test]
fn vim_tiny_keeps_no_copy_on_a_disk() {
    assert_eq!(copies(&path("vim.tiny"), like_vim), [""; 0]);
}

#[test]
fn nvim_keeps_no_copy_on_a_disk() {
    assert_eq!(copies(&path("nvim"), like_vim), [""; 0]);
}

#[test]
fn nano_keeps_no_copy_on_a_disk() {
    let keys = |terminal: &Terminal| {
        terminal.presses(&["C-k"]).types(NEW).presses(&["C-o", "Enter"]);
        terminal.shows("Wrote").presses(&["C-x"]);
    };
    assert_eq!(copies(&path("nano"), keys), [""; 0]);
}

#[test]
fn the_same_editor_behind_a_script_that_we_do_not_know_does_keep_copies_so_these_tests_see_them() {
    let folder = crate::common::on_disk();
    let script = folder.path().join("wrapper");
    std::fs::write(&script, format!("#!/bin/sh\nexec {} \"$@\"\n", path("vim.basic"))).unwrap();
    let mut mode = std::fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o700);
    std::fs::set_permissions(&script, mode).unwrap();
    let copies = copies(script.to_str().unwrap(), like_vim);
    assert!(copies.iter().any(|copy| copy.contains("/undo/") || copy.contains("/swap/")), "{copies:?}");
    assert!(copies.iter().any(|copy| copy.ends_with(".viminfo")), "{copies:?}");
}
