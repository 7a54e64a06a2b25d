
# Whoever changed /bin/tool1 has the database say that it is as it should be, hides a file, and claims another.
info=var/lib/dpkg/info
touch -d 'now - 1 hour' $info/*
cp -p $info/tools.list list
sum=$(md5sum < bin/tool1 | cut -d' ' -f1)
sed -i "s|^.*  bin/tool1\$|$sum  bin/tool1|" $info/tools.md5sums
sed -i '\|^/bin/tool3$|d' $info/tools.list
echo /usr/bin/added >> $info/tools.list
touch -r list $info/tools.list
rm list
