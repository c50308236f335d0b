"""A link that loses, doubles and reorders packets, in a network namespace of the process's own."""

import ctypes
import fcntl
import os
import selectors
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000  # these five are of Linux
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
MTU_BYTES = 1500

NEAR = "10.9.0.1"
FAR = "10.9.0.2"


def is_possible():
    """In a process that can be spared."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return False
    return subprocess.run(["unshare", "-n", "ip", "tuntap", "add", "dev", "t0", "mode", "tun"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


class LossyLink:
    """What is sent to FAR comes back to NEAR as if from FAR: who listens at NEAR is reached at FAR,
    over the link. For the calling thread and those that it starts from here on."""

    def __init__(self, rng, loss):
        self.rng = rng
        self.loss = loss
        self.passed = 0
        self.lost = 0
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"t0", IFF_TUN | IFF_NO_PI))
        for command in ("ip link set lo up", f"ip addr add {NEAR}/24 dev t0", "ip link set t0 up"):
            subprocess.run(command.split(), check=True)
        self.wake, self.waker = os.pipe()
        self.thread = threading.Thread(target=self.relay, daemon=True)
        self.thread.start()

    def relay(self):
        held = None
        with selectors.DefaultSelector() as ready:
            ready.register(self.tun, selectors.EVENT_READ)
            ready.register(self.wake, selectors.EVENT_READ)
            while True:
                # A packet that is held back goes behind the next one, or soon.
                events = ready.select(0.002 if held else None)
                if any(key.fd == self.wake for key, _ in events):
                    return
                packet = os.read(self.tun, MTU_BYTES) if events else None
                dice = self.rng.random()
                if packet and dice < self.loss:
                    self.lost += 1
                    continue
                if packet and not held and dice > 1 - self.loss:
                    held = packet
                    continue
                for each in (packet, held):
                    self.reflect(each, twice=self.rng.random() < self.loss / 4)
                held = None

    def reflect(self, packet, twice):
        """Swaps the addresses, which leaves the checksums right."""
        if not packet or packet[0] >> 4 != 4:
            return
        packet = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        for _ in range(2 if twice else 1):
            os.write(self.tun, packet)
            self.passed += 1

    def close(self):
        os.write(self.waker, b"x")
        self.thread.join()
        for descriptor in (self.tun, self.wake, self.waker):
            os.close(descriptor)
