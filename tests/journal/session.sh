# Runs systemd-journald with /dev, /run, /var/log and settings of its own, in namespaces that end with this script: FOLDER DAEMON.
set -eu
place=$1 daemon=$2
mkdir -p "$place/dev" "$place/run/systemd/journal" "$place/log/journal" "$place/etc/systemd"
mount -t tmpfs none "$place/dev"
for node in null zero full random urandom tty; do
    touch "$place/dev/$node"
    mount --bind "/dev/$node" "$place/dev/$node"
done
ln -s /run/systemd/journal/dev-log "$place/dev/log"
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache "$place/etc/"
echo 0123456789abcdef0123456789abcdef > "$place/etc/machine-id"
printf '[Journal]\nStorage=persistent\nCompress=yes\nSeal=no\nRateLimitBurst=0\nReadKMsg=no\nAudit=\nForwardToSyslog=no\n' \
    > "$place/etc/systemd/journald.conf"
cp -L /etc/localtime "$place/etc/localtime"
hostname ferry
mount --rbind "$place/dev" /dev
mount --bind "$place/etc" /etc
mount --bind "$place/run" /run
mount --bind "$place/log" /var/log

# As after the start of a machine: the journal goes to the disk.
touch /run/systemd/journal/flushed
begin() {
    rm -f /run/systemd/journal/dev-log /run/systemd/journal/stdout /run/systemd/journal/socket /run/systemd/journal/io.systemd.journal
    SYSTEMD_JOURNAL_KEYED_HASH=$1 SYSTEMD_JOURNAL_COMPACT=$2 "$daemon" & journald=$!
    until journalctl --sync 2> /dev/null; do kill -0 "$journald"; sleep 0.02; done
}
write() {
    logger -t plain hello
    logger -t sshd --id=77 -p auth.info "Failed password for root from 192.0.2.7 port $1 ssh2"
    logger -t sshd --id=78 -p auth.info "Accepted password for anna from 192.0.2.8 port $1 ssh2"
    logger -t long -S 60000 "$(head -c 5000 /dev/zero | tr '\0' x)"
    printf 'MESSAGE=of its own\nSYSLOG_IDENTIFIER=native\nPRIORITY=3\nOTHER=one\nOTHER=two\n' | logger --journald
    printf 'to the stream\n' | systemd-cat -t stream -p warning
    journalctl --sync
}
begin 1 1
write 1
# The file is archived, and another begun.
kill -USR2 "$journald"
until ls /var/log/journal/*/system@*.journal > /dev/null 2>&1; do kill -0 "$journald"; sleep 0.02; done
write 2
kill -TERM "$journald"; wait "$journald"
begin 0 0
write 3
# The file stays open, with an entry that came after all was written, and is set aside by the next one.
logger -t plain late
until journalctl --directory=/var/log/journal --output=cat | grep -qx late; do kill -0 "$journald"; sleep 0.02; done
kill -KILL "$journald"; wait "$journald" || true
begin 1 0
write 4
kill -TERM "$journald"; wait "$journald"
