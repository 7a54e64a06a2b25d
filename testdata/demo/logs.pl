#!/usr/bin/perl
# Writes the logs of the demo disk below the folder given, the same bytes each time.
use strict;
use warnings;
use POSIX qw(strftime);
use Time::Local qw(timegm);

my $root = shift or die "usage: logs.pl FOLDER\n";
my $HOST = 'quay1';
my $ATTACKER = '203.0.113.77';
my $DAY = 86400;

# Own generator: Perl's differs from build to build.
my $state = 20250313;
sub random { my ($below) = @_; $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $below }
sub pick { return $_[random(scalar @_)] }
sub at { my ($month, $day, $hour, $minute, $second) = @_; return timegm($second, $minute, $hour, $day, $month - 1, 2025) }

my (%lines, @logins);
sub put { my ($file, $time, $text) = @_; push @{ $lines{$file} }, [$time, scalar @{ $lines{$file} || [] }, $text] }
sub syslog_line { my ($file, $time, $text) = @_; put($file, $time, strftime('%b %e %H:%M:%S', gmtime $time) . " $HOST $text") }
sub auth { my ($time, $text) = @_; syslog_line($time < at(3, 9, 6, 25, 0) ? 'auth.log.1' : 'auth.log', $time, $text) }
sub ftp {
    my ($time, $pid, $user, $text, $client) = @_;
    my $file = $time < at(3, 9, 6, 25, 0) ? 'vsftpd.log.1' : 'vsftpd.log';
    my $who = defined $user ? " [$user]" : '';
    put($file, $time, strftime('%a %b %e %H:%M:%S %Y', gmtime $time) . " [pid $pid]$who $text: Client \"::ffff:$client\"");
}

# What was read out: invented people, removed from the disk again.
open my $customers, '>', "$root/var/tmp/.font-unix/c.sql" or die "c.sql: $!\n";
print {$customers} "-- MariaDB dump  Distrib 10.11.6-MariaDB\nINSERT INTO `customers` VALUES\n";
my @names = map { my $first = $_; map { "$first $_" } qw(Aske Brenn Dahl Eide Foss Grim Holt Lund Moen Vik) } qw(Ada Bo Cleo Dag Eli Finn Gro Hal Ida Jon Kari Liv Mats Nora Odd Pia Rolf Siv Tor Una);
my $id = 0;
for my $name (@names) {
    my $mail = lc $name;
    $mail =~ tr/ /./;
    printf {$customers} "(%d,'%s','%s\@example.org','555-01%02d')%s\n", ++$id, $name, $mail, $id % 100, $id == @names ? ';' : ',';
}
close $customers or die "c.sql: $!\n";

# Two months of a quiet server: cron, office logins, bookings.
my $pid = 700;
for (my $day = at(1, 14, 0, 0, 0); $day < at(3, 13, 0, 0, 0); $day += $DAY) {
    for my $hour (0 .. 23) {
        my $time = $day + $hour * 3600 + 1020;
        $pid += 3 + random(9);
        next if $day < at(3, 2, 0, 0, 0);
        syslog_line('syslog', $time + 1, "CRON[$pid]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)");
        auth($time + 1, "CRON[$pid]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)");
        auth($time + 1, "CRON[$pid]: pam_unix(cron:session): session closed for user root");
    }
    my $weekday = (gmtime $day)[6];
    next if $weekday == 0 || $weekday == 6 || $day < at(3, 2, 0, 0, 0);
    office($day + 8 * 3600 + random(1800));
}
sub office {
    my ($time) = @_;
    my $ssh = $pid += 5;
    my $port = 40000 + random(20000);
    auth($time, "sshd[$ssh]: Accepted publickey for maren from 192.0.2.20 port $port ssh2: ED25519 SHA256:Zk0m7cW1hYv3oG2pQe9tRb5xNfJd8sUaLi4wKq6yTzE");
    auth($time, "sshd[$ssh]: pam_unix(sshd:session): session opened for user maren(uid=1000) by (uid=0)");
    auth($time + 900, "sshd[$ssh]: pam_unix(sshd:session): session closed for user maren");
    push @logins, ['maren', 'pts/0', '192.0.2.20', $time, $time + 900, $ssh];
}

# The account that was to be temporary.
my $moved = at(1, 14, 13, 2, 11);
syslog_line('auth.log.2', $moved, "sudo:    maren : TTY=pts/0 ; PWD=/home/maren ; USER=root ; COMMAND=/usr/sbin/useradd -m -s /bin/bash -G sudo migrate");
syslog_line('auth.log.2', $moved + 1, "useradd[1911]: new group: name=migrate, GID=1001");
syslog_line('auth.log.2', $moved + 1, "useradd[1911]: new user: name=migrate, UID=1001, GID=1001, home=/home/migrate, shell=/bin/bash, from=/dev/pts/0");
syslog_line('auth.log.2', $moved + 1, "useradd[1911]: add 'migrate' to group 'sudo'");
syslog_line('auth.log.2', $moved + 19, "passwd[1925]: pam_unix(passwd:chauthtok): password changed for migrate");
push @logins, ['migrate', 'ftpd1950', '192.0.2.30', $moved + 600, $moved + 4200, 1950];

