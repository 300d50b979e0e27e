// `node fetch.mjs URL...`: fetches each URL, with the time that it took. One JSON object a line.
for (const url of process.argv.slice(2)) {
    const began = performance.now();
    const facts = {};
    try {
        const answer = await fetch(url);
        if (!answer.ok) throw new Error(`status ${answer.status}: ${await answer.text()}`);
        facts.answer = await answer.json();
    } catch (error) {
        facts.error = "";
        for (let one = error; one; one = one.cause) facts.error += ` ${one.name} ${one.code ?? ""} ${one.message}`;
    }
    facts.ms = performance.now() - began;
    console.log(JSON.stringify(facts));
}
// Not the sockets that are kept for more requests.
process.exit(0);
