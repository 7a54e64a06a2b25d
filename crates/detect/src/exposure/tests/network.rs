//! Services beyond SSH, FTP and MySQL, PAM, and secrets: each with its silent twin.

use super::{allows, found, none, told};
use crate::exposure::find;
use crate::testing::{found_in, titles, with_modes};

#[test]
fn proftpd_and_pure_ftpd_are_judged_by_their_own_settings() {
    let path = "/etc/proftpd/proftpd.conf";
    let plain = "medium exposure.plain-text: proftpd takes passwords of accounts in plain text";
    assert_eq!(told(&[(path, "ServerName x\n")]), [plain]);
    let tls = "TLSEngine on\nTLSRequired on\n";
    assert_eq!(told(&[(path, tls)]), none());
    assert_eq!(told(&[(path, "TLSEngine on\n")]), [plain]);
    assert_eq!(told(&[(path, "DefaultAddress 127.0.0.1\n")]), none());
    let anonymous = format!(
        "{tls}<Anonymous ~ftp>\n User ftp\n <Directory *>\n  <Limit WRITE>\n   DenyAll\n  </Limit>\n </Directory>\n</Anonymous>\n"
    );
    assert_eq!(told(&[(path, &anonymous)]), ["medium exposure.anybody: proftpd lets anybody in without a password"]);
    let writing = anonymous
        .replace("</Anonymous>", "<Directory incoming>\n<Limit STOR>\nAllowAll\n</Limit>\n</Directory>\n</Anonymous>");
    assert_eq!(
        told(&[(path, &writing)]),
        ["high exposure.anybody: proftpd lets anybody in without a password and bring files"]
    );
    assert_eq!(told(&[(path, &format!("{tls}#<Anonymous ~ftp>\n#</Anonymous>\n"))]), none());
    let root = format!("{tls}RootLogin on\n");
    assert_eq!(told(&[(path, &root)]), ["medium exposure.root-by-password: proftpd lets root in by its password"]);

    let account = ("/etc/passwd", "ftp:x:200:200::/srv/ftp:/bin/false\n");
    let open = ["high exposure.anybody: pure-ftpd lets anybody in without a password and bring files"];
    assert_eq!(told(&[("/etc/pure-ftpd.conf", "NoAnonymous no\nTLS 2\n"), account]), open);
    assert_eq!(told(&[("/etc/pure-ftpd.conf", "NoAnonymous no\nTLS 2\n")]), none());
    let debian = [("/etc/pure-ftpd/conf/NoAnonymous", "yes\n"), ("/etc/pure-ftpd/conf/TLS", "2\n"), account];
    assert_eq!(told(&debian), none());
    let debian = [("/etc/pure-ftpd/conf/NoAnonymous", "yes\n"), account];
    assert_eq!(told(&debian), ["medium exposure.plain-text: pure-ftpd takes passwords of accounts in plain text"]);
}

#[test]
fn lines_of_pg_hba_count_for_those_who_can_reach_the_server() {
    let of = |listen: &str, hba: &str| {
        let folder = "/etc/postgresql/15/main";
        told(&[(&format!("{folder}/postgresql.conf"), listen), (&format!("{folder}/pg_hba.conf"), hba)])
    };
    let all = "listen_addresses = '*'\n";
    let open = "high exposure.anybody: postgresql lets others in without a password";
    assert_eq!(of(all, "host all all 0.0.0.0/0 trust\n"), [open]);
    assert_eq!(of(all, "host all all 0.0.0.0 0.0.0.0 trust\n"), [open]);
    assert_eq!(of(all, "host all all all trust\n"), [open]);
    assert_eq!(
        of(all, "host all all 192.0.2.0/24 trust\n"),
        ["medium exposure.anybody: postgresql lets others in without a password"]
    );
    assert_eq!(
        of(all, "host all all ::/0 password\n"),
        ["medium exposure.plain-text: postgresql takes passwords in plain text"]
    );
    assert_eq!(
        of(all, "host all all 0.0.0.0/0 scram-sha-256\n"),
        ["low exposure.reachable: postgresql can be reached from every address"]
    );
    assert_eq!(
        of("#listen_addresses = '*'\n", "host all all 0.0.0.0/0 trust\n"),
        ["low exposure.anybody: postgresql trusts whoever is on the machine"]
    );
    let debian = "# local all all trust\nlocal all postgres peer\nlocal all all peer\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 md5\n";
    assert_eq!(of("port = 5432\n", debian), none());
    assert_eq!(of(all, debian), none());
}

