//! Pages on web servers that run what a request tells them to.

use super::{ContentRule, Of, marks, near, rule};
use crate::traits::Traits;
use kanshiki_model::{Confidence, Question, Severity};

pub(crate) const RULES: &[&ContentRule] = &[
    &REQUEST_RUN,
    &REQUEST_CALLED,
    &REQUEST_TO_COMMAND,
    &REQUEST_INCLUDED,
    &REQUEST_WRITTEN,
    &UPLOADER,
    &OBFUSCATED,
    &REPLACE_EVALUATES,
    &HEX_NAMES,
    &CHARACTER_CHAIN,
    &KNOWN,
    &IN_IMAGE,
    &UPLOADED,
    &HTACCESS,
    &JSP,
    &ASP,
    &GATEWAY,
];

const NEXT: &str = "Look in the web server's log for requests to this page: from which address, with which parameters, since \
    when; and what was written to the folder at the time it appeared.";

const fn shell(of: Of) -> ContentRule {
    rule(Question::Persists, NEXT, of)
}

/// What may hold PHP: pages, and files that only pretend to be something else.
const PHP: Traits = Traits::PHP;

pub(crate) static REQUEST_RUN: ContentRule = shell(Of {
    id: "content.web-shell",
    weight: (Severity::High, Confidence::High),
    technique: "T1505.003",
    title: "A page runs what a request brings",
    explanation: "Whoever knows the page runs programs or code on the server with the rights of the web server, without login.",
    triggers: &[
        near(
            PHP,
            &[
                "$_POST",
                "$_GET",
                "$_REQUEST",
                "$_COOKIE",
                "$_SERVER",
                "$_FILES",
                "php://input",
                "getallheaders",
                "getenv",
                "$HTTP_RAW_POST_DATA",
            ],
            r#"(?i)(?:^|[^\w>:$'"])(?:eval|assert|system|passthru|shell_exec|exec|popen|proc_open|pcntl_exec|create_function)\s*\(\s*(?:(?:stripslashes|base64_decode|gzinflate|gzuncompress|str_rot13|urldecode|rawurldecode|trim|strrev|hex2bin|implode|end|current|reset)\s*\(|@|\(|\s|\.|["']{2}|["']\?>["']|["']['"]?,){0,8}\s*["']?(?:\$\{?_(?:POST|GET|REQUEST|COOKIE|FILES)\b|\$\{?_SERVER\s*\[\s*["']HTTP_|file_get_contents\s*\(\s*["']php://input|\$HTTP_RAW_POST_DATA|getallheaders\s*\(|getenv\s*\(\s*["']HTTP_)"#,
        ),
        near(
            PHP,
            &["$_POST", "$_GET", "$_REQUEST", "$_COOKIE"],
            r"(?:=|echo|print|return|\()\s*`[^`\n]{0,40}\$\{?_(?:POST|GET|REQUEST|COOKIE)\b",
        ),
    ],
});

/// Told by [`crate::php`], as are the four behind it, and much of the one before.
pub(crate) static REQUEST_CALLED: ContentRule = shell(Of {
    id: "content.web-shell-call",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1505.003",
    title: "A page calls a function that a request names, or whose name is hidden",
    explanation: "The name of the function comes with the request, or is put together or passed on, so that no call of `system` \
        stands in the page; what the request brings is run.",
    triggers: &[],
});

pub(crate) static REQUEST_TO_COMMAND: ContentRule = shell(Of {
    id: "content.web-shell-variable",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1505.003",
    title: "A page takes a value from a request and runs it",
    explanation: "A variable gets what the request brings, and a few lines later a shell or PHP itself runs what it holds. \
        Careless pages for administrators look the same.",
    triggers: &[],
});

pub(crate) static REQUEST_INCLUDED: ContentRule = shell(Of {
    id: "content.web-shell-include",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1505.003",
    title: "A page includes the file that a request names",
    explanation: "PHP runs what the file holds: one that was sent, a log that quotes requests, or one from elsewhere. Careless \
        pages do so without ill will; whoever knows the page runs code all the same.",
    triggers: &[],
});

pub(crate) static REQUEST_WRITTEN: ContentRule = shell(Of {
    id: "content.web-shell-writes",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1505.003",
    title: "A page writes what a request brings to the file that it names",
    explanation: "Whoever knows the page leaves further pages and programs on the server.",
    triggers: &[],
});

pub(crate) static UPLOADER: ContentRule = shell(Of {
    id: "content.web-shell-upload",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1505.003",
    title: "A page takes any file under the name that is sent with it",
    explanation: "Neither the kind nor the ending of the file is looked at, nor who sends it: a page with code can be left so.",
    triggers: &[],
});

