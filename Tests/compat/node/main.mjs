import assert from "node:assert";
import cluster from "node:cluster";
import { execFileSync, fork, spawn } from "node:child_process";
import crypto from "node:crypto";
import dns from "node:dns/promises";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const self = fileURLToPath(import.meta.url);

if (!isMainThread) {
    const cells = new Int32Array(workerData);
    for (let i = 0; i < 1000; i++) Atomics.add(cells, 0, 1);
    parentPort.postMessage("done");
} else if (process.argv[2] === "child") {
    process.on("message", (message) => process.send(message * 2, () => process.disconnect()));
} else if (cluster.isWorker) {
    http.createServer((_, response) => response.end("from a worker of the cluster")).listen(0, "127.0.0.1");
} else {
    await main();
}

async function text(port, where = "/") {
    const response = await fetch(`http://127.0.0.1:${port}${where}`);
    return await response.text();
}

async function main() {
    const shared = new SharedArrayBuffer(4);
    const workers = [1, 2, 3, 4].map(() => new Worker(self, { workerData: shared }));
    await Promise.all(workers.map((worker) => once(worker, "exit")));
    console.log("workers:", new Int32Array(shared)[0]);

    const child = fork(self, ["child"]);
    child.send(21);
    console.log("fork:", (await once(child, "message"))[0]);
    const cat = spawn("cat");
    cat.stdin.end("through cat");
    console.log("spawn:", String((await once(cat.stdout, "data"))[0]), (await once(cat, "close"))[0]);
    console.log("exec:", execFileSync("sh", ["-c", "echo $((6 * 7))"], { encoding: "utf8" }).trim());

    fs.mkdirSync("watched");
    const watcher = fs.watch("watched");
    const change = once(watcher, "change");
    fs.writeFileSync("watched/file", "x");
    console.log("watch:", (await change)[1]);
    watcher.close();
    fs.cpSync("watched", "copied", { recursive: true });
    fs.symlinkSync("file", "copied/link");
    console.log("files:", fs.readdirSync("copied"), fs.realpathSync("copied/link") === path.resolve("copied/file"));

    const server = http.createServer((request, response) => response.end(`you asked for ${request.url}`));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    console.log("http:", await text(server.address().port, "/page"));
    server.close();
    server.closeAllConnections();
    const place = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "node-")), "socket");
    const local = net.createServer((connection) => connection.end("by a unix socket")).listen(place);
    console.log("unix:", String((await once(net.connect(place), "data"))[0]));
    local.close();

    cluster.setupPrimary({ exec: self });
    const worker = cluster.fork();
    const address = await new Promise((resolve) => worker.on("listening", resolve));
    console.log("cluster:", await text(address.port));
    worker.kill();
    await once(worker, "exit");

    console.log("dns:", (await dns.lookup("localhost", { family: 4 })).address);
    console.log("scrypt:", crypto.scryptSync("a", "b", 16).toString("hex"));
    assert(gunzipSync(gzipSync(Buffer.alloc(1 << 20))).length === 1 << 20);
    const bytes = "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b";
    const module = await WebAssembly.instantiate(Buffer.from(bytes, "hex"));
    console.log("wasm:", module.instance.exports.add(2, 3));
    let sum = 0;
    for (let i = 0; i < 3e6; i++) sum = (sum + i * i) % 1000003;
    console.log("compiled:", sum);
}
