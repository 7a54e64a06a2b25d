//! Commands that run a program, and those that only name one.

use super::programs;
use proptest::prelude::*;

fn run(text: &str) -> Vec<String> {
    programs(text.as_bytes()).into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
}

#[test]
fn what_is_run_is_told_however_it_is_written() {
    let lines = [
        "/tmp/x",
        "/tmp/x &",
        "sleep 1; /tmp/x",
        "[ -x /opt/y ] && /tmp/x",
        "if true; then /tmp/x; fi",
        "nohup /tmp/x >/dev/null 2>&1 &",
        "2>/dev/null /tmp/x",
        "A=1 /tmp/x -c 3",
        "sudo -u www-data /tmp/x",
        "env -u HOME A=b nice -n 10 /tmp/x",
        "timeout -k 5 10 /tmp/x",
        "start-stop-daemon --start --exec /tmp/x",
        "bash /tmp/x",
        "sh -c '/tmp/x &'",
        "bash -lc \"exec /tmp/x\"",
        "su - anna -c /tmp/x",
        ". /tmp/x",
        "python3 /tmp/x",
        "cd /tmp && ./x",
        "cd /; tmp/x",
        "D=/tmp; $D/x",
        "D=/tmp\n\"${D}/x\"",
        "${NOT_SET:-/tmp}/x",
        "/usr/../tmp//./x",
        "'/tmp'/\\x",
        "echo $(/tmp/x)",
        "echo \"`/tmp/x`\"",
        "f() { /tmp/x; }",
        "(cd /etc; /tmp/x)",
        "eval \"/tm\"p/x",
        "alias ls='/tmp/x'",
        "trap /tmp/x EXIT",
        "export LD_PRELOAD=/tmp/x",
        "LD_PRELOAD=/usr/lib/y.so:/tmp/x ls",
        "PROMPT_COMMAND='/tmp/x'",
        "find . -exec /tmp/x {} +",
        "case $1 in start) /tmp/x ;; esac",
        "case $1 in\n a|b)\n true;;\n *)\n /tmp/x\n;;\nesac",
        "cat <<EOF\n/tmp/x\nEOF",
        "# a comment\n/tmp/x # another",
    ];
    for line in lines {
        assert!(run(line).contains(&"/tmp/x".to_owned()), "{line}: {:?}", run(line));
    }
}

#[test]
fn what_is_only_named_is_not_run() {
    let lines = [
        "rm -rf /tmp/x",
        "find /tmp -mtime +7 -delete",
        "echo hello > /tmp/x",
        "echo hello >>/tmp/x 2>&1",
        "sudo rm /tmp/x",
        "sh -c 'rm /tmp/x'",
        "[ -e /tmp/x ] && rm /tmp/x",
        "FILES=(/tmp/x /tmp/y)",
        "T=/tmp/x; rm $T",
        "trap 'rm -f /tmp/x' EXIT",
        "for f in /tmp/x /tmp/y; do rm $f; done",
        "case $PWD in /tmp/x|/tmp/y) true;; /tmp/z) true ;; esac",
        "diff <(ls) <(ls /etc) /tmp/x",
        "echo '/tmp/x'",
        "# /tmp/x",
        "$HOME/tmp/x",
        "cd \"$D\" && ./x",
    ];
    for line in lines {
        let told = run(line);
        assert!(told.iter().all(|path| !path.starts_with("/tmp/")), "{line}: {told:?}");
    }
}

#[test]
fn a_text_that_holds_itself_ends() {
    let text = format!("X='{}'; eval \"$X\"", "eval \"$X\";".repeat(400));
    assert_eq!(run(&text), [""; 0]);
    assert_eq!(run(&"(".repeat(100_000)), [""; 0]);
    assert_eq!(run(&"$(".repeat(100_000)), [""; 0]);
    assert_eq!(run(&"\"$(".repeat(100_000)), [""; 0]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        programs(&bytes);
    }

    #[test]
    fn any_signs_of_shells_never_panic(text in "[/a \\n;&|<>()`'\"$\\\\{}#=\\-]{0,80}") {
        programs(text.as_bytes());
    }
}
