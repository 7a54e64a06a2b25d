// Pages of web servers, beyond what is known of them without rules.

rule Page_With_Default_Key_Of_A_Shell : attack_persistence attack_t1505_003
{
    meta:
        description = "A page decrypts what requests bring with the key that a web shell has by default"
        severity = "high"
    strings:
        // The first half of the MD5 of `rebeyond` and of `key`.
        $behinder = "e45e329feb5d925b"
        $godzilla = "3c6e0b8a9c15224a"
        $php = "openssl_decrypt"
        $session = "session_start"
        $xor = /\^\s*\$\w{1,20}\s*\[/
        $java = "SecretKeySpec"
        $net = "RijndaelManaged"
    condition:
        filesize < 200KB and 1 of ($behinder, $godzilla) and 1 of ($php, $session, $xor, $java, $net)
}

rule Page_Keeps_Passwords_Of_Visitors : attack_credential_access attack_t1056_003
{
    meta:
        description = "A page writes the passwords that visitors type into a file"
        severity = "high"
    strings:
        $php = "<?"
        $written = /(file_put_contents|fwrite|fputs|error_log)\s*\([^;]{0,300}\$_(POST|REQUEST)\s*\[\s*['"](pass|passwd|password|pwd|user_pass|login_pass)['"]\s*\]/ nocase
        $hashed = /(password_hash|md5|sha1|crypt|hash)\s*\(\s*\$_(POST|REQUEST)/ nocase
    condition:
        filesize < 1MB and $php and $written and not $hashed
}

rule Page_Keeps_Numbers_Of_Cards : attack_collection attack_t1056_003
{
    meta:
        description = "A page hides numbers of payment cards in a file that looks like a picture or a style sheet"
        severity = "high"
    strings:
        $php = "<?"
        $card = /\$_(POST|REQUEST)\s*(\[\s*['"]payment['"]\s*\]\s*)?\[\s*['"][a-z_-]{0,20}(cc_?num|cc_?number|card_?num|card_?number|cvv|cvc|cc_?cid)[a-z_-]{0,12}['"]/ nocase
        $file = /(file_put_contents|fopen)\s*\(\s*[^;]{0,160}\.(jpe?g|png|gif|ico|bmp|css|woff2?)['"]/ nocase
    condition:
        filesize < 2MB and all of them
}

rule Page_Of_Java_In_Memory_Alone : attack_persistence attack_t1505_003
{
    meta:
        description = "Java that enters itself into a running server as a filter or servlet and defines classes from requests"
        severity = "high"
    strings:
        $class = { CA FE BA BE }
        $page = "<%"
        $enters1 = "addFilterMapBefore"
        $enters2 = "addServletMappingDecoded"
        $enters3 = "addApplicationEventListener"
        $defines = "defineClass"
        $request1 = "getParameter"
        $request2 = "getHeader"
        $request3 = "getReader"
    condition:
        filesize < 500KB and ($class at 0 or $page) and 1 of ($enters*) and $defines and 1 of ($request*)
}