static OBFUSCATED: ContentRule = shell(Of {
    id: "content.obfuscated-php",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1027",
    title: "PHP that unpacks itself and runs what comes out",
    explanation: "The program is packed so that neither people nor scanners read it. Some vendors pack what they sell this way.",
    triggers: &[
        near(
            PHP.and(Traits::HTACCESS),
            &[
                "gzinflate",
                "gzuncompress",
                "gzdecode",
                "base64_decode",
                "str_rot13",
                "strrev",
                "hex2bin",
                "uudecode",
                "rawurldecode",
            ],
            r#"(?i)(?:^|[^\w>:$])(?:eval|assert)\s*\(\s*(?:["']\?>["']\s*\.|@|\(|\s){0,6}(?:gzinflate|gzuncompress|gzdecode|base64_decode|str_rot13|strrev|rawurldecode|urldecode|hex2bin|convert_uudecode|htmlspecialchars_decode)\s*\("#,
        ),
        near(
            PHP,
            &["create_function"],
            r#"(?i)create_function\s*\(\s*["'][^"'\n]{0,40}["']\s*,\s*(?:base64_decode|gzinflate|str_rot13|strrev|hex2bin)\s*\("#,
        ),
    ],
});

static REPLACE_EVALUATES: ContentRule = shell(Of {
    id: "content.replace-evaluates",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1505.003",
    title: "PHP evaluates what a replacement brings",
    explanation: "With the modifier `e`, which PHP had up to version 5, `preg_replace` runs its second argument as code.",
    triggers: &[near(
        PHP,
        &["preg_replace"],
        r#"(?i)preg_replace\s*\(\s*["']([/#~|@!])[^\n"']{0,80}[/#~|@!][imsxu]{0,4}e[imsxu]{0,4}["']\s*,\s*[^\n]{0,120}(?:\$_(?:POST|GET|REQUEST|COOKIE|SERVER)|eval|base64_decode|\\x[0-9a-f]{2})"#,
    )],
});

static HEX_NAMES: ContentRule = shell(Of {
    id: "content.hidden-names",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1027",
    title: "PHP whose names are written in numbers",
    explanation: "Names of variables and functions are written as codes of their letters, as obfuscators of malware do.",
    triggers: &[near(
        PHP,
        &["${\"\\x", "${\"\\1", "${'\\x"],
        r#"(?i)\$\{\s*["'](?:\\x[0-9a-f]{2}|\\[0-7]{2,3}|\w){3,60}["']\s*\}"#,
    )],
});

static CHARACTER_CHAIN: ContentRule = shell(Of {
    id: "content.character-chain",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1027",
    title: "A text put together from codes of single letters",
    explanation: "A long chain of letters by number hides what is called or written.",
    triggers: &[near(
        PHP.and(Traits::ASP),
        &["chr(", "chrw("],
        r"(?i)(?:chrw?\s*\(\s*(?:0x)?[0-9a-f]{1,4}(?:\s*[-+*^]\s*\d{1,4})?\s*\)\s*[.&]\s*){14}",
    )],
});