#[test]
fn redis_without_a_password_is_told_unless_it_protects_itself() {
    let path = "/etc/redis/redis.conf";
    let open = "high exposure.anybody: redis lets anybody in without a password";
    assert_eq!(told(&[(path, "bind 0.0.0.0\nprotected-mode no\n")]), [open]);
    assert_eq!(told(&[(path, "protected-mode no\n")]), [open]);
    let version = |version: &str| {
        format!("Package: redis-server\nStatus: install ok installed\nVersion: 5:{version}-1\nArchitecture: amd64\n\n")
    };
    let bound = (path, "bind * -::*\nprotected-mode yes\n");
    let status = "/var/lib/dpkg/status";
    assert_eq!(told(&[bound, (status, &version("6.0.16"))]), [open]);
    assert_eq!(told(&[bound, (status, &version("7.0.15"))]), none());
    assert_eq!(told(&[bound]), ["medium exposure.anybody: redis lets anybody in without a password"]);
    assert_eq!(told(&[(path, "bind 127.0.0.1 -::1\nprotected-mode yes\nport 6379\n")]), none());
    assert_eq!(told(&[(path, "port 6379\n")]), none());
    assert_eq!(told(&[(path, "port 0\nprotected-mode no\n")]), none());
    let reachable = "low exposure.reachable: redis can be reached over the network";
    assert_eq!(told(&[(path, "bind 0.0.0.0\nrequirepass x\n")]), [reachable]);
    assert_eq!(told(&[(path, "bind 0.0.0.0\nuser default on >x ~* +@all\n")]), [reachable]);
}

#[test]
fn other_stores_that_ask_for_no_password_are_told() {
    let mongo = |text: &str| told(&[("/etc/mongod.conf", text)]);
    let open = "high exposure.anybody: mongodb lets anybody in without a password";
    assert_eq!(mongo("net:\n  port: 27017\n  bindIp: 0.0.0.0\n#security:\n"), [open]);
    assert_eq!(mongo("net:\n  bindIpAll: true\n"), [open]);
    assert_eq!(
        mongo("net:\n  bindIp: 127.0.0.1,192.0.2.7\n"),
        ["medium exposure.anybody: mongodb lets anybody in without a password"]
    );
    assert_eq!(mongo("net:\n  bindIp: 0.0.0.0\nsecurity:\n  authorization: enabled\n"), none());
    assert_eq!(mongo("net:\n  bindIp: 127.0.0.1\n"), none());
    assert_eq!(mongo("bind_ip = 0.0.0.0\nauth = true\n"), none());

    let elastic = |text: &str| told(&[("/etc/elasticsearch/elasticsearch.yml", text)]);
    assert_eq!(
        elastic("network.host: 0.0.0.0\nxpack.security.enabled: false\n"),
        ["high exposure.anybody: elasticsearch lets anybody in without a password"]
    );
    assert_eq!(elastic("network.host: [\"_local_\", \"_site_\"]\n"), none());
    assert_eq!(elastic("#network.host: 0.0.0.0\nxpack.security.enabled: false\n"), none());

    let memcached = |text: &str| told(&[("/etc/memcached.conf", text)]);
    assert_eq!(
        memcached("-d\n-p 11211\n-u memcache\n-l 0.0.0.0\n"),
        ["medium exposure.anybody: memcached lets anybody in without a password"]
    );
    assert_eq!(memcached("-d\n# -l 0.0.0.0\n-l 127.0.0.1\n-l ::1\n"), none());
    assert_eq!(told(&[("/etc/sysconfig/memcached", "PORT=\"11211\"\nOPTIONS=\"-l 127.0.0.1,::1\"\n")]), none());
    assert_eq!(told(&[("/etc/sysconfig/memcached", "PORT=\"11211\"\nOPTIONS=\"\"\n")]).len(), 1);
}

