id
sudo -l
sudo -i