static KNOWN: ContentRule = shell(Of {
    id: "content.known-web-shell",
    weight: (Severity::High, Confidence::High),
    technique: "T1505.003",
    title: "A known web shell",
    explanation: "It bears the name or the marks of a web shell that is passed around.",
    triggers: &[
        marks(
            PHP.and(Traits::PERL).and(Traits::PYTHON).and(Traits::JSP).and(Traits::ASP).and(Traits::IMAGE),
            1,
            &[
                "c99shell",
                "c99sh_",
                "r57shell",
                "FilesMan",
                "b374k",
                "WebShellOrb",
                "p0wny@shell",
                "p0wnyShell",
                "Antichat Shell",
                "Ani-Shell",
                "IndoXploit",
                "AnonymousFox",
                "ALFA TEaM Shell",
                "AntSword",
                "WSO_VERSION",
                "Gecko Backdoor",
                "mini shell by",
                "Jsp File Browser",
                "JspSpy",
                "aspxspy",
                "Weevely",
                "PhpSpy",
                "Safe0ver",
                "0byt3m1n1",
                "Kacak FSO",
                "NetworkFileManagerPHP",
                "Locus7Shell",
                "StAkeR ~ Shell",
                "MulCiShell",
            ],
        ),
        near(PHP, &["$kh=\"", "$kf=\""], r#"\$k\w?="[0-9a-f]{8}";\s*\$kh="[0-9a-f]{12}""#),
    ],
});

static IN_IMAGE: ContentRule = shell(Of {
    id: "content.code-in-image",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1036",
    title: "PHP inside a picture",
    explanation: "The file begins like a picture, so that checks of uploads pass it; a server that runs it as PHP runs this code.",
    triggers: &[near(
        Traits::IMAGE,
        &[
            "<?php",
            "<?=$",
            "<?=`",
            "<?=@",
            "<?= $",
            "<?= `",
            "<?= @",
            "<?=eval",
            "<?=system",
            "<?=passthru",
            "<?=shell_exec",
        ],
        r#"(?i)<\?(?:php\s|=\s*[$`@a-z])[\t\n\r -~]{0,400}?(?:\beval\b|\bassert\b|\bsystem\b|passthru|shell_exec|\bexec\b|base64_decode|\$_(?:GET|POST|REQUEST|COOKIE|FILES)|move_uploaded_file)"#,
    )],
});

/// Bytes up to which a page in a folder of uploads only keeps the server from listing the folder.
pub(super) const SILENCE: u64 = 64;

pub(super) static UPLOADED: ContentRule = shell(Of {
    id: "content.page-among-uploads",
    weight: (Severity::Medium, Confidence::Medium),
    technique: "T1505.003",
    title: "A page of PHP lies where visitors' files are put",
    explanation: "Folders of uploads hold pictures and documents; a page there came with an upload, or is meant to be taken for one.",
    triggers: &[],
});

/// Whether a path leads into a folder of uploads below a web server's.
pub(super) fn is_upload(path: &[u8]) -> bool {
    let lower = path.to_ascii_lowercase();
    let folders = [
        &b"/uploads/"[..],
        b"/upload/",
        b"/wp-content/uploads/",
        b"/images/stories/",
        b"/.well-known/",
        b"/media/avatars/",
    ];
    let places = [&b"/var/www/"[..], b"/srv/", b"/public_html/", b"/htdocs/", b"/wwwroot/", b"/html/", b"/wp-content/"];
    let has = |part: &&[u8]| memchr::memmem::find(&lower, part).is_some();
    folders.iter().any(&has) && places.iter().any(has)
}

static HTACCESS: ContentRule = shell(Of {
    id: "content.runs-pictures",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1505.003",
    title: "Settings of a folder make the web server run other files as PHP",
    explanation: "Pictures or texts are run as code, or a file is run before every page: a way to keep a web shell out of sight.",
    triggers: &[
        near(
            Traits::HTACCESS,
            &["AddType", "AddHandler", "SetHandler", "auto_prepend_file", "auto_append_file"],
            r#"(?im)^\s*(?:AddType\s+application/x-httpd-php\w*\s[^\n]*\.(?:jpe?g|png|gif|ico|txt|bmp|svg|pdf|log|css|js|webp|mp3)\b|AddHandler\s+\S*php\S*\s[^\n]*\.(?:jpe?g|png|gif|ico|txt|log|bmp|svg|css|js|webp)\b|(?:php_value\s+)?auto_(?:prepend|append)_file\s*=?\s*["']?[^\s"'#]{2,})"#,
        ),
        near(
            Traits::HTACCESS,
            &["SetHandler"],
            r#"(?is)<Files(?:Match)?\s[^>\n]{0,80}\.?(?:jpe?g|png|gif|ico|txt)[^>\n]{0,40}>[^<]{0,200}SetHandler\s+["']?(?:application/x-httpd-php|php)"#,
        ),
    ],
});

static JSP: ContentRule = shell(Of {
    id: "content.web-shell-jsp",
    weight: (Severity::High, Confidence::High),
    technique: "T1505.003",
    title: "A page of Java runs what a request brings",
    explanation: "Whoever knows the page runs programs on the server with the rights of the application server, without login.",
    triggers: &[near(
        Traits::JSP,
        &["getParameter", "getHeader", "getInputStream", "getReader"],
        r"(?is)(?:Runtime\s*\.\s*getRuntime\s*\(\s*\)\s*\.\s*exec|new\s+ProcessBuilder)\s*\(.{0,200}request\s*\.\s*get(?:Parameter|Header)|request\s*\.\s*get(?:Parameter|Header|Reader|InputStream)\s*\(.{0,700}(?:getRuntime\s*\(\s*\)\s*\.\s*exec|new\s+ProcessBuilder|\bdefineClass\b)",
    )],
});

static ASP: ContentRule = shell(Of {
    id: "content.web-shell-asp",
    weight: (Severity::High, Confidence::High),
    technique: "T1505.003",
    title: "A page of ASP runs what a request brings",
    explanation: "Whoever knows the page runs code on the server with the rights of the web server, without login.",
    triggers: &[near(
        Traits::ASP,
        &["eval", "execute", "wscript.shell", "ProcessStartInfo", "Process.Start"],
        r#"(?is)(?:\b(?:eval|execute(?:global)?)\s*\(?\s*(?:\w+\s*\(\s*)?request\b|wscript\.shell.{0,400}\.(?:exec|run)\s*\(?[^\n]{0,80}request\b|request\b.{0,400}(?:ProcessStartInfo|Process\.Start|wscript\.shell))"#,
    )],
});

static GATEWAY: ContentRule = shell(Of {
    id: "content.web-shell-cgi",
    weight: (Severity::High, Confidence::Medium),
    technique: "T1505.003",
    title: "A script of the web server runs what a request brings",
    explanation: "A parameter of the request goes to a shell or is evaluated as code.",
    triggers: &[
        near(
            Traits::PERL,
            &["param("],
            r"(?:\b(?:system|exec|eval|open)\s*\(?\s*[^\n;]{0,24}(?:\$\w+->)?\bparam\s*\(|`[^`\n]{0,20}(?:\$\w+->)param\s*\(|qx[({/]\s*\$\w+->param\s*\()",
        ),
        near(
            Traits::PYTHON,
            &["getvalue(", "request.args", "request.form", "request.values", "request.GET", "request.POST"],
            r"\b(?:os\.(?:system|popen)|subprocess\.\w{2,14}|eval|exec)\s*\(\s*(?:str\(\s*)?(?:\w+\.getvalue|request\.(?:args|form|values|GET|POST))\b",
        ),
    ],
});
