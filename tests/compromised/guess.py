"""Guesses a password over FTP from an address of its own, then fetches a file: ADDRESS PORT ACCOUNT PASSWORD."""
import ftplib
import sys

address, port, account, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


def log_in(word):
    ftp = ftplib.FTP(source_address=(address, 0))
    ftp.connect("127.0.0.1", port, 20)
    try:
        ftp.login(account, word)
        return ftp
    except ftplib.error_perm:
        ftp.close()
        return None


for number in range(30):
    assert log_in(f"guess{number}") is None
ftp = log_in(password)
ftp.retrbinary("RETR /srv/export/customers.csv", lambda _: None)
ftp.quit()
