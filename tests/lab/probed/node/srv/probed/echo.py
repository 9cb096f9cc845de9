"""A server that answers every datagram with itself."""

import socket

own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind(("0.0.0.0", 5300))
while True:
    own.sendto(*own.recvfrom(2048))
