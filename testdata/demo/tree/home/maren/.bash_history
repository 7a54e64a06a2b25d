sudo apt update
sudo apt install vsftpd
sudo nano /etc/vsftpd.conf
sudo systemctl restart vsftpd
sudo useradd -m -s /bin/bash -G sudo -c "move from the old server - remove in January" migrate
sudo passwd migrate
tail -f /var/log/vsftpd.log
ls -l /srv/timetable
sudo tail /var/log/nginx/error.log
uptime
top
ps aux --sort=-%cpu | head
ls -la /var/tmp
sudo less /var/log/vsftpd.log