# The noise that any address on the net hears.
for (1 .. 900) {
    my $time = at(3, 2, 0, 0, 0) + random(9 * $DAY / 60) * 60 + random(60);
    my $from = pick('198.51.100.23', '198.51.100.142', '203.0.113.9', '203.0.113.201');
    my $user = pick(qw(root admin oracle test ubuntu postgres git));
    my $ssh = 9000 + random(20000);
    my $port = 30000 + random(30000);
    if ($user eq 'root') {
        auth($time, "sshd[$ssh]: Failed password for root from $from port $port ssh2");
    } else {
        auth($time, "sshd[$ssh]: Invalid user $user from $from port $port");
        auth($time + 2, "sshd[$ssh]: Failed password for invalid user $user from $from port $port ssh2");
    }
    auth($time + 3, "sshd[$ssh]: Connection closed by authenticating user $user $from port $port [preauth]");
}
my $summer = -s "$root/srv/timetable/summer.txt";
for (1 .. 40) {
    my $time = at(3, 2, 0, 0, 0) + random(11 * $DAY / 60) * 60;
    my $ftp = 3000 + random(6000);
    ftp($time, $ftp, undef, 'CONNECT', '192.0.2.30');
    ftp($time + 1, $ftp, 'ftp', 'OK LOGIN', '192.0.2.30');
    my $line = strftime('%a %b %e %H:%M:%S %Y', gmtime $time + 2);
    put($time < at(3, 9, 6, 25, 0) ? 'vsftpd.log.1' : 'vsftpd.log', $time + 2,
        "$line [pid " . ($ftp + 2) . "] [ftp] OK DOWNLOAD: Client \"::ffff:192.0.2.30\", \"/summer.txt\", $summer bytes, 95.21Kbyte/sec");
}

# Brute force on FTP, from the evening of 11 March to the password that fits.
my $in = at(3, 12, 3, 17, 42);
my $guess = at(3, 11, 22, 41, 5);
my $ftp = 21000;
while ($guess < $in - 6) {
    my $user = pick(qw(admin root backup web ftpuser oracle migrate maren booking upload));
    ftp($guess, $ftp, undef, 'CONNECT', $ATTACKER) if random(3) == 0;
    ftp($guess + 2, $ftp, $user, 'FAIL LOGIN', $ATTACKER);
    auth($guess + 1, "vsftpd[$ftp]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=$user rhost=$ATTACKER");
    $guess += 4 + random(5);
    $ftp += 2;
}
ftp($in - 1, 29344, undef, 'CONNECT', $ATTACKER);
ftp($in, 29343, 'migrate', 'OK LOGIN', $ATTACKER);
push @logins, ['migrate', 'ftpd29343', $ATTACKER, $in, $in + 31, 29343];

# In, up, and staying.
sub transfer {
    my ($time, $number, $verb, $path) = @_;
    my $rest = $verb eq 'MKDIR' ? '' : ', ' . (-s "$root$path") . ' bytes, 412.77Kbyte/sec';
    put('vsftpd.log', $time, strftime('%a %b %e %H:%M:%S %Y', gmtime $time)
        . " [pid $number] [migrate] OK $verb: Client \"::ffff:$ATTACKER\", \"$path\"$rest");
}
my $shell = at(3, 12, 3, 21, 8);
auth($shell, "sshd[29410]: Accepted password for migrate from $ATTACKER port 51234 ssh2");
auth($shell, "sshd[29410]: pam_unix(sshd:session): session opened for user migrate(uid=1001) by (uid=0)");
syslog_line('syslog', $shell, "systemd[1]: Started session-412.scope - Session 412 of User migrate.");
push @logins, ['migrate', 'pts/0', $ATTACKER, $shell, at(3, 12, 4, 6, 51), 29410];
transfer($shell + 95, 29455, 'MKDIR', '/var/tmp/.font-unix');
transfer($shell + 97, 29455, 'UPLOAD', '/var/tmp/.font-unix/kworkerd');
transfer($shell + 99, 29455, 'UPLOAD', '/var/tmp/.font-unix/.rc');
auth($shell + 140, "sudo:  migrate : TTY=pts/0 ; PWD=/home/migrate ; USER=root ; COMMAND=list");
auth($shell + 152, "sudo:  migrate : TTY=pts/0 ; PWD=/home/migrate ; USER=root ; COMMAND=/bin/bash");
auth($shell + 152, "sudo: pam_unix(sudo-i:session): session opened for user root(uid=0) by migrate(uid=1001)");
for (my $time = at(3, 12, 3, 30, 1); $time < at(3, 13, 10, 31, 0); $time += 600) {
    $pid += 7;
    syslog_line('syslog', $time, "CRON[$pid]: (root) CMD (/var/tmp/.font-unix/kworkerd -c /var/tmp/.font-unix/.rc >/dev/null 2>&1)");
}
my $dump = at(3, 12, 3, 48, 30);
transfer($dump + 340, 29801, 'DOWNLOAD', '/var/tmp/.font-unix/c.sql');
auth(at(3, 12, 4, 6, 50), "sudo: pam_unix(sudo-i:session): session closed for user root");
auth(at(3, 12, 4, 6, 51), "sshd[29410]: pam_unix(sshd:session): session closed for user migrate");