#[test]
fn web_servers_that_list_tell_or_take_too_much_are_told() {
    let path = "/etc/apache2/apache2.conf";
    let debian = "Listen 80\n<Directory />\n Options FollowSymLinks\n Require all denied\n</Directory>\n<Directory /usr/share>\n Options Indexes\n Require all granted\n</Directory>\n<Directory /var/www/>\n Options FollowSymLinks\n Require all granted\n</Directory>\n<Location /server-status>\n SetHandler server-status\n Require local\n</Location>\nProxyRequests Off\n";
    let listing = "LoadModule autoindex_module /usr/lib/mod_autoindex.so\n";
    assert_eq!(told(&[(path, &format!("{listing}{debian}"))]), none());
    let open = format!(
        "{listing}{}",
        debian
            .replace("Require local", "Require all granted")
            .replace("<Directory /var/www/>\n Options", "<Directory /var/www/>\n Options Indexes")
    );
    assert_eq!(
        told(&[(path, &open)]),
        [
            "low exposure.weakened: apache lists folders without an index: <Directory /var/www/>",
            "low exposure.weakened: apache tells strangers what it is doing: <Location /server-status>",
        ]
    );
    // Without the module nothing is listed.
    assert_eq!(told(&[(path, open.strip_prefix(listing).unwrap())]).len(), 1);
    let proxy = "ProxyRequests On\n<Location /dav>\n Dav On\n</Location>\n";
    assert_eq!(
        told(&[(path, proxy)]),
        [
            "medium exposure.anybody: apache fetches whatever it is asked for",
            "medium exposure.anybody: apache lets anybody change files over the web: <Location /dav>",
        ]
    );
    assert_eq!(told(&[(path, "<Location /dav>\n Dav On\n Require valid-user\n</Location>\n")]), none());

    let nginx = "/etc/nginx/nginx.conf";
    let of_nginx =
        "http {\n server { listen 80 default_server; location /files { autoindex on; } }\n # autoindex on;\n}\n";
    assert_eq!(
        told(&[(nginx, of_nginx)]),
        ["low exposure.weakened: nginx lists folders without an index: line 2 of /etc/nginx/nginx.conf"]
    );
    assert_eq!(told(&[(nginx, &of_nginx.replace("index on", "index off"))]), none());
    assert_eq!(
        allows(&found(&[(nginx, of_nginx)]), "nginx", "listen"),
        "listen 80 default_server set: it listens on every address of the machine"
    );
}

#[test]
fn php_that_includes_what_lies_elsewhere_is_told() {
    let ini = "; allow_url_include = On\nallow_url_include = Off\nexpose_php = Off\n";
    let (path, beside) = ("/etc/php/8.2/apache2/php.ini", "/etc/php/8.2/apache2/conf.d/90-x.ini");
    assert_eq!(told(&[(path, ini)]), none());
    let on = ["medium exposure.weakened: php has allow_url_include on: /etc/php/8.2/apache2/php.ini"];
    assert_eq!(told(&[(path, ini), (beside, "allow_url_include = 1\n")]), on);
    assert_eq!(told(&[("/etc/php/8.2/cli/php.ini", "allow_url_include = On\n")]), none());
}

#[test]
fn folders_that_anybody_reaches_are_told() {
    let nfs = |text: &str| told(&[("/etc/exports", text)]);
    assert_eq!(
        nfs("/srv/data *(rw,sync,no_root_squash)\n"),
        ["high exposure.anybody: nfs: anybody may change files as root in /srv/data"]
    );
    assert_eq!(
        nfs("/srv/data (rw)\n"),
        ["medium exposure.anybody: nfs: anybody may change files, as whichever user but root in /srv/data"]
    );
    assert_eq!(nfs("/srv/data -ro *\n"), ["low exposure.anybody: nfs: anybody may read files in /srv/data"]);
    assert_eq!(
        nfs("\"/srv/my data\" 192.0.2.7(rw,no_root_squash) b(ro)\n"),
        ["low exposure.weakened: nfs: 192.0.2.7 may change files as root in /srv/my data"]
    );
    assert_eq!(nfs("# /srv *(rw)\n/srv/data 192.0.2.0/24(rw,root_squash) *(ro,sec=krb5p)\n"), none());

    let samba = |text: &str| told(&[("/etc/samba/smb.conf", text)]);
    let debian = "[global]\n map to guest = bad user\n[homes]\n browseable = no\n read only = yes\n[printers]\n path = /var/tmp\n printable = yes\n guest ok = no\n";
    assert_eq!(samba(debian), none());
    let share = "[data]\n path = /srv/data\n guest ok = yes\n read only = no\n";
    assert_eq!(
        samba(&format!("{debian}{share}")),
        ["medium exposure.anybody: samba: anybody may read and write in the share data"]
    );
    assert_eq!(samba("[data]\n public = yes\n"), ["low exposure.anybody: samba: anybody may read in the share data"]);
    assert_eq!(samba(&format!("[global]\ninterfaces = lo 127.0.0.1/8\nbind interfaces only = yes\n{share}")), none());
    assert_eq!(samba("[data]\n writable = yes\n valid users = anna\n guest ok = yes\n"), none());

    let rsync = |text: &str| told(&[("/etc/rsyncd.conf", text)]);
    assert_eq!(
        rsync("uid = root\n[all]\npath = /\nread only = false\n"),
        ["high exposure.anybody: rsync: anybody may read and write in /"]
    );
    assert_eq!(
        rsync("[mirror]\npath = /srv/mirror\n"),
        ["low exposure.anybody: rsync: anybody may read in /srv/mirror"]
    );
    assert_eq!(rsync("auth users = a\n[all]\npath = /\nread only = false\n"), none());
    assert_eq!(rsync("address = 127.0.0.1\n[all]\npath = /\nread only = false\n"), none());
}

