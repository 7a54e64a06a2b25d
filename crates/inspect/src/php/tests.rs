//! Pages that do what a request tells them, and what people write.

use crate::testing::{facts, rules};

fn told(page: &str) -> Vec<&'static str> {
    rules(&facts("/var/www/html/x.php", page.as_bytes()))
}

#[test]
fn what_a_request_brings_is_followed_to_what_runs_it() {
    for (page, rule) in [
        ("<?php `$_GET[0]`; ?>", "content.web-shell"),
        ("<?=`{$_POST['c']}`?>", "content.web-shell"),
        ("<?php $c = $_GET['c']; echo `ls; $c`;", "content.web-shell-variable"),
        ("<?php $f=\"sys\".\"tem\"; $f($_REQUEST[\"c\"]); ?>", "content.web-shell-call"),
        ("<?php $k=$_COOKIE; $a=$k[1]($k[2]); ?>", "content.web-shell-call"),
        ("<?php array_map(\"assert\",(array)$_POST[\"x\"]); ?>", "content.web-shell-call"),
        ("<?php include($_GET[\"p\"]); ?>", "content.web-shell-include"),
        ("<?php $p = @$_REQUEST['p'] ?: 'x'; require_once $p . '.php';", "content.web-shell-include"),
        ("<?php include 'php://input';", "content.web-shell-include"),
        ("<?php move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);", "content.web-shell-upload"),
        (
            "<?php $t='up/'.basename($_FILES['f']['name']); if (copy($_FILES['f']['tmp_name'],$t)) echo 1;",
            "content.web-shell-upload",
        ),
        ("<?php file_put_contents($_GET[\"n\"],file_get_contents($_GET[\"u\"]));", "content.web-shell-writes"),
        ("<?php $h = fopen($_POST['f'], 'w'); fwrite($h, stripslashes($_POST['c']));", "content.web-shell-writes"),
        (
            "<?php $s='abcdefghijklmnopqrstuvwxyz_'; $f=$s[18].$s[24].$s[18].$s[19].$s[4].$s[12]; $f($_GET['c']);",
            "content.web-shell-call",
        ),
        ("<?php $f = base64_decode('c3lzdGVt'); $f($_POST['c']);", "content.web-shell-call"),
        ("<?php $f = \"\\x73ystem\"; @$f(base64_decode($_POST['c']));", "content.web-shell-call"),
        ("<?php ('sys'.'tem')($_GET['c']);", "content.web-shell-call"),
        ("<?php (\"asser\"^\"\\0\")($_GET['c']);", "content.web-shell-call"),
        ("<?php foreach ($_POST as $k => $v) { $k($v); }", "content.web-shell-call"),
        ("<?php list($a, $b) = array($_GET['a'], $_GET['b']); $a($b);", "content.web-shell-call"),
        ("<?php [$a, $b] = $_REQUEST; $a($b);", "content.web-shell-call"),
        ("<?php ${'_GE'.'T'}['a'](${'_GE'.'T'}['b']);", "content.web-shell-call"),
        ("<?php $GLOBALS['_POST']['a']($_POST['b']);", "content.web-shell-call"),
        ("<?php usort($_POST, $_GET['f']);", "content.web-shell-call"),
        ("<?php $e = $_REQUEST['e']; register_shutdown_function($e, $_REQUEST['a']);", "content.web-shell-call"),
        ("<?php preg_replace_callback('/.+/', 'system', $_GET['c']);", "content.web-shell-call"),
        ("<?php filter_var($_REQUEST['c'], FILTER_CALLBACK, array('options' => 'assert'));", "content.web-shell-call"),
        ("<?php call_user_func(create_function('', $_POST['c']));", "content.web-shell"),
        ("<?php $c = file_get_contents('php://input'); eval($c);", "content.web-shell-variable"),
        ("<?php function go() { $c = $_GET['c']; system($c . ' 2>&1'); } go();", "content.web-shell-variable"),
        ("<html><? /* a */ $c /* b */ = $_GET['c'] ?? ''; # c ?>\n<? \\system($c) ?>", "content.web-shell-variable"),
        ("<?php (new ReflectionFunction($_GET['f']))->invoke($_GET['a']);", "content.web-shell-call"),
        ("<?php $x = <<<A\n$_GET[c]\nA;\nsystem($x);", "content.web-shell-variable"),
    ] {
        assert_eq!(told(page), [rule], "{page}");
    }
}

