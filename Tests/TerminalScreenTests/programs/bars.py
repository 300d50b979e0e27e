"""Progress bars as tools draw them: carriage returns, erased line ends, several lines moved up."""

import sys
import time


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()
    time.sleep(0.01)


for done in range(0, 101, 5):
    show(f"\r{done:3}% |{'█' * (done // 4)}{'▏▎▍▌▋▊▉'[done % 7]}{' ' * (25 - done // 4)}| {done}/100 [00:0{done % 10}<00:01]")
show("\n")
for done in range(0, 101, 10):
    show(f"\r\x1b[KDownloading {'a-long-name-' * (done // 20)} {done}%")
show("\n\n\n\n")
for done in range(20):
    lines = "".join(f"\r\x1b[2K\x1b[3{n + 1}m⠋⠙⠹⠸⠼⠴"[: 12 + done % 6] + f"\x1b[0m task {n}: {'=' * (done * n % 40)}>\n" for n in range(3))
    show("\x1b[3A" + lines)
show("\x1b[1A\x1b[2K\x1b[1A\x1b[2K✔ done\n")
