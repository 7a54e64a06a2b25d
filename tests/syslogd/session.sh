# Runs rsyslogd, sshd, su, sudo and the tools for accounts with /dev, /etc, /run and /var/log of their own, in mount and
# process namespaces that end with this script: FOLDER PORT LEVEL. In FOLDER lie `tries`, `rsyslog.conf` and `proxy.py`.
set -eu
place=$1 port=$2 level=$3

mkdir -p "$place/dev" "$place/etc" "$place/log" "$place/run/sshd" "$place/client" "$place/home/.ssh"
chmod 755 "$place" "$place/run/sshd"
mount -t tmpfs none "$place/dev"
for node in null zero full random urandom tty; do
    touch "$place/dev/$node"
    mount --bind "/dev/$node" "$place/dev/$node"
done
mkdir "$place/dev/pts" "$place/dev/shm"
mount --rbind /dev/pts "$place/dev/pts"
ln -s pts/ptmx "$place/dev/ptmx"
ln -s /proc/self/fd "$place/dev/fd"
cp -a /etc/. "$place/etc/"
mount --rbind "$place/dev" /dev
mount --bind "$place/etc" /etc
mount --bind "$place/log" /var/log
mount --bind "$place/run" /run
ln -sf /usr/share/zoneinfo/Asia/Kolkata /etc/localtime
touch /var/log/wtmp /var/log/lastlog
install -m 600 /dev/null /var/log/btmp
sed -i '/^FAIL_DELAY/d' /etc/login.defs
echo 'FAIL_DELAY 0' >> /etc/login.defs

pam='auth sufficient pam_unix.so nodelay\nauth required pam_deny.so\naccount required pam_unix.so\nsession required pam_unix.so\n'
printf "$pam" > /etc/pam.d/sshd
printf "$pam" > /etc/pam.d/sudo
printf "auth sufficient pam_rootok.so\n$pam" > /etc/pam.d/su

rsyslogd -n -f "$place/rsyslog.conf" -i "$place/rsyslogd.pid" &
rsyslogd=$!
until [ -S /dev/log ]; do kill -0 "$rsyslogd"; sleep 0.02; done

groupadd -g 7700 crew
useradd -u 7701 -g crew -d "$place/home" -M -s /bin/sh anna
useradd -u 7702 -g 7700 -M -s /bin/sh bert
printf 'anna:right\nbert:right\n' | chpasswd
usermod -aG adm bert

for type in ed25519 'rsa -b 2048' ecdsa; do ssh-keygen -q -N '' -f "$place/client/${type% -b*}" -t $type; done
ssh-keygen -q -t ed25519 -N '' -f "$place/host"
cat "$place/client/ed25519.pub" "$place/client/rsa.pub" > "$place/home/.ssh/authorized_keys"
chown -R anna "$place/home"
cat > "$place/sshd_config" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $place/host
PidFile none
UsePAM yes
AuthorizedKeysFile $place/home/.ssh/authorized_keys
StrictModes no
PasswordAuthentication yes
KbdInteractiveAuthentication yes
PermitRootLogin yes
DenyUsers bert
MaxAuthTries 4
MaxStartups 100
LogLevel $level
END
"$(command -v sshd || echo /usr/sbin/sshd)" -D -f "$place/sshd_config" &
sshd=$!
until grep -q 'Server listening' /var/log/iso.log; do kill -0 "$sshd"; sleep 0.02; done

printf '#!/bin/sh\necho "$ANSWER"\n' > "$place/askpass"
chmod 755 "$place/askpass"
export SSH_ASKPASS="$place/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=none
proxy() { python3 "$place/proxy.py" "127.0.0.$1" "$port" "$place/client/$1.port"; }
# All at once, each from an address of its own.
tries=
while IFS='|' read -r number user ANSWER method prompts key; do
    export ANSWER
    ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes \
        -o "NumberOfPasswordPrompts=$prompts" -o "PreferredAuthentications=$method" -i "$place/client/$key" \
        -o "ProxyCommand=python3 $place/proxy.py 127.0.0.$number $port $place/client/$number.port" \
        "$user@ferry" 'echo inside' > "$place/client/$number.out" 2> "$place/client/$number.err" < /dev/null &
    tries="$tries $!"
done < "$place/tries"
for try in $tries; do wait "$try" || true; done
printf 'GET / HTTP/1.0\r\n\r\n' | proxy 200 > /dev/null
proxy 201 < /dev/null > /dev/null

as() { setpriv --reuid="$1" --regid=7700 --clear-groups "${@:2}" > /dev/null 2>&1 || true; }
cd /
su anna -c true
echo wrong | as 7701 su bert -c true
echo right | as 7701 su bert -c true
echo 'bert ALL=(root) NOPASSWD: /usr/bin/id' > /etc/sudoers.d/bert
chmod 440 /etc/sudoers.d/bert
sudo -u anna true
as 7702 sudo -n /usr/bin/id -u
printf 'right\n' | as 7701 sudo -S /usr/bin/id ';' 'a b'
gpasswd -d bert adm > /dev/null
chage -M 90 bert
userdel bert

kill "$sshd"
wait "$sshd" || true
kill "$rsyslogd"
wait
