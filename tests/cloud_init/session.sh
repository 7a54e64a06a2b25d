# Runs all stages of cloud-init with /etc, /home, /run, /var/log and /var/lib/cloud of their own, without a network and with
# modules that touch no disk, in namespaces that end with this script: FOLDER. In FOLDER lies `user-data`.
set -eu
place=$1
mkdir -p "$place/etc" "$place/log" "$place/run" "$place/cloud/seed/nocloud" "$place/home" /var/lib/cloud
cp -a /etc/. "$place/etc/"
mount --bind "$place/etc" /etc
mount --bind "$place/home" /home
mount --bind "$place/log" /var/log
mount --bind "$place/run" /run
mount --bind "$place/cloud" /var/lib/cloud

cp -a /etc/cloud/cloud.cfg.d/05_logging.cfg "$place/logging"
rm -r /etc/cloud
mkdir -p /etc/cloud/cloud.cfg.d
cp "$place/logging" /etc/cloud/cloud.cfg.d/05_logging.cfg
cat > /etc/cloud/cloud.cfg <<END
datasource_list: [ NoCloud, None ]
network: { config: disabled }
cloud_init_modules: [ bootcmd, write-files, users-groups ]
cloud_config_modules: [ runcmd ]
cloud_final_modules: [ scripts-user, final-message ]
system_info: { distro: debian, paths: { cloud_dir: /var/lib/cloud/, run_dir: /run/cloud-init/ } }
END
echo 'instance-id: i-ferry' > /var/lib/cloud/seed/nocloud/meta-data
cp "$place/user-data" /var/lib/cloud/seed/nocloud/user-data

cloud-init init --local
cloud-init init
cloud-init modules --mode config
# The last stage fails, as one of the commands does.
cloud-init modules --mode final || true
test -e /run/written
