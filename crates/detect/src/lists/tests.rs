//! Files of lists, known and bad.

use crate::Options;
use crate::contents::find;
use crate::testing::{found_with, titles, view};
use kanshiki_filesystem::View;
use kanshiki_model::{Algorithm, Hasher};
use kanshiki_testkit::{tempdir, write_file};

const SHELL: &str = "<?php\n@eval($_POST['x']);\n";

fn digest(algorithm: Algorithm, text: &str) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(text.as_bytes());
    hasher.finish().to_hex()
}

/// A web shell that nobody brought, and a page that a package brought.
fn files() -> View {
    view(&[
        ("/var/lib/dpkg/status", "Package: wp\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"),
        ("/var/lib/dpkg/info/wp.list", "/.\n/var\n/var/www\n/var/www/html\n/var/www/html/index.php\n"),
        ("/var/www/html/index.php", "<?php echo 1;\n"),
        ("/var/www/html/x.php", SHELL),
    ])
}

#[test]
fn a_known_file_is_told_by_no_rule_about_contents_and_others_are() {
    let place = tempdir();
    let list = place.path().join("known");
    let titles_with = |list_holds: &str| {
        write_file(&list, list_holds);
        let options = Options { known: vec![list.clone()], ..Options::default() };
        titles(&found_with(&files(), &[], find, &options))
    };
    let other = format!("{}  x\n", digest(Algorithm::Md5, "something else"));
    assert_eq!(titles_with(&other).len(), 1);
    assert_eq!(titles_with(&format!("{other}{}  x\n", digest(Algorithm::Md5, SHELL))), [""; 0]);
}

#[test]
fn a_bad_file_is_told_with_its_line_even_if_a_package_brought_it() {
    let place = tempdir();
    let (list, other) = (place.path().join("bad.txt"), place.path().join("other.txt"));
    let page = digest(Algorithm::Sha1, "<?php echo 1;\n");
    write_file(&list, format!("# what we know\n{page}  Loader.A\n{}  Shell.B\n", digest(Algorithm::Sha1, SHELL)));
    write_file(&other, format!("{}\n", digest(Algorithm::Sha256, "absent")));
    let options = Options { bad: vec![list, other], ..Options::default() };
    let found = found_with(&files(), &[], find, &options);
    let told = titles(&found);
    assert!(told.contains(&"high lists.bad: file of the list bad.txt: /var/www/html/index.php".to_owned()), "{told:?}");
    assert!(told.contains(&"high lists.bad: file of the list bad.txt: /var/www/html/x.php".to_owned()), "{told:?}");
    assert!(told.iter().any(|it| it.contains("content.web-shell")), "{told:?}");
    assert_eq!(told.len(), 3, "{told:?}");
    let first = found.findings.iter().find(|it| it.key.ends_with("index.php")).unwrap();
    let expected = format!("Its sha1 {page} stands in line 2 of bad.txt: {page}  Loader.A");
    assert!(first.explanation.contains("belongs to wp.") && first.explanation.contains(&expected), "{first:?}");
    let kinds: Vec<_> = first.indicators.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["path", "sha1", "sha256"]);
    let rows: Vec<_> = found.inventory.iter().filter(|row| row.kind == "list").map(|row| row.facts.as_str()).collect();
    assert!(rows[0].contains("\"digests\":2,\"files_found\":2"), "{rows:?}");
    assert!(rows[1].contains("\"digests\":1,\"files_found\":0"), "{rows:?}");
}