# The database saw who read the customers.
sub query { my ($time, $id, $kind, $text) = @_; put('mysql/general.log', $time, strftime('%y%m%d %H:%M:%S', gmtime $time) . sprintf("\t%6d %s\t%s", $id, $kind, $text)) }
put('mysql/error.log', at(1, 14, 12, 40, 2), '2025-01-14 12:40:02 0 [Note] /usr/sbin/mariadbd: ready for connections.');
my $connection = 3000;
sub booking {
    my ($time) = @_;
    my $client = '192.0.2.' . (100 + random(100));
    my $ship = pick(qw(skerry holm fairway));
    my $slow = $time > at(3, 12, 3, 30, 0);
    my $status = $slow && random(4) == 0 ? 504 : 200;
    put('nginx/access.log', $time, "$client - - [" . strftime('%d/%b/%Y:%H:%M:%S +0000', gmtime $time)
        . "] \"GET /book.php?to=$ship HTTP/1.1\" $status " . ($status == 200 ? 1800 + random(900) : 160)
        . ' "http://booking.northsound.example/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"');
    put('nginx/error.log', $time, strftime('%Y/%m/%d %H:%M:%S', gmtime $time)
        . " [error] 611#611: *$connection upstream timed out (110: Connection timed out) while reading response header from upstream, client: $client, server: booking.northsound.example") if $status == 504;
    $connection++;
    query($time, $connection, 'Connect', 'booking@localhost on booking using Socket');
    query($time, $connection, 'Query', "SELECT id, leaves, seats FROM crossings WHERE harbour = '$ship' AND leaves > NOW()");
    query($time, $connection, 'Quit', '');
}
for (my $time = at(3, 9, 7, 0, 0); $time < at(3, 13, 10, 30, 0); $time += 40 + random(500)) {
    my $hour = (gmtime $time)[2];
    booking($time) if $hour >= 6 && $hour < 22;
}
query($dump, 9411, 'Connect', 'booking@localhost on  using Socket');
query($dump, 9411, 'Query', '/*!40100 SET @@SQL_MODE=\'\' */');
query($dump, 9411, 'Init DB', 'booking');
query($dump, 9411, 'Query', 'show create table `customers`');
query($dump, 9411, 'Query', 'SELECT /*!40001 SQL_NO_CACHE */ `id`, `name`, `mail`, `telephone` FROM `customers`');
query($dump + 1, 9411, 'Quit', '');

# The morning after.
my $morning = at(3, 13, 10, 5, 13);
auth($morning, "sshd[30211]: Accepted publickey for maren from 192.0.2.20 port 44120 ssh2: ED25519 SHA256:Zk0m7cW1hYv3oG2pQe9tRb5xNfJd8sUaLi4wKq6yTzE");
auth($morning, "sshd[30211]: pam_unix(sshd:session): session opened for user maren(uid=1000) by (uid=0)");
push @logins, ['maren', 'pts/0', '192.0.2.20', $morning, undef, 30211];
syslog_line('syslog', at(3, 13, 9, 58, 40), "kernel: [5011932.118204] INFO: task php-fpm8.2:1187 blocked for more than 120 seconds.");

for my $file (keys %lines) {
    my @sorted = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @{ $lines{$file} };
    open my $out, '>', "$root/var/log/$file" or die "$file: $!\n";
    print {$out} "$_->[2]\n" for @sorted;
    close $out or die "$file: $!\n";
}

# wtmp: records of 384 bytes as glibc writes them on x86-64 (utmp(5)).
sub record {
    my ($type, $process, $line, $id, $user, $host, $time) = @_;
    my $address = $host =~ /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/ ? pack('C4', $1, $2, $3, $4) : "\0" x 4;
    return pack('s x2 l a32 a4 a32 a256 s2 l l l a4 x12 x20', $type, $process, $line, $id, $user, $host, 0, 0, 0, $time, 0, $address);
}
my @records = ([at(1, 14, 12, 39, 50), record(2, 0, '~', '~~', 'reboot', '6.1.0-29-amd64', at(1, 14, 12, 39, 50))]);
for my $login (@logins) {
    my ($user, $line, $host, $from, $to, $number) = @{$login};
    my $id = $line =~ /^pts/ ? 'ts/0' : '';
    push @records, [$from, record(7, $number, $line, $id, $user, $host, $from)];
    push @records, [$to, record(8, $number, $line, $id, '', '', $to)] if defined $to;
}
open my $wtmp, '>:raw', "$root/var/log/wtmp" or die "wtmp: $!\n";
print {$wtmp} map { $_->[1] } sort { $a->[0] <=> $b->[0] || $a->[1] cmp $b->[1] } @records;
close $wtmp or die "wtmp: $!\n";
