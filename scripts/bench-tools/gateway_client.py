"""What scripts/bench asks of that server, directly (a URL of https, and a file of certificates) or through a gateway (a URL of http).

    latency COUNT      microseconds from a request to its answer's first byte, each on a line, over one connection
    stream BYTES       MB/s
    concurrent COUNT   how many of so many slow streams came to their end, and the seconds of all"""

import asyncio
import ssl
import sys
import time
import urllib.parse

url, certificates, mode, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
parts = urllib.parse.urlsplit(url)
context = ssl.create_default_context(cafile=certificates) if parts.scheme == "https" else None


def request(path):
    return f"GET {parts.path}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode()


async def connect():
    return await asyncio.open_connection(parts.hostname, parts.port, ssl=context, limit=1 << 20)


async def latency():
    reader, writer = await connect()
    for turn in range(number + 20):
        began = time.perf_counter()
        writer.write(request("/ping"))
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        if turn >= 20:
            print(round((time.perf_counter() - began) * 1e6))


async def chunks(reader):
    total = 0
    await reader.readuntil(b"\r\n\r\n")
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
        total += size
    await reader.readexactly(2)
    return total


async def stream():
    reader, writer = await connect()
    began = time.perf_counter()
    writer.write(request(f"/stream/{number}"))
    total = await chunks(reader)
    print(total / 1e6 / (time.perf_counter() - began))


async def one():
    reader, writer = await connect()
    writer.write(request("/slow"))
    total = await chunks(reader)
    writer.close()
    return total


async def concurrent():
    began = time.perf_counter()
    totals = await asyncio.gather(*(one() for _ in range(number)), return_exceptions=True)
    print(sum(total == 10 * 128 for total in totals), time.perf_counter() - began)


asyncio.run({"latency": latency, "stream": stream, "concurrent": concurrent}[mode]())
