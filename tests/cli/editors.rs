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
    let nano = format!("set backup\nset backupdir {root}/backups\nset historylog\nset locking\nset positionlog\n");
    std::fs::write(home.join(".nanorc"), nano).unwrap();
}

/// Edits in a terminal under `strace`, and looks at every write and every file afterwards.
fn edited(editor: &str, on_screen: &str, keys: impl FnOnce(&Terminal)) {
    let fleet = TestFleet::sealed_on_disk();
    greedy_configuration(&fleet);
    fleet.set("shared/needle", OLD).ok();
    let log = fleet.outside().join("calls.log");
    let script = format!(
        "{} -f -qq -y -s 65536 -o {} -e trace=write,writev,pwrite64,pwritev,openat,open,creat,rename,renameat,renameat2,link,linkat {BIN} edit shared/needle",
        tool("strace").display(),
        log.display()
    );
    let program = tool(editor);
    let terminal = Terminal::run(&fleet, &[("EDITOR", program.to_str().unwrap())], &script);
    terminal.shows(on_screen);
    keys(&terminal);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert_eq!(fleet.show("shared/needle"), NEW, "{}", terminal.screen());

    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let memory = fleet.memory().display().to_string();
    let mut in_memory = 0;
    for line in calls.lines().filter(|line| line.contains("needle-value")) {
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        // The descriptor with its path comes first: `write(4</path>, "…"`.
        let target = call.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let screen = target.starts_with("/dev/pts/") || target.starts_with("/dev/tty") || target.starts_with("pipe:");
        in_memory += usize::from(target.starts_with(&memory));
        assert!(screen || target.starts_with(&memory), "{editor} wrote the secret elsewhere:\n{line}");
    }
    assert!(in_memory > 0, "the trace saw no write at all");
    assert_eq!(fleet.leaks(&[OLD, NEW]), [""; 0], "{editor} left a copy");
    assert!(fleet.plaintext_folders().is_empty());
    fleet.assert_clean();
}

fn like_vim(terminal: &Terminal) {
    // Yanks and deletes, which land in registers and from there in viminfo; then writes more than once.
    terminal.types("yyp").types("dd").types(&format!("cc{NEW}")).presses(&["Escape"]);
    terminal.types(":w").presses(&["Enter"]).types(":wq").presses(&["Enter"]);
}

#[test]
fn vim_keeps_no_copy_on_a_disk() {
    edited("vim.basic", OLD, like_vim);
}

#[test]
fn vim_tiny_keeps_no_copy_on_a_disk() {
    edited("vim.tiny", OLD, like_vim);
}

#[test]
fn nvim_keeps_no_copy_on_a_disk() {
    edited("nvim", OLD, like_vim);
}

#[test]
fn nano_keeps_no_copy_on_a_disk() {
    edited("nano", OLD, |terminal| {
        terminal.presses(&["C-k"]).types(NEW).presses(&["C-o", "Enter"]);
        terminal.shows("Wrote").presses(&["C-x"]);
    });
}
