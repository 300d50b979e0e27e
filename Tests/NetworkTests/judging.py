"""How attacks on the network's rules are judged, the same on each way out.

An attack is an attempt of `clients/probe.py` with a place to reach that the rules do not allow. It must not come through;
nothing may arrive at the servers but the controls before and after it, which are allowed and do come through; and the kernel
may not have begun any other connection. Then the same attacks are made in a sandbox that shares the network, where a
proxy waits on the port of Cloche's own that lets everybody through: those marked `opens` must come through there, or they
were no attacks.
"""

import sys

import internet

WAYS = ("transparent", "connect", "absolute", "socks5")


def each_way(*ways):
    """Makes a test of a function for each way, named with it."""

    def make(function):
        for way in ways or WAYS:

            def test(t, way=way):
                function(t, way)

            test.__module__, test.__doc__ = function.__module__, function.__doc__
            test.timeout = getattr(function, "timeout", 120)
            setattr(sys.modules[function.__module__], f"test_{function.__name__}_{way}", test)
        return function

    return make


def reach(way, host, port=None, **more):
    """An attempt to get an answer of the server there: by TLS on the ports of TLS, else by HTTP. Absolute form has no TLS."""
    if port is None:
        port = 80 if way == "absolute" else 443
    say = "http" if way == "absolute" or port in (80, 8080) else "tls" if port in (443, 8443) else "banner" if port in (22, 25) else "echo"
    return {"by": way, "host": host, "port": port, "say": say} | more


def opens(attempt):
    """Marks an attack that comes through where nothing is in its way."""
    return attempt | {"opens": True}


def judge(net, way, attacks, *, controls=None, allowed=None, asked=(), only=None, in_open=True, **more):
    """Makes the attacks between two rounds of the controls. `allowed` are the places (address, port) where the controls arrive, and
    `asked` names beside theirs that may be asked for; `only(event)` says of anything else whether it may have arrived. Returns
    what the probe said of each attack."""
    controls = controls or [reach(way, "api.test")]
    allowed = allowed or {(address, control["port"]) for control in controls for address in (internet.API, internet.API6)}
    mark, before = net.mark(), net.counters()
    said = net.probe(*controls, *attacks, *controls, **more)
    count = len(controls)
    for one, control in zip(said[:count] + said[-count:], controls * 2):
        assert one["through"], f"a control did not come through: {control} {one}"
    answers = said[count:-count]
    for attack, one in zip(attacks, answers):
        assert not one["through"], f"came through: {attack} {one}"
    events = net.events(since=mark)
    only = only or (lambda event: "to" not in event or tuple(event["to"]) in allowed)
    names = {control["host"].lower().rstrip(".") for control in controls} | set(asked)
    strange = [event for event in events if not (event["name"].lower() in names if event["kind"] == "dns" else only(event))]
    assert not strange, f"arrived outside: {strange[:5]} of {len(strange)}"
    begun = net.counters()["connections"] - before["connections"]
    arrived = sum(event["kind"] == "accept" for event in events)
    assert begun == arrived, f"{begun} connections were begun, and {arrived} arrived at servers"
    if in_open:
        judge_in_the_open(net, attacks)
    return answers


def judge_in_the_open(net, attacks):
    """The negative control."""
    marked = [attack for attack in attacks if attack.get("opens")]
    assert marked, "no attack here would come through without rules"
    net.profile(name="open-network", mode="host")
    said = net.probe(*marked, profile="open-network")
    for attack, one in zip(marked, said):
        assert one["through"], f"does not even come through without rules: {attack} {one}"


def quick(answers, limit=100):
    """Refusals come at once: half of them within the limit, none after more than ten times that."""
    times = sorted(one["ms"] for one in answers)
    assert times[len(times) // 2] < limit and times[-1] < 10 * limit, f"refused after {times} ms"
