#!/bin/bash
# Makes audit.log anew: has a real auditd, and the kernel, log what is done below, and writes it to OUTPUT. As root, on a machine
# that may be changed: the kernel's audit system is switched on meanwhile, and must not be in use.
# Needs auditd, openssh-server, openssh-client, sudo, passwd, python3, util-linux.
set -eu
output=$(realpath -m "$1")
if [ "${2:-}" != inside ]; then
    auditctl -s | grep -qx 'enabled 0' || { echo "the audit system is in use" >&2; exit 1; }
    exec unshare --mount --uts --propagation private bash "$0" "$output" inside
fi

place=$(mktemp -d)
hostname ferry
mkdir "$place/etc" "$place/log" "$place/run" "$place/srv" "$place/home"
chmod 755 "$place" "$place"/*
cp -a /etc/. "$place/etc/"
for folder in etc run srv home; do mount --bind "$place/$folder" "/$folder"; done
mount --bind "$place/log" /var/log
mkdir -p /var/log/audit /run/sshd /srv/quay
chmod 777 /srv/quay
install -m 600 /dev/null /var/log/btmp
touch /var/log/wtmp /var/log/lastlog

# A kernel whose audit system was on once looks at every system call of every process from then on, which costs a fifth of the
# time of short ones, but of processes that a rule leaves out: that rule stays, until the next start.
clean() {
    set +e
    auditctl -e 0
    [ -z "${sshd:-}" ] || kill "$sshd"
    [ -z "${auditd:-}" ] || kill "$auditd"
    wait
    auditctl -D
    auditctl -b 64
    auditctl -a task,never
    umount -l /var/log /etc /run /srv /home
    rm -r "$place"
} > /dev/null 2>&1
trap clean EXIT

# Only what has an account of 7701 to answer for is watched; all else on the machine stays as it is.
auditctl -D > /dev/null
auditctl -a task,never -F auid=-1
sed -i 's/^log_format.*/log_format = ENRICHED/; s/^name_format.*/name_format = USER/; s/^flush.*/flush = SYNC/; s/^freq.*/freq = 0/' /etc/audit/auditd.conf
echo 'name = ferry' >> /etc/audit/auditd.conf
rm -f /etc/audit/plugins.d/*
auditctl -b 8192 > /dev/null
auditd -n -s enable & auditd=$!
until grep -q DAEMON_START /var/log/audit/audit.log 2>/dev/null; do sleep 0.1; done
auditctl -w /srv/quay -p wa -k ferry-files
auditctl -a always,exit -F arch=b64 -S execve -F auid=7701 -k ferry
auditctl -a always,exit -F arch=b64 -S connect,bind -F auid=7701 -k ferry
auditctl -a always,exit -F arch=b64 -S unlinkat,renameat2,chmod,fchmodat,chown,fchownat -F auid=7701 -k ferry

pam='auth sufficient pam_unix.so nodelay\nauth required pam_deny.so\naccount required pam_unix.so\nsession required pam_loginuid.so\nsession required pam_unix.so\n'
for service in sshd sudo; do printf "$pam" > /etc/pam.d/$service; done
printf "auth sufficient pam_rootok.so\n${pam/session required pam_loginuid.so?n/}" > /etc/pam.d/su
sed -i '/loginuid/d' /etc/pam.d/sudo
echo '127.0.0.1 localhost ferry' > /etc/hosts
: > /etc/resolv.conf
groupadd -g 7700 crew
useradd -u 7701 -g crew -m -s /bin/sh anna
useradd -u 7702 -g crew -M -s /bin/sh bert
printf 'anna:right\nbert:right\n' | chpasswd
usermod -aG adm bert
echo 'anna ALL=(root) NOPASSWD: /usr/bin/id' > /etc/sudoers.d/anna
chmod 440 /etc/sudoers.d/anna

ssh-keygen -q -t ed25519 -N '' -f "$place/host"
ssh-keygen -q -t ed25519 -N '' -f "$place/key"
mkdir /home/anna/.ssh
cp "$place/key.pub" /home/anna/.ssh/authorized_keys
chown -R anna /home/anna/.ssh
printf 'Port 48022\nListenAddress 127.0.0.1\nHostKey %s/host\nPidFile none\nUsePAM yes\nPermitRootLogin yes\n' "$place" > "$place/sshd"
/usr/sbin/sshd -D -f "$place/sshd" & sshd=$!
printf '#!/bin/sh\necho "$ANSWER"\n' > "$place/askpass"
chmod 755 "$place/askpass"
export SSH_ASKPASS="$place/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=none
enter() {
    ssh -F none -p 48022 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o NumberOfPasswordPrompts=1 \
        -o LogLevel=ERROR "$@" < /dev/null || true
}
sleep 1
ANSWER=wrong enter -o PreferredAuthentications=password root@127.0.0.1 true
ANSWER=wrong enter -o PreferredAuthentications=password nosuch@127.0.0.1 true
ANSWER=right enter -o PreferredAuthentications=password bert@127.0.0.1 true
ANSWER=none enter -o PreferredAuthentications=publickey -i "$place/key" anna@127.0.0.1 '
cd /srv/quay
echo one > "a file"
echo two > "$(printf "line\nfeed \303\266")"
mv "a file" renamed
chmod 600 renamed
rm -f renamed line*
/usr/bin/printf "%s" "two words" "$(printf "\303\266\033[31m")" "" "$(head -c 9000 /dev/zero | tr "\0" x)" > /dev/null
/srv/quay/none
/etc/passwd
sudo -n id -u
sudo -n cat "/etc/shadow file"
echo wrong | su bert -c id
python3 -c "
import socket
for family, address in ((socket.AF_INET, (\"127.0.0.1\", 48023)), (socket.AF_INET6, (\"::1\", 48023)), (socket.AF_UNIX, \"/srv/quay/socket\")):
    with socket.socket(family) as client:
        try:
            client.connect(address)
        except OSError:
            pass
with socket.socket() as server:
    server.bind((\"127.0.0.1\", 0))
import os
os.abort()"
true'
gpasswd -d bert adm > /dev/null
userdel bert
userdel anna
kill "$sshd"
wait "$sshd" || true
auditctl -e 0 > /dev/null
kill "$auditd"
wait "$auditd" || true
sshd='' auditd=''
# The name that the maker of a kernel gave it is nobody's business.
sed 's/\( kernel=[0-9.]*\)[^ ]*/\1/' /var/log/audit/audit.log > "$output"
