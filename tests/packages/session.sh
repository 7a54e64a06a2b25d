# Has apt and dpkg install, change and remove packages that it makes, in a root of their own: FOLDER.
set -eu
place=$1 root=$1/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/apt/lists/partial" "$root/var/log/apt" \
    "$root/var/cache/apt/archives/partial" "$root/etc/apt/apt.conf.d" "$root/etc/apt/preferences.d" "$root/etc/apt/sources.list.d"
touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available" "$root/etc/apt/sources.list" "$place/apt.conf"

# NAME VERSION FURTHER-LINES
make() {
    build=$place/build/$1-$2
    mkdir -p "$build/DEBIAN" "$build/etc"
    echo "$2" > "$build/etc/$1.conf"
    echo "/etc/$1.conf" > "$build/DEBIAN/conffiles"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n%s' "$1" "$2" "$3" \
        > "$build/DEBIAN/control"
    if [ "$1" = broken ]; then
        printf '#!/bin/sh\nexit 3\n' > "$build/DEBIAN/preinst"
        chmod 755 "$build/DEBIAN/preinst"
    fi
    dpkg-deb --root-owner-group -b "$build" "$place/$1_$2.deb" > "$place/built"
}
make ferry 1.0-1 'Depends: quay
'
make ferry 1.1-1 'Depends: quay
'
make quay 1:2.0~rc1-1 ''
make broken 1.0 ''

apt() {
    APT_CONFIG=$place/apt.conf apt-get -q -y -o "Dir=$root" -o "Dir::State::status=$root/var/lib/dpkg/status" \
        -o Dir::Bin::dpkg="$(command -v dpkg)" -o Dir::Bin::methods=/usr/lib/apt/methods -o APT::Architecture=amd64 \
        -o APT::Sandbox::User=root -o "DPkg::Options::=--root=$root" -o "DPkg::Options::=--log=$root/var/log/dpkg.log" \
        -o DPkg::Options::=--force-confold -o DPkg::Options::=--force-script-chrootless "$@"
}
apt install "$place/ferry_1.0-1.deb" "$place/quay_1:2.0~rc1-1.deb"
apt install "$place/ferry_1.1-1.deb"
apt install --allow-downgrades "$place/ferry_1.0-1.deb"
apt install --reinstall "$place/ferry_1.0-1.deb"
if apt install "$place/broken_1.0.deb"; then exit 1; fi
apt remove ferry
apt purge ferry
apt autoremove --purge
