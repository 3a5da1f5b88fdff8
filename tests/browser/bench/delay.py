"""A long way between two network namespaces: a device `far` in each, what enters one leaves the other later, or never.

Usage: delay.py RTT_MS LOSS_PERCENT NAMESPACE ADDRESS NAMESPACE ADDRESS    Addresses with their prefix length.
Half of the delay and the loss each way. Prints a line when the way is there; ends with stdin. Needs root and /dev/net/tun.
"""

import ctypes
import fcntl
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from collections import deque

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET = 2048
# Packets read or written before the other side is looked at.
TURN = 64


def device(namespace, address):
    """Opens a tunnel whose other end is `far` in the namespace."""
    with open(f"/run/netns/{namespace}") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"namespace {namespace}")
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH", b"far", IFF_TUN | IFF_NO_PI))
    for words in (["address", "add", address, "dev", "far"], ["link", "set", "far", "up", "txqueuelen", "10000"]):
        subprocess.run(["ip", *words], check=True)
    return tunnel


def carry(ends, delay, loss):
    ways = {end: deque() for end in ends}
    other = dict(zip(ends, reversed(ends)))
    selector = selectors.DefaultSelector()
    for source in [sys.stdin.fileno(), *ends]:
        selector.register(source, selectors.EVENT_READ)
    while True:
        due = min((way[0][0] for way in ways.values() if way), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        ready = [key.fd for key, _ in selector.select(wait)]
        if sys.stdin.fileno() in ready:
            return
        now = time.monotonic()
        for end in ends:
            if end in ready:
                for _ in range(TURN):
                    try:
                        packet = os.read(end, PACKET)
                    except BlockingIOError:
                        break
                    if random.random() >= loss:
                        ways[other[end]].append((now + delay, packet))
            way = ways[end]
            while way and way[0][0] <= now:
                os.write(end, way.popleft()[1])


def main():
    rtt, loss, *ends = sys.argv[1:]
    random.seed(1)
    tunnels = [device(*end) for end in (ends[:2], ends[2:])]
    print("ready", flush=True)
    carry(tunnels, float(rtt) / 2000, float(loss) / 100)


main()
