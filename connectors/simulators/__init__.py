"""The three vendors' tills as HTTP servers on loopback: for the demo, for tests, and for `customer-sync simulate`.

Written from the API references alone. Nothing here is imported by the connectors and nothing of theirs is imported
here: one misreading must not hide behind another.

    till.py         what all tills share: the shop's own edits, ledger, clock, dials, routing
    inventorum.py   flow_retail.py   foodics.py     one vendor each
    dials.py        every point the references leave open, as a setting; the default is the reading they assume
    faults.py       what can go wrong on the way, by script or by chance
    asgi.py         carries out faults on real connections
    server.py       several tills behind one port        control.py     the same powers over HTTP, for another process
"""
