"""Limits on any host, with delegated controllers or without."""

import delegation


def test_doctor_says_what_the_kernel_delegates(t):
    check = next(one for one in t.json("doctor") if one["id"] == "cgroup-delegation")
    there = delegation.controllers()
    if delegation.WANTED <= there:
        assert check["status"] == "ok", check
    else:
        assert check["status"] == "degraded" and check["remedy"], check
    # Those that are there stand before those that lack.
    named = check["detail"].partition("but without")[0]
    assert all(name in named for name in there), (check, there)
    t.cloche("run", "--workspace", "none", "--", "/usr/bin/true")
