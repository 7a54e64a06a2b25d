# Makes packages with dpkg-deb, installs them into the folder $1/root with dpkg, and changes what they brought.
set -e
cd "$1"
mkdir -p root/var/lib/dpkg/updates root/var/lib/dpkg/info root/usr/bin root/etc
: > root/var/lib/dpkg/status
ln -s usr/bin root/bin
printf 'root:x:0:0::/root:/bin/sh\n' > root/etc/passwd
printf 'root:x:0:\nmail:x:8:\n' > root/etc/group

package() {
    name=$1
    mkdir -p "build/$name/DEBIAN"
    (cd "build/$name" && find . -path ./DEBIAN -prune -o -type f -print | grep -v '^./etc/' | sort | xargs md5sum |
        sed 's|  \./|  |' > DEBIAN/md5sums)
    (cd "build/$name" && if [ -d etc ]; then find etc -type f | sed 's|^|/|' > DEBIAN/conffiles; fi)
    printf 'Package: %s\nVersion: 1.0-1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n%s' \
        "$name" "$2" > "build/$name/DEBIAN/control"
    find "build/$name" -exec touch -h -d 2020-01-01T00:00:00Z {} +
    dpkg-deb --root-owner-group --build "build/$name" . > /dev/null
}

mkdir -p build/tools/bin build/tools/usr/bin build/tools/usr/share/doc/tools build/tools/etc/tools
for number in 1 2 3 4 5 6 7 8 9; do echo "tool $number" > "build/tools/bin/tool$number"; done
echo library > build/tools/usr/bin/linked
ln -s tool1 build/tools/bin/link
echo read > build/tools/usr/share/doc/tools/README
for name in a b c; do echo "$name" > "build/tools/etc/tools/$name.conf"; done
package tools
mkdir -p build/other/bin
echo other > build/other/bin/tool9
package other
mkdir -p build/gone/etc build/gone/usr/bin
echo setting > build/gone/etc/gone.conf
echo program > build/gone/usr/bin/gone
package gone

install="dpkg --root=root --force-not-root --force-script-chrootless --force-bad-path --log=/dev/null"
dpkg-divert --root=root --package other --divert /bin/tool9.distrib --no-rename /bin/tool9 > /dev/null
$install --install tools_*.deb other_*.deb gone_*.deb > /dev/null
$install --remove gone > /dev/null
dpkg-statoverride --root=root --add root mail 2755 /bin/tool8 > /dev/null
chown 0:8 root/bin/tool8
chmod 2755 root/bin/tool8

cd root
printf 'tool X\n' > bin/tool1
rm bin/tool2
chmod 4755 bin/tool3
rm bin/tool4
ln -s tool5 bin/tool4
mv bin/tool6 bin/tool6.real
ln -s tool6.real bin/tool6
rm bin/tool7
ln -s tool7 bin/tool7
echo changed >> etc/tools/a.conf
rm etc/tools/b.conf
rm -r usr/share/doc/tools
echo 'no folder' > usr/share/doc/tools
echo added > usr/bin/added
echo changed >> etc/gone.conf
