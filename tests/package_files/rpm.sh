# Makes packages with rpmbuild, installs them into the folder $1/root with rpm, and changes what they brought.
set -e
cd "$1"
mkdir -p root/etc root/var/log
printf 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nanna:x:1000:1000::/:/bin/sh\n' > root/etc/passwd
printf 'root:x:0:\ndaemon:x:1:\nbin:x:2:\nmail:x:8:\n' > root/etc/group
cat > tools.spec <<'SPEC'
Name: tools
Version: 1.2
Release: 3
Epoch: 4
Summary: tools
License: MIT
BuildArch: noarch
%description
tools
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/tools %{buildroot}/usr/share/doc/tools %{buildroot}/var/log
mkdir -p %{buildroot}/usr/share/tools %{buildroot}/usr/lib/tools
for number in $(seq 10 40); do echo "content $number" > %{buildroot}/usr/bin/tool$number; done
for name in a b c; do echo $name > %{buildroot}/etc/tools/$name.conf; done
echo read > %{buildroot}/usr/share/doc/tools/README
ln -s tool10 %{buildroot}/usr/bin/link
ln -s tool11 %{buildroot}/usr/bin/other-link
echo shared > %{buildroot}/usr/share/tools/shared
echo old > %{buildroot}/usr/share/tools/taken
echo x > %{buildroot}/usr/lib/tools/x
touch %{buildroot}/var/log/tools.log
%files
%defattr(-,root,root)
/usr/bin/tool[1-2][0-9]
%attr(4755,root,root) /usr/bin/tool30
%attr(2755,root,mail) /usr/bin/tool31
%caps(cap_net_raw=ep) /usr/bin/tool32
%attr(0644,daemon,bin) /usr/bin/tool33
%attr(6755,nobody-here,nobody-here) /usr/bin/tool34
%verify(not md5 size mtime) /usr/bin/tool35
%caps(cap_net_admin,cap_net_raw=p) /usr/bin/tool36
/usr/bin/tool37
/usr/bin/tool38
/usr/bin/tool39
/usr/bin/tool40
/usr/bin/link
/usr/bin/other-link
%config(noreplace) /etc/tools/a.conf
%config /etc/tools/b.conf
%config(missingok) /etc/tools/c.conf
%doc /usr/share/doc/tools/README
%ghost /var/log/tools.log
%dir /usr/share/tools
/usr/share/tools/shared
/usr/share/tools/taken
%dir /usr/lib/tools
/usr/lib/tools/x
%dev(c,1,3) /usr/share/tools/null
SPEC
cat > taker.spec <<'SPEC'
Name: taker
Version: 1
Release: 1
Summary: takes a file
License: MIT
BuildArch: noarch
%description
takes a file
%install
mkdir -p %{buildroot}/usr/share/tools
echo shared > %{buildroot}/usr/share/tools/shared
echo new > %{buildroot}/usr/share/tools/taken
%files
/usr/share/tools/shared
/usr/share/tools/taken
SPEC
for name in tools taker; do
    rpmbuild -bb --quiet -D "_topdir $1/top" -D "_build_id_links none" "$name.spec"
    rpm --root "$1/root" --dbpath /var/lib/rpm --nodeps --force -i "$1"/top/RPMS/noarch/"$name"-*.rpm
done

cd root
echo more >> usr/bin/tool10
touch -d 2001-01-01 usr/bin/tool11
chmod 700 usr/bin/tool12
chown 1000:8 usr/bin/tool13
rm usr/bin/tool14 usr/bin/tool15 usr/bin/tool16 usr/bin/tool17
ln -s tool18 usr/bin/tool15
mkdir usr/bin/tool16
mkfifo usr/bin/tool17
setcap cap_sys_admin=ep usr/bin/tool18
setcap -r usr/bin/tool32
setcap cap_net_admin,cap_net_raw=ep usr/bin/tool36
setfacl -m u:1000:rwx usr/bin/tool19
touch -r usr/bin/tool20 time
printf 'CONTENT 20\n' > usr/bin/tool20
touch -r time usr/bin/tool20
rm time
chmod 755 usr/bin/tool30 usr/bin/tool31
echo more >> usr/bin/tool35
ln -sfn /elsewhere usr/bin/link
rm usr/bin/other-link
echo file > usr/bin/other-link
echo more >> etc/tools/a.conf
rm etc/tools/b.conf etc/tools/c.conf
mv etc/tools etc/tools.real
ln -s tools.real etc/tools
rm -r usr/share/doc/tools usr/lib/tools
echo file > usr/share/doc/tools
echo file > usr/lib/tools
rm usr/share/tools/null
mknod usr/share/tools/null c 1 5
chown 1:1 usr/share/tools
chmod 640 usr/share/tools/taken
echo log > var/log/tools.log
chmod 600 var/log/tools.log
