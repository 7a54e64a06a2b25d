"""Asks a web server for a page from an address of its own: ADDRESS PORT METHOD PAGE AGENT."""
import http.client
import sys

client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]), 20, source_address=(sys.argv[1], 0))
client.request(sys.argv[3], sys.argv[4], "c=id" if sys.argv[3] == "POST" else None, {"User-Agent": sys.argv[5]})
client.getresponse().read()