#[test]
fn docker_and_snmp_open_to_others_are_told() {
    let json = |text: &str| told(&[("/etc/docker/daemon.json", text)]);
    let open = "high exposure.anybody: docker takes orders from anybody at 0.0.0.0:2375";
    assert_eq!(json("{\"hosts\": [\"unix:///var/run/docker.sock\", \"tcp://0.0.0.0:2375\"]}\n"), [open]);
    assert_eq!(json("{\"hosts\": [\"tcp://0.0.0.0:2376\"], \"tlsverify\": true}\n"), none());
    assert_eq!(json("{\"hosts\": [\"tcp://127.0.0.1:2375\"]}\n"), none());
    let unit = "/etc/systemd/system/docker.service.d/override.conf";
    assert_eq!(told(&[(unit, "[Service]\nExecStart=/usr/bin/dockerd -H fd:// -H tcp://0.0.0.0:2375\n")]), [open]);
    assert_eq!(told(&[(unit, "[Service]\n#ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2375\n")]), none());

    let snmp = |text: &str| told(&[("/etc/snmp/snmpd.conf", text)]);
    assert_eq!(
        snmp("agentaddress udp:161\nrwcommunity secret\n"),
        ["medium exposure.weakened: snmpd lets its state be changed with the community secret"]
    );
    assert_eq!(
        snmp("com2sec all default public\n"),
        ["low exposure.anybody: snmpd lets its state be read with the community public"]
    );
    assert_eq!(snmp("agentaddress  127.0.0.1,[::1]\nrocommunity  public default -V systemonly\n"), none());
    assert_eq!(snmp("rwcommunity private 127.0.0.1\nrocommunity long-word 192.0.2.0/24\n"), none());
}

