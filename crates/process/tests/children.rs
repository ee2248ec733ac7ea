//! Children that behave, and children that do not.

use std::fs;
use std::thread;
use std::time::Duration;

use nasc_process::{Command, Error, Exit};

fn sh(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

#[test]
fn both_streams_and_the_status_come_back() {
    let output = sh("echo out; echo err >&2; exit 3").run().unwrap();
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr, b"err\n");
    assert_eq!(output.exit, Exit::Code(3));
}

#[test]
fn a_failing_child_is_an_error_that_carries_what_it_said() {
    let error = sh("echo the reason >&2; exit 3").run_ok().unwrap_err();
    assert_eq!(error.to_string(), "`sh` ended with exit status 3, having printed:\nthe reason");
}

#[test]
fn a_missing_program_names_its_package() {
    let error = Command::new("/nowhere/qemu-system-arm").run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "program `/nowhere/qemu-system-arm` not found; it is in: Debian package qemu-system-arm"
    );
    assert!(matches!(Command::new("no-such-program").run(), Err(Error::Missing { package: None, .. })));
}

#[test]
fn a_missing_directory_is_not_mistaken_for_a_missing_program() {
    let error = sh("true").dir("/nowhere").run().unwrap_err();
    assert_eq!(error.to_string(), "cannot run `sh` in /nowhere: no such directory");
}

#[test]
fn a_file_that_is_no_program_is_refused_by_the_system() {
    assert!(matches!(Command::new("/etc/passwd").run(), Err(Error::Io { .. })));
}

#[test]
fn a_child_that_never_ends_is_killed_with_all_it_started() {
    let dir = std::env::temp_dir().join(format!("nasc-process-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    // The grandchild would write the file if it lived on.
    let error = sh("echo waiting; (sleep 2; touch late) & sleep 60")
        .dir(&dir)
        .time_out(Duration::from_millis(300))
        .run()
        .unwrap_err();
    let Error::TimedOut { output, .. } = error else { panic!("expected a time-out, got {error}") };
    assert_eq!(output.stdout, b"waiting\n");
    assert_eq!(output.exit, Exit::Signal(9));
    thread::sleep(Duration::from_millis(2300));
    assert!(!dir.join("late").exists(), "a grandchild outlived its group");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_child_that_leaves_somebody_holding_its_pipes_does_not_block_us() {
    let output = sh("echo done; sleep 600 &").run_ok().unwrap();
    assert_eq!(output.stdout, b"done\n");
}

#[test]
fn output_beyond_the_limit_is_dropped_and_counted() {
    let output = sh("head -c 1000000 /dev/zero").capture_limit(1000).run_ok().unwrap();
    assert_eq!(output.stdout.len(), 1000);
    assert_eq!(output.dropped, 999_000);
}

#[test]
fn large_input_passes_through_without_a_dead_lock() {
    let input: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
    let output = Command::new("cat").stdin(input.clone()).run_ok().unwrap();
    assert_eq!(output.stdout, input);
}

#[test]
fn a_child_may_leave_its_input_unread() {
    sh("true").stdin(vec![0; 1 << 20]).run_ok().unwrap();
}

#[test]
fn a_shell_line_gets_its_words_unbroken() {
    let output = Command::shell("printf '%s|' first", ["a b", "$c"]).run_ok().unwrap();
    assert_eq!(output.stdout, b"first|a b|$c|");
}

#[test]
fn environment_and_directory_are_the_childs() {
    let output = sh("echo $NASC_TEST; pwd").env("NASC_TEST", "seen").dir("/").run_ok().unwrap();
    assert_eq!(output.stdout, b"seen\n/\n");
}

#[test]
fn a_crash_says_which_signal() {
    let error = sh("kill -SEGV $$").run_ok().unwrap_err();
    assert!(error.to_string().contains("signal 11 (segmentation fault)"), "{error}");
}

#[test]
fn a_child_in_the_foreground_is_not_captured_and_still_has_a_deadline() {
    assert_eq!(sh("exit 5").foreground().run().unwrap().exit, Exit::Code(5));
    let error = sh("exec sleep 60").foreground().time_out(Duration::from_millis(200)).run().unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}
