#!/bin/bash
# Makes the demo disk, byte for byte the same each time, without root: make.sh OUTPUT.img
# Needs bash, perl, gzip, e2fsprogs (mkfs.ext4, debugfs) and fdisk (sfdisk).
set -euo pipefail
export LC_ALL=C TZ=UTC
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
image=${1:?usage: make.sh OUTPUT.img}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree

seconds() { date -u -d "$1" +%s; }
# The day on which the story's server was set up, and the minute in which its plug was pulled.
installed=$(seconds 2025-01-14T12:30:00)
pulled=$(seconds 2025-03-13T10:31:00)

cp -R "$here/tree" "$tree"
mkdir -p "$tree"/{boot,dev,proc,run,sys,tmp,var/lib/mysql,var/log/mysql,var/log/nginx,usr/bin,usr/lib/x86_64-linux-gnu}
ln -s usr/bin "$tree/bin"
ln -s usr/lib "$tree/lib"
ln -s /usr/share/zoneinfo/Etc/UTC "$tree/etc/localtime"
perl "$here/logs.pl" "$tree"
gzip -9 -n "$tree/var/log/auth.log.2"
find "$tree" -type d -exec chmod 0755 {} +
find "$tree" -type f -exec chmod 0644 {} +

# The root filesystem: made from the tree, then each inode is given its owner, mode and times.
export E2FSPROGS_FAKE_TIME=$installed SOURCE_DATE_EPOCH=$installed MKE2FS_CONFIG=$work/mke2fs.conf
printf '[fs_types]\next4 = {\ninode_size = 256\n}\nsmall = {\ninode_size = 256\n}\n' > "$MKE2FS_CONFIG"
filesystem=$work/root.ext4
truncate -s 48M "$filesystem"
mkfs.ext4 -q -F -b 4096 -I 256 -N 4096 -m 5 -J size=4 -L quay1-root \
    -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
    -U 6f1d0c2e-52a4-4c0f-9d6a-0f2b7c9e4a11 \
    -E hash_seed=2c4e7f10-8a5b-4d36-91e7-5b0c3d2f6a98,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard \
    -d "$tree" "$filesystem"

stamp() { date -u -d "$1" +%Y%m%d%H%M%S; }
attributes() {
    local path=$1 mode=- owner=0 group=0 changed=2025-01-14T12:30:00 born=- line
    while read -r -a line; do
        [[ ${#line[@]} -eq 6 && ${line[0]} != '#' ]] || continue
        if [[ ${line[0]} == "$path" || ( ${line[0]} == */ && "$path/" == "${line[0]}"* ) ]]; then
            mode=- owner=${line[2]} group=${line[3]} changed=${line[4]} born=${line[5]}
            [[ ${line[0]} == */ && ${line[0]%/} != "$path" ]] || mode=${line[1]}
        fi
    done < "$here/attributes.txt"
    [[ $born != - ]] || born=2025-01-14T12:30:00
    if [[ $mode != - ]]; then
        local kind=0100000
        [[ ! -d $tree$path ]] || kind=0040000
        printf 'sif %s mode %#o\n' "$path" $((kind | 0$mode))
    fi
    printf 'sif %s uid %d\nsif %s gid %d\n' "$path" "$owner" "$path" "$group"
    printf "sif %s %s $(stamp "$changed")\n" "$path" mtime "$path" atime
    printf "sif %s ctime $(stamp "$([[ $born < $changed ]] && echo "$changed" || echo "$born")")\n" "$path"
    printf "sif %s crtime $(stamp "$born")\n" "$path"
}
script=$work/script
mkdir -p "$tree/lost+found"
(cd "$tree" && find . -mindepth 1 | sort) | while read -r path; do attributes "${path#.}"; done > "$script"
attributes / >> "$script"
debugfs -w -f "$script" "$filesystem" > "$work/debugfs.log" 2>&1

# What the intruder removed: the names and the inodes go, the bytes stay.
remove() {
    E2FSPROGS_FAKE_TIME=$(seconds "$1") debugfs -w -R "rm $2" "$filesystem" >> "$work/debugfs.log" 2>&1
}
remove 2025-03-12T04:02:09 /var/tmp/.font-unix/c.sql
remove 2025-03-12T04:05:40 /root/setup.sh
remove 2025-03-12T04:06:12 /var/log/auth.log.1
printf 'set_super_value mtime %s\nset_super_value wtime %s\nset_super_value lastcheck %s\nset_super_value mkfs_time %s\n' \
    "$(stamp @"$installed")" "$(stamp @"$pulled")" "$(stamp @"$installed")" "$(stamp @"$installed")" > "$script"
E2FSPROGS_FAKE_TIME=$pulled debugfs -w -f "$script" "$filesystem" >> "$work/debugfs.log" 2>&1
# debugfs says what it could not do, but exits with 0.
if grep -v -e '^debugfs' -e '^$' "$work/debugfs.log" >&2; then exit 1; fi
E2FSPROGS_FAKE_TIME=$pulled e2fsck -f -n "$filesystem" >> "$work/debugfs.log" 2>&1 || { cat "$work/debugfs.log" >&2; exit 1; }

# Swap as mkswap(8) lays it out: version 1, last page, UUID, label, signature at the end of the first page. One page
# holds what memory held of the intruder's command.
swap=$work/swap
truncate -s 8M "$swap"
put() { printf "$2" | dd of="$swap" bs=1 seek="$1" conv=notrunc status=none; }
put 1024 '\x01\x00\x00\x00\xff\x07\x00\x00'
put 1036 '\xb7\xa3\xe5\xd4\x91\xc8\x4f\x27\x8e\x35\x2d\x64\xf0\xa1\xc8\xe2quay1-swap'
put 4086 'SWAPSPACE2'
put $((4096 * 300)) 'mysqldump -u booking -psaltwater booking customers\nSUDO_USER=migrate\nSSH_CONNECTION=203.0.113.77 51234 192.0.2.10 22\n'

# The disk: 64 MiB, GPT, the root at 1 MiB, swap at 49 MiB.
rm -f "$image"
truncate -s 64M "$image"
sfdisk -q "$image" <<'TABLE'
label: gpt
label-id: 3E0B6C52-7F4D-4B19-A1C8-96D5E2F07B34
first-lba: 2048
start=2048, size=98304, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=91D3A7F6-0C5E-4E82-B6F4-2A7B8C1D9E50, name="quay1 root"
start=100352, size=16384, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, uuid=D4C2B1A0-5E6F-4789-9A0B-1C2D3E4F5061, name="quay1 swap"
TABLE
dd if="$filesystem" of="$image" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$swap" of="$image" bs=1M seek=49 conv=notrunc,sparse status=none
