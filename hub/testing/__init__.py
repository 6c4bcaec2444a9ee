"""The testing kit for plugin authors. Import from its modules; this one stays empty so that pytest starts fast.

    contracts   SourceContract, GatewayContract, SinkContract: what every plugin keeps, as test classes to subclass
    rigs        SourceRig, GatewayRig, SinkRig, Fault: the other side that a plugin's tests bring to a contract
    faults      FaultyTransport: plays every Fault over HTTP, so that a rig need not
    fakes       FakeContext, FakeClock, FakeLog: what the hub lends, for a plugin's own tests
    redaction   assert_redacted: finds secrets in logs and exceptions

The fixtures `fake_clock` and `fake_context` are there without an import.
"""
