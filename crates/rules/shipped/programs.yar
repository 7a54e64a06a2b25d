// Programs and scripts, beyond what is known of them without rules.

rule Login_Program_Keeps_Passwords : attack_credential_access attack_t1556_003
{
    meta:
        description = "An SSH server or PAM module writes down names with their passwords"
        severity = "high"
    strings:
        $ssh = "SSH-2.0-"
        $daemon = "keyboard-interactive"
        $pam = "pam_sm_authenticate"
        $format1 = /(user|username|login|name|usr)[ =:|>-]{1,4}%s[^\x00\n]{0,24}(pass|passwd|password|pwd)[ =:|>-]{1,4}%s/ nocase
        $format2 = /%s@%s[^\x00\n]{0,8}(pass|passwd|password|pwd)[ =:|>-]{1,4}%s/ nocase
    condition:
        uint32(0) == 0x464c457f and (($ssh and $daemon) or $pam) and 1 of ($format*)
}

rule Module_Of_Web_Server_Starts_Shells : attack_persistence attack_t1505_004
{
    meta:
        description = "A small module of a web server holds the path of a shell and starts programs"
        severity = "medium"
    strings:
        $apache = "ap_hook_"
        $nginx = "ngx_http_core_module"
        $shell1 = "/bin/sh"
        $shell2 = "/bin/bash"
        $start1 = "popen"
        $start2 = "execl"
        $start3 = "forkpty"
        $start4 = "execve"
        $language = "zend_"
    condition:
        uint32(0) == 0x464c457f and filesize < 1MB and 1 of ($apache, $nginx) and 1 of ($shell*) and 1 of ($start*)
        and not $language
}

rule Program_For_The_Kernel_Hides_Names : attack_defense_evasion attack_t1014
{
    meta:
        description = "A program that is loaded into the kernel as BPF and stands where names of files are listed"
        severity = "high"
    strings:
        $point1 = "syscalls/sys_exit_getdents64"
        $point2 = "syscalls/sys_enter_getdents64"
        $point3 = /kprobe\/[a-z_]{0,12}sys_getdents64/
        $writes = "bpf_probe_write_user"
    condition:
        uint32(0) == 0x464c457f and (2 of ($point*) or (1 of ($point*) and $writes))
}

rule Script_Runs_A_Program_From_Memory : attack_defense_evasion attack_t1620
{
    meta:
        description = "A script makes a file in memory alone and runs it, so that no program is left on the disk"
        severity = "high"
    strings:
        $script1 = "#!"
        $script2 = "import "
        $script3 = "use "
        // memfd_create has number 319 on x86-64 and 279 on arm64.
        $call1 = /syscall\s*\(\s*(319|279)\s*,/
        $call2 = "memfd_create"
        $run1 = /exec[lv]?[pe]*\s*\(?[^\n;]{0,40}\/proc\/(self|\$\$|%d|\{[^\n}]{0,30}\})\/fd\//
        $run2 = /exec\s*\{?["'][^\n"']{0,10}\/proc\/\$\$\/fd\//
        $run3 = "fexecve"
    condition:
        // What is written about the two calls is no script that makes them.
        filesize < 8MB and uint32(0) != 0x464c457f and 1 of ($call*) and
        ($script1 at 0 and 1 of ($run*) or 1 of ($script2, $script3) and 1 of ($run1, $run2))
}

rule Locks_Files_Of_Virtual_Machines : attack_impact attack_t1486
{
    meta:
        description = "A program that stops virtual machines and encrypts their disks"
        severity = "high"
    strings:
        $stop1 = "esxcli"
        $stop2 = "vm process kill"
        $stop3 = "vim-cmd vmsvc"
        $disk1 = ".vmdk"
        $disk2 = ".vmx"
        $lock1 = "encrypt" nocase
        $lock2 = ".onion"
    condition:
        uint32(0) == 0x464c457f and 1 of ($stop*) and 1 of ($disk*) and 1 of ($lock*)
}

rule Ransom_Note : attack_impact attack_t1486
{
    meta:
        description = "A note that asks for money for files that were encrypted or taken away"
        severity = "high"
    strings:
        $what1 = /your (files|data|documents|databases?|network|servers?|backups?)( \w+){0,6} (have|has|were|was|are|is)( \w+){0,3} (encrypted|locked|downloaded|stolen|exfiltrated|backed up)/ nocase
        $what2 = /(recover|restore|decrypt|get back) (all )?(of )?your (lost )?(files|data|documents|databases?)/ nocase
        $pay1 = ".onion"
        $pay2 = "bitcoin" nocase
        $pay3 = /\b[0-9.]{1,8} ?BTC\b/
        $pay4 = "decryptor" nocase
        $pay5 = "monero" nocase
        $pay6 = "torproject.org"
    condition:
        filesize < 64KB and (($what1 and 1 of ($pay*)) or ($what2 and 2 of ($pay*)))
}

rule Starts_With_Every_Python : attack_persistence attack_t1546_018
{
    meta:
        description = "A line that every start of Python runs fetches, decodes or starts something"
        severity = "high"
    strings:
        $line = /^import [^\n]{0,2000}(base64|urllib|subprocess|os\.system|socket|zlib\.decompress|marshal\.loads)/
        $later = /\nimport [^\n]{0,2000}(base64|urllib|subprocess|os\.system|socket|zlib\.decompress|marshal\.loads)/
    condition:
        extension == ".pth" and filesize < 1MB and ($line at 0 or $later)
}

rule Package_Of_Node_Fetches_When_Installed : attack_execution attack_t1195_002
{
    meta:
        description = "A package of Node.js runs something from the network when it is installed"
        severity = "medium"
    strings:
        $run = /"(preinstall|install|postinstall)"\s*:\s*"[^"\n]{0,400}((curl|wget)[^"\n]{0,300}\|\s*(ba|da|z)?sh|base64 (-d|--decode)|\/dev\/tcp\/)/
    condition:
        filename == "package.json" and filesize < 1MB and $run
}