#[test]
fn stacks_of_pam_that_let_anybody_in_are_told() {
    let pam = |name: &str, text: &str| told(&[(&format!("/etc/pam.d/{name}"), text)]);
    let debian = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\t\t\tpam_deny.so\nauth\trequired\t\t\tpam_permit.so\n";
    assert_eq!(pam("common-auth", debian), none());
    let open = |name: &str| [format!("high exposure.anybody: pam lets anybody in with any password: {name}")];
    assert_eq!(pam("common-auth", &format!("auth sufficient pam_permit.so\n{debian}")), open("common-auth"));
    assert_eq!(
        pam(
            "sshd",
            "#%PAM-1.0\nauth required pam_env.so\nauth [success=done default=ignore] /lib/security/pam_permit.so\n@include common-auth\n"
        ),
        open("sshd")
    );
    assert_eq!(pam("sshd", "auth required pam_permit.so\naccount required pam_unix.so\n"), open("sshd"));
    assert_eq!(pam("sshd", "auth required pam_unix.so\nauth sufficient pam_permit.so\n"), none());
    let jumps = "auth [success=1 default=ignore] pam_unix.so nullok\nauth sufficient pam_permit.so\nauth requisite pam_deny.so\n\
        auth required pam_permit.so\n";
    assert_eq!(pam("common-auth", jumps), open("common-auth"));
    let over = "auth [default=1] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
    assert_eq!(pam("common-auth", over), open("common-auth"));
    let who =
        "auth requisite pam_succeed_if.so uid >= 1000\nauth sufficient pam_permit.so\nauth required pam_unix.so\n";
    assert_eq!(pam("su", who), open("su"));
    let fedora = "auth required pam_env.so\nauth required pam_faildelay.so delay=2000000\n\
        auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n\
        auth [default=1 ignore=ignore success=ok] pam_localuser.so\nauth sufficient pam_unix.so nullok\n\
        auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\nauth sufficient pam_sss.so forward_pass\n\
        auth required pam_deny.so\n";
    assert_eq!(pam("system-auth", fedora), none());
    assert_eq!(pam("su", "auth sufficient pam_rootok.so\nauth substack system-auth\nauth include postlogin\n"), none());
    assert_eq!(pam("other", "auth required pam_warn.so\nauth required pam_deny.so\n"), none());
    assert_eq!(pam("sshd", "@include common-auth\naccount sufficient pam_permit.so\n"), none());
    assert_eq!(
        pam("su", "auth sufficient pam_rootok.so\n@include common-auth\nsession required pam_permit.so\n"),
        none()
    );
    let red_hat = "auth        required      pam_env.so\nauth        sufficient    pam_unix.so try_first_pass nullok\nauth        required      pam_deny.so\n";
    assert_eq!(pam("system-auth", red_hat), none());
}

#[test]
fn secrets_that_everybody_may_read_are_told() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
    let files = [
        ("/etc/ssh/ssh_host_rsa_key", key),
        ("/etc/ssl/private/site.key", key),
        ("/etc/ssl/certs/site.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("/home/anna/.my.cnf", "[client]\npassword=x\n"),
        ("/var/www/shop/wp-config.php", "define('DB_PASSWORD', 'x');\n"),
        ("/root/.ssh/id_rsa", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"),
        ("/root/.ssh/id_rsa.pub", "ssh-rsa AAAA\n"),
    ];
    let expected = [
        "medium exposure.secret-readable: everybody may read a private key in /etc/ssh/ssh_host_rsa_key",
        "low exposure.secret-readable: everybody may read a private key in /root/.ssh/id_rsa",
        "medium exposure.secret-readable: everybody may read a private key in /etc/ssl/private/site.key",
        "medium exposure.secret-readable: everybody may read a password of a database in /home/anna/.my.cnf",
        "low exposure.secret-readable: everybody may read a password of a web application in /var/www/shop/wp-config.php",
    ];
    let all = |mode: u16| {
        let view = with_modes(&files, &[]);
        let mut filesystem = kanshiki_filesystem::MemoryFileSystem::of_paths(&files);
        for (path, _) in files {
            let path = kanshiki_model::EvidencePath::from_bytes(path.as_bytes());
            let inode = view.lookup(&path, kanshiki_filesystem::Follow::All).unwrap().node.id.inode;
            filesystem.node_mut(inode).unwrap().node.mode = 0o100_000 | mode;
        }
        let folder = |filesystem: &mut kanshiki_filesystem::MemoryFileSystem, path: &str, mode: u16| {
            let path = kanshiki_model::EvidencePath::from_bytes(path.as_bytes());
            let inode = view.lookup(&path, kanshiki_filesystem::Follow::All).unwrap().node.id.inode;
            filesystem.node_mut(inode).unwrap().node.mode = 0o040_000 | mode;
        };
        let told = |filesystem: &kanshiki_filesystem::MemoryFileSystem| {
            let volume = kanshiki_filesystem::Volume {
                name: String::new(),
                filesystem: std::sync::Arc::new(filesystem.clone()),
            };
            let found = found_in(&kanshiki_filesystem::View::of(volume), &[], find);
            titles(&found).into_iter().filter(|it| it.contains("secret")).collect::<Vec<_>>()
        };
        let open = told(&filesystem);
        for path in ["/etc/ssl/private", "/root", "/home/anna"] {
            folder(&mut filesystem, path, 0o700);
        }
        (open, told(&filesystem))
    };
    let (open, behind_folders) = all(0o644);
    assert_eq!(open, expected);
    assert_eq!(behind_folders, [expected[0], expected[4]]);
    assert_eq!(all(0o640).0, none());
}
