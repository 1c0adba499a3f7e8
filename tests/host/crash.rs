//! Power cuts, readers in the middle of a switch, and very large values.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;

/// Peak of memory that a large value may cost.
const MEMORY_MAX_KIB: u64 = 32 << 10;

#[test]
fn a_reader_never_misses_a_file_during_switches() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"0").secret("steady", b"1").activate(&[]).clean();
    let done = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (done, paths) = (Arc::clone(&done), [host.file("a"), host.file("steady")]);
        move || {
            let mut reads = 0u64;
            while !done.load(Ordering::Relaxed) {
                for path in &paths {
                    assert!(!std::fs::read(path).unwrap().is_empty());
                    reads += 1;
                }
            }
            reads
        }
    });
    for round in 1..=50 {
        host.seal("a", format!("{round}").as_bytes()).activate(&[]).clean();
    }
    done.store(true, Ordering::Relaxed);
    assert!(reader.join().unwrap() > 100);
    assert_eq!(host.value("a"), "50");
}

#[test]
fn a_run_killed_at_any_point_leaves_a_whole_generation_and_the_next_one_cleans_up() {
    private!();
    let mut host = Host::new();
    let link = host.path("etc/key");
    for number in 0..40 {
        host.secret(&format!("s{number}"), b"0");
    }
    host.want("s0", json!({"path": link})).activate(&[]).clean();
    // How long a run takes here, so that the kills fall all over it.
    for number in 0..40 {
        host.seal(&format!("s{number}"), b"0");
    }
    host.write();
    let started = Instant::now();
    host.run(&["activate"]).clean();
    let whole = started.elapsed();
    let mut old = "0".to_owned();
    for round in 1..=30u64 {
        let new = round.to_string();
        for number in 0..40 {
            host.seal(&format!("s{number}"), new.as_bytes());
        }
        host.write();
        let mut child = host.command(&["activate"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * u32::try_from(round).unwrap() / 30);
        let _ = child.kill();
        child.wait().unwrap();
        let values: std::collections::BTreeSet<_> =
            (0..40).map(|number| host.value(&format!("s{number}"))).collect();
        assert_eq!(values.len(), 1, "a generation is whole");
        let value = values.into_iter().next().unwrap();
        assert!(value == old || value == new, "{value} is neither {old} nor {new}");
        assert!(link.exists());
        old = value;
    }
    host.activate(&[]).clean();
    assert_eq!((host.value("s39"), std::fs::read_to_string(link).unwrap()), ("30".into(), "30".into()));
    assert_eq!(host.generations().len(), 2, "{:?}", host.generations());
    assert_eq!(host.path("etc").read_dir().unwrap().count(), 1);
}

#[test]
fn left_overs_of_a_killed_run_are_removed_even_when_nothing_changed() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    let mount = host.path("run/secretctl.d");
    std::fs::create_dir_all(mount.join(".2.partial/x")).unwrap();
    std::fs::write(mount.join(".2.partial/x/y"), "plaintext").unwrap();
    std::fs::create_dir(mount.join("2")).unwrap();
    std::fs::write(mount.join("2.json"), "{}").unwrap();
    host.activate(&[]).clean();
    assert_eq!(host.generations(), ["1".to_owned(), "1.json".to_owned()].into());
}

#[test]
fn a_damaged_index_costs_no_more_than_a_fresh_generation() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    std::fs::write(host.path("run/secretctl.d/1.json"), "{").unwrap();
    let identity = host.path("host");
    std::fs::rename(&identity, host.path("away")).unwrap();
    host.activate(&[]).exit(4);
    assert_eq!(host.value("a"), "1");
    std::fs::rename(host.path("away"), &identity).unwrap();
    host.activate(&[]).clean();
    assert_eq!(host.value("a"), "1");
    assert_eq!(host.generations(), ["2".to_owned(), "2.json".to_owned()].into());
}

#[test]
fn a_very_large_value_streams() {
    private!();
    let mut host = Host::new();
    let value = vec![b'x'; 100 << 20];
    host.secret("large", &value).secret("small", b"1");
    host.write();
    let mut child = host.command(&["activate"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(now.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(host.file("large").metadata().unwrap().len(), value.len() as u64);
    println!("peak: {peak} KiB");
    assert!(peak > 0 && peak < MEMORY_MAX_KIB, "peak of {peak} KiB");
}
