//! Histories of shells in an image, with bash beside them.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Commands of every kind that take more than one line.
const TYPED: &str = "echo one
echo \"two
lines\"
for x in a b
do
 echo $x
done
cat <<EOF
it's
EOF
shopt -s lithist
while false
do :
done
# it's a comment
echo end
";

/// Has bash run what stands in a file, as if it was typed.
fn bash(history: &Path, typed: &Path) -> Command {
    let mut command = Command::new("bash");
    let _ = command.args(["--norc", "-i"]).env("HISTFILE", history).env("HISTTIMEFORMAT", "%s ");
    let _ = command.stdin(std::fs::File::open(typed).unwrap()).stderr(Stdio::null());
    command
}

/// What bash itself reads from its history: seconds and command.
fn theirs(history: &Path, place: &Path) -> Vec<(i64, String)> {
    let ask = place.join("ask");
    write_file(&ask, format!("history -r '{}'; history\n", history.display()));
    let printed = bash(&place.join("none"), &ask).output().unwrap().stdout;
    let mut entries: Vec<(i64, String)> = Vec::new();
    for line in String::from_utf8(printed).unwrap().lines() {
        let words: Vec<&str> = line.trim_start().splitn(4, ' ').collect();
        match (line.starts_with(' '), words.as_slice()) {
            (true, [_, "", seconds, command]) => entries.push((seconds.parse().unwrap(), (*command).to_owned())),
            _ => {
                let entry = &mut entries.last_mut().unwrap().1;
                entry.push('\n');
                entry.push_str(line);
            }
        }
    }
    entries
}

fn query(case: &Path, question: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(case));
    let rows = asked.exits(0).stdout;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

#[test]
fn commands_and_times_are_those_that_bash_reads_and_those_of_root_are_among_the_commands_of_root() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let (history, typed) = (place.path().join("history"), place.path().join("typed"));
    write_file(&typed, TYPED);
    assert!(bash(&history, &typed).stdout(Stdio::null()).status().unwrap().success());
    let expected = theirs(&history, place.path());
    // The question to bash is the first entry itself.
    let expected = &expected[1..];
    assert_eq!(expected.len(), 8, "{expected:?}");

    let (image, case) = (place.path().join("disk.img"), place.path().join("case"));
    ext_image(&image, 64, &[], |root| {
        for folder in ["root", "home/anna", "etc", "var/log/audit"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        write_file(&root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
        write_file(&root.join("root/.bash_history"), std::fs::read(&history).unwrap());
        write_file(&root.join("home/anna/.bash_history"), "id\n");
        let exec = "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes uid=0 auid=1000
type=EXECVE msg=audit(1.000:1): argc=2 a0=\"chmod\" a1=\"4755\"\n";
        write_file(&root.join("var/log/audit/audit.log"), exec);
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    let rows = query(
        &case,
        "SELECT time / 1000000000 AS time, message FROM timeline WHERE path = '/root/.bash_history'
            AND kind = 'shell.command' ORDER BY id",
    );
    let ours: Vec<(i64, String)> = rows
        .iter()
        .map(|row| {
            let message = row["message"].as_str().unwrap().replace("\\u{a}", "\n");
            (row["time"].as_i64().unwrap(), message)
        })
        .collect();
    assert_eq!(ours, expected);

    let commands = query(&case, "root-commands");
    let kinds = commands.iter().map(|row| row["kind"].as_str().unwrap());
    assert_eq!(kinds.clone().filter(|kind| *kind == "shell.command").count(), 8);
    assert_eq!(kinds.filter(|kind| *kind == "audit.exec").count(), 1);
    assert_eq!(commands[0]["message"], "chmod 4755");
}
