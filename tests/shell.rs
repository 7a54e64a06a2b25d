//! `kanshiki shell`, through a pipe and on a terminal.

use kanshiki_testkit::{
    Need, Ran, Workplace, debugfs_write, kanshiki_path, need, run, tool_path, wait_until, write_file,
};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// An image with a few files; no rights are needed.
fn image(place: &Workplace) -> PathBuf {
    let (image, source) = (place.path("disk.raw"), place.path("source"));
    std::fs::create_dir_all(source.join("etc/ssh")).unwrap();
    std::fs::create_dir_all(source.join("my dir")).unwrap();
    write_file(&source.join("etc/passwd"), "root:x:0\nuser:x:1000\n");
    write_file(&source.join("etc/ssh/sshd_config"), "PermitRootLogin yes\n");
    write_file(&source.join("my dir/a; touch harmed"), "quoted\n");
    let mut make = Command::new(tool_path("mkfs.ext4").unwrap());
    let _ = run(make.args(["-q", "-F", "-d"]).arg(&source).arg(&image).arg("16M")).exits(0);
    debugfs_write(&image, "mkdir /empty");
    image
}

/// Runs the shell with these lines as its standard input, in the workplace.
fn shell(place: &Workplace, image: &Path, lines: &str) -> Ran {
    let input = place.path("lines");
    write_file(&input, lines);
    let mut command = Command::new(kanshiki_path());
    command.arg("shell").arg(image).current_dir(place.path(""));
    let output = command.stdin(std::fs::File::open(input).unwrap()).output().unwrap();
    Ran::of(&output)
}

#[test]
fn lines_from_a_pipe_are_done_one_after_the_other() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = image(&place);
    let lines = "# a script\npwd\ncd etc\npwd\nls\ncat passwd\ncd ssh\ncat sshd_config\ncat ../passwd | wc -l\ncd -\npwd\n\
                 cat '/my dir/a; touch harmed'\n";
    let ran = shell(&place, &image, lines).exits(0);
    assert_eq!(ran.stdout, "/\n/etc\npasswd\nssh\nroot:x:0\nuser:x:1000\nPermitRootLogin yes\n2\n/etc\nquoted\n");
    assert!(!place.path("harmed").exists());
}

#[test]
fn a_name_is_taken_as_ls_shows_it() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    std::fs::create_dir(&source).unwrap();
    write_file(&source.join("new\nline"), "found\n");
    let image = place.path("disk.raw");
    let mut make = Command::new(tool_path("mkfs.ext4").unwrap());
    let _ = run(make.args(["-q", "-F", "-d"]).arg(&source).arg(&image).arg("16M")).exits(0);
    let ran = shell(&place, &image, "ls\ncat new\\u{a}line\n").exits(0);
    assert_eq!(ran.stdout, "lost+found\nnew\\u{a}line\nfound\n");
}

#[test]
fn what_stands_behind_a_pipe_is_run_on_this_machine_and_nothing_else_is() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = image(&place);
    let ran = shell(&place, &image, "cat etc/passwd | grep root | tr a-z A-Z\nls 'a|b' $(touch harmed)\n");
    assert_eq!(ran.stdout, "ROOT:X:0\n");
    assert!(!place.path("harmed").exists());
    let ran = shell(&place, &image, "cat etc/passwd > stolen\n").exits(2);
    assert!(ran.stderr.contains("| cat > file"), "{}", ran.stderr);
    assert!(!place.path("stolen").exists());
    let _ = shell(&place, &image, "cat etc/passwd | cat > kept\n").exits(0);
    assert_eq!(std::fs::read_to_string(place.path("kept")).unwrap(), "root:x:0\nuser:x:1000\n");
}

#[test]
fn a_line_that_fails_does_not_end_the_shell_and_tells_by_the_exit_code() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = image(&place);
    let ran = shell(&place, &image, "cat no-such\ncat etc/passwd | wc -l\n").exits(4);
    assert_eq!(ran.stdout, "2\n");
    assert!(ran.stderr.contains("`no-such`"), "{}", ran.stderr);
    let ran = shell(&place, &image, "acquire /dev/null\n").exits(2);
    assert!(ran.stderr.contains("no verb `acquire` here"), "{}", ran.stderr);
    let ran = shell(&place, &image, "cd etc/passwd\n").exits(4);
    assert!(ran.stderr.contains("`/etc/passwd` is no directory"), "{}", ran.stderr);
    let ran = shell(&place, &image, "exit\ncat etc/passwd\n").exits(0);
    assert_eq!(ran.stdout, "");
    let ran = shell(&place, &image, "help\nhelp ls\n").exits(0);
    assert!(ran.stdout.contains("  extract ") && ran.stdout.contains("Usage: kanshiki ls"), "{}", ran.stdout);
}

#[test]
fn files_are_extracted_from_the_chosen_directory() {
    if !need(NEEDS) {
        return;
    }
    let place = Workplace::new();
    let image = image(&place);
    let _ = shell(&place, &image, "cd etc\nextract ssh --to out --quiet\n").exits(0);
    assert_eq!(std::fs::read_to_string(place.path("out/files/etc/ssh/sshd_config")).unwrap(), "PermitRootLogin yes\n");
}

/// A shell on a terminal, made by `script`.
struct Terminal {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn open(command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                heard.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { child, said }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Waits for a text; what was shown up to its end counts no more.
    fn wait(&self, text: &str) {
        wait_until(&format!("`{text}` is shown"), || {
            let mut said = self.said.lock().unwrap();
            let found = said.windows(text.len()).position(|window| window == text.as_bytes());
            found.inspect(|at| drop(said.drain(..at + text.len()))).is_some()
        });
    }

    fn write(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn on_a_terminal_names_are_completed_lines_come_back_and_control_d_ends_the_shell() {
    if !need(NEEDS) || tool_path("script").is_none() {
        return;
    }
    let place = Workplace::new();
    let image = image(&place);
    let mut terminal = Terminal::open(&format!("'{}' shell '{}'", kanshiki_path().display(), image.display()));
    terminal.wait("kanshiki:/> ");
    terminal.write("cat et\tpas\t\r");
    terminal.wait("user:x:1000");
    terminal.wait("kanshiki:/> ");
    // The line before, by the arrow upwards.
    terminal.write("\u{1b}[A\r");
    terminal.wait("user:x:1000");
    terminal.wait("kanshiki:/> ");
    terminal.write("cd my\t\r");
    terminal.wait("kanshiki:/my dir> ");
    terminal.write("nonsense\u{3}");
    terminal.wait("kanshiki:/my dir> ");
    terminal.write("\u{4}");
    let mut code = None;
    wait_until("the shell ends", || {
        code = terminal.child.try_wait().unwrap().and_then(|status| status.code());
        code.is_some()
    });
    assert_eq!(code, Some(0), "{}", terminal.text());
}
