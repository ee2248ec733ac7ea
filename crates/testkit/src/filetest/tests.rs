use super::*;
use std::os::unix::fs::PermissionsExt;

/// A stand-in for `nasc`: prints its arguments, or the findings and the exit code a test asks for.
const FAKE: &str = r#"#!/bin/sh
case "$1" in
  fail) echo "error: $2:2:3: unknown op \`con2d\`, did you mean \`conv2d\`?" >&2; exit 2;;
  *) for word in "$@"; do echo "$word"; done;;
esac
"#;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder for a test");
        let fake = dir.path().join("fake");
        std::fs::write(&fake, FAKE).expect("a script");
        std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755))
            .expect("an executable script");
        std::fs::write(dir.path().join("t.nasc"), text).expect("a test");
        Self { dir }
    }

    fn run(&self, mode: Mode) -> Result<Outcome, FileTestError> {
        let cases = super::super::discover(self.dir.path())?;
        cases[0].run(&Program::new(self.dir.path().join("fake")), mode)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).expect("the file is there")
    }
}

#[test]
fn what_was_blessed_passes_and_a_change_fails_with_the_difference() {
    let bench = Bench::new("// run: nasc show %s \"a b\" %t/x\n");
    assert!(
        bench
            .run(Mode::Check)
            .expect_err("nothing expected yet")
            .to_string()
            .contains("nothing is expected yet")
    );
    assert_eq!(bench.run(Mode::Bless).expect("blessed"), Outcome::Blessed);
    assert_eq!(bench.file("t.expect"), "show\nt.nasc\na b\n%t/x\n");
    assert_eq!(bench.run(Mode::Check).expect("as blessed"), Outcome::Passed);
    std::fs::write(bench.dir.path().join("t.expect"), "show\nt.nasc\nother\n%t/x\n").expect("a file");
    let failed = bench.run(Mode::Check).expect_err("differs").to_string();
    assert!(failed.contains("-other\n+a b"), "{failed}");
}

#[test]
fn an_expectation_inside_the_file_is_blessed_in_place() {
    let bench = Bench::new("// run: nasc one two\nbody\n// expect:\n");
    assert_eq!(bench.run(Mode::Bless).expect("blessed"), Outcome::Blessed);
    assert_eq!(bench.file("t.nasc"), "// run: nasc one two\nbody\n// expect:\n// one\n// two\n");
    assert_eq!(bench.run(Mode::Check).expect("as blessed"), Outcome::Passed);
}

#[test]
fn announced_findings_pass_without_a_snapshot() {
    let bench = Bench::new("// run: nasc fail %s\n%y = con2d %x // error: did you mean `conv2d`\n");
    assert_eq!(bench.run(Mode::Check).expect("announced"), Outcome::Passed);
}

#[test]
fn a_finding_on_another_line_or_unannounced_fails_and_is_not_blessed() {
    let bench =
        Bench::new("// run: nasc fail %s\n%y = con2d %x\n%z = relu %y // error: did you mean `conv2d`\n");
    let failed = bench.run(Mode::Bless).expect_err("the line is wrong").to_string();
    assert!(failed.contains("line 3: `did you mean `conv2d`` was not reported"), "{failed}");
    assert!(failed.contains("line 2: reported and not announced"), "{failed}");
}

#[test]
fn an_exit_code_nobody_expects_fails_and_is_not_blessed() {
    let bench = Bench::new("// run: nasc fail x\n");
    let failed = bench.run(Mode::Bless).expect_err("exit 2").to_string();
    assert!(failed.contains("exit status 2, 0 expected"), "{failed}");
}

#[test]
fn a_later_command_does_not_run_after_one_that_failed() {
    let bench = Bench::new("// run: nasc fail x\n// run: nasc show\n// exit: 2\n");
    assert_eq!(bench.run(Mode::Bless).expect("blessed"), Outcome::Blessed);
    assert_eq!(bench.file("t.expect"), "! error: x:2:3: unknown op `con2d`, did you mean `conv2d`?\n");
}
