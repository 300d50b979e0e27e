"""Works through the standard library's ways into the kernel and prints one line for each."""

import asyncio
import concurrent.futures
import ctypes
import fcntl
import mmap
import multiprocessing
import multiprocessing.shared_memory
import os
import pathlib
import pty
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time


def square(number):
    return number * number


def threads():
    lock, total = threading.Lock(), []

    def work(number):
        with lock:
            total.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return len(total), sum(pool.map(square, range(100)))


def processes(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        results = pool.map(square, range(50))
    queue, event = context.Queue(), context.Event()
    child = context.Process(target=answer, args=(queue, event))
    child.start()
    event.set()
    word = queue.get(timeout=30)
    child.join()
    return sum(results), word, child.exitcode


def answer(queue, event):
    event.wait(30)
    queue.put("from the child")


def shared_memory():
    block = multiprocessing.shared_memory.SharedMemory(create=True, size=1 << 20)
    try:
        other = multiprocessing.Process(target=fill, args=(block.name,))
        other.start()
        other.join()
        return bytes(block.buf[:6]), pathlib.Path("/dev/shm", block.name).exists()
    finally:
        block.close()
        block.unlink()


def fill(name):
    block = multiprocessing.shared_memory.SharedMemory(name=name)
    block.buf[:6] = b"shared"
    block.close()


def database():
    connection = sqlite3.connect("data.sqlite")
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table t (a integer primary key, b text)")
    with connection:
        connection.executemany("insert into t (b) values (?)", [(str(n),) for n in range(5000)])
    return connection.execute("select count(*), sum(a) from t").fetchone()


def programs():
    pipe = subprocess.Popen(["sort", "-r"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out, _ = pipe.communicate("a\nb\nc\n")
    killed = subprocess.Popen(["sleep", "100"], start_new_session=True)
    killed.terminate()
    return out.split(), killed.wait(), subprocess.run("exit 7", shell=True).returncode, os.system("true")


async def echo(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def asynchronous():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask(word):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(word + b"\n")
        reply = await reader.readline()
        writer.close()
        return reply

    replies = await asyncio.gather(*(ask(b"word%d" % number) for number in range(20)))
    child = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    out, _ = await child.communicate(b"through cat")
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(heard.wait(), 10)
    server.close()
    return len(replies), replies[7], out


def sockets():
    results = []
    for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0))):
        one, two = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        one.bind(address)
        two.sendto(b"datagram", one.getsockname())
        results.append(one.recv(100))
    place = os.path.join(tempfile.mkdtemp(), "socket")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(place)
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(place)
    peer, _ = server.accept()
    reading, writing = os.pipe()
    socket.send_fds(client, [b"x"], [writing])
    _, descriptors, _, _ = socket.recv_fds(peer, 1, 1)
    os.write(descriptors[0], b"passed")
    results.append(os.read(reading, 100))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0compat-%d" % os.getpid())
    abstract.listen()
    names = socket.getaddrinfo("localhost", 80, socket.AF_INET, socket.SOCK_STREAM)
    return results, names[0][4], sorted(name for _, name in socket.if_nameindex())[:1] != []


def memory():
    with open("mapped", "w+b") as file:
        file.truncate(1 << 20)
        with mmap.mmap(file.fileno(), 1 << 20) as area:
            area[1000:1005] = b"bytes"
            area.flush()
        file.seek(1000)
        found = file.read(5)
    anonymous = mmap.mmap(-1, 1 << 24)
    anonymous.madvise(mmap.MADV_DONTNEED)
    descriptor = os.memfd_create("area")
    os.write(descriptor, b"memfd")
    return found, len(anonymous), os.pread(descriptor, 5, 0)


def files():
    place = pathlib.Path("files")
    place.mkdir()
    (place / "a").write_text("content")
    os.link(place / "a", place / "b")
    os.symlink("a", place / "c")
    os.mkfifo(place / "fifo")
    os.setxattr(place / "a", "user.note", b"value")
    os.utime(place / "a", (1, 1))
    os.chmod(place / "a", 0o640)
    with open(place / "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(open(place / "b", "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(place / "a", "rb") as source, open(place / "copy", "wb") as target:
        count = os.copy_file_range(source.fileno(), target.fileno(), 100)
        os.posix_fallocate(target.fileno(), 0, 4096)
    state = os.stat(place / "b")
    return sorted(os.listdir(place)), state.st_nlink, oct(state.st_mode), state.st_mtime, count


def terminal():
    child, master = pty.fork()
    if child == 0:
        os.write(1, b"tty " + str(os.isatty(0)).encode())
        os._exit(0)
    text = b""
    try:
        while part := os.read(master, 100):
            text += part
    except OSError:
        pass  # the other end was closed
    return text, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def timers():
    fired = []
    signal.signal(signal.SIGALRM, lambda *_: fired.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not fired:
        signal.pause()
    poller = select.epoll()
    reading, writing = os.pipe()
    poller.register(reading, select.EPOLLIN)
    os.write(writing, b"x")
    before = time.monotonic()
    time.sleep(0.01)
    return len(fired), len(poller.poll(1)), time.monotonic() > before


def limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    descriptor = os.pidfd_open(os.getpid())
    return os.nice(1), len(os.sched_getaffinity(0)) > 0, descriptor > 0, ctypes.CDLL(None).getpid() == os.getpid()


def main():
    for name, function in (
        ("threads", threads),
        ("fork", lambda: processes("fork")),
        ("spawn", lambda: processes("spawn")),
        ("forkserver", lambda: processes("forkserver")),
        ("shared memory", shared_memory),
        ("sqlite3", database),
        ("subprocess", programs),
        ("asyncio", lambda: asyncio.run(asynchronous())),
        ("sockets", sockets),
        ("mmap", memory),
        ("files", files),
        ("pty", terminal),
        ("timers", timers),
        ("limits", limits),
    ):
        print(f"{name}: {function()}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