#[test]
fn what_people_write_is_not_told() {
    for page in [
        "<?php $callback = $this->callbacks[$name]; $callback($value); $callback($_POST['x']);",
        "<?php function each_of($callback) { return array_map($callback, $_POST); }",
        "<?php include __DIR__.\"/x.php\"; require_once(dirname(__FILE__) . '/' . $name . '.php');",
        "<?php include 'pages/' . basename($_GET['page']) . '.php';",
        "<?php $p = $_GET['p']; if (!in_array($p, array('a', 'b'))) die(); include $p . '.php';",
        "<?php $p = isset($pages[$_GET['p']]) ? $pages[$_GET['p']] : 'home.php'; include $p;",
        "<?php $do = $_GET['do']; if (isset($table[$do])) { $do($_POST['x']); }",
        "<?php $p = $_GET['p'] == 'about' ? 'about.php' : 'home.php'; include $p;",
        "<?php switch ($_GET['p']) { case 'a': include 'a.php'; break; }",
        "<?php $action = 'do_' . $_GET['action']; if (function_exists($action)) $action();",
        "<?php $c = $_GET['c']; $c = 'ls'; system($c);",
        "<?php $n = (int) $_GET['n']; passthru(\"ping -c $n example.org\"); system('id ' . escapeshellarg($_GET['u']));",
        "<?php $db->exec($_POST['q']); DB::exec($_GET['q']); $db->$method($_GET['q']); new $class($_POST['x']); new $_GET['m']($_GET['s']);",
        "<?php $sql = \"SELECT `id` FROM t WHERE a = '$_GET[a]'\"; $x = '`$_GET[0]`'; // `$_GET[0]`\n",
        "<?php $f = 'trim'; $f($_POST['x']); array_map('intval', $_POST['ids']); usort($_POST['a'], 'strcmp');",
        "<?php function a() { $c = $_GET['c']; } function b($c) { system($c); }",
        "<?php array_map(function ($x) { return trim($x); }, $_POST['x']); array_walk($_GET, fn($x) => $x);",
        "<?php $e = pathinfo($_FILES['f']['name'], PATHINFO_EXTENSION); if (in_array($e, $ok)) \
            move_uploaded_file($_FILES['f']['tmp_name'], 'up/' . $_FILES['f']['name']);",
        "<?php if ($_FILES['f']['type'] == 'image/png') move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);",
        "<?php move_uploaded_file($_FILES['f']['tmp_name'], '/srv/in/' . $number . '.bin');",
        "<?php file_put_contents('notes.txt', $_POST['text']); file_put_contents(\"cache/\" . sha1($_GET['u']), $body);",
        "<?php function system_of($x) { return $x; } echo system_of($_GET['x']);",
        "<b>`$_GET[0]`</b> is not PHP, nor is include $_GET['p'];",
    ] {
        assert_eq!(told(page), [""; 0], "{page}");
    }
}

#[test]
fn pages_that_do_not_end_do() {
    for piece in [
        "(",
        "[",
        "{",
        "$a[",
        "$a=",
        "function(){",
        "\"",
        "`",
        "/*",
        "<<<A\n",
        "<?php ",
        "?>",
        "$$",
        "${",
        "foreach(",
        "new ",
        "->",
        "(int)",
        "@(array)",
        "(int)@",
    ] {
        told(&format!("<?php {}", piece.repeat(20_000)));
    }
    let mut signs = Vec::new();
    let mut issues = Vec::new();
    let mut page = super::Page::new(crate::traits::Traits::PHP);
    page.take(0, &vec![b' '; 5 << 20]);
    page.finish("/x.php", &mut signs, &mut issues);
    assert_eq!(issues.len(), 1);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(pieces in proptest::collection::vec(proptest::sample::select(&[
        "<?php ", "?>", "$a", "$_GET", "[", "]", "(", ")", "{", "}", "=", ".", "'x'", "\"$a[b]", "\"", "`", "<<<E\n", "\nE;", "function ",
        "foreach", " as ", "list", "fn", "=>", "->", "::", "new ", "?", ":", ";", ",", "include ", "system", "isset", "\\", "\u{fc}", "$", "0",
        "array_map", "(int)", "match", "or ",
    ][..]), 0..80)) {
        told(&pieces.concat());
    }
}
