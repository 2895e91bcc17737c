"""A caller who does nothing wrong: one lookup after another, each timed."""
import statistics
import time

import wire


class Caller:
    def __init__(self, env, tenant):
        self._channel = wire.channel(env)
        self._lookup = wire.stub("LookupService", self._channel).Lookup
        self._request = wire.message("LookupRequest")(tenant=tenant)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._channel.close()

    def measure(self, seconds):
        end = time.monotonic() + seconds
        return self.measure_while(lambda: time.monotonic() < end)

    def measure_while(self, going_on):
        """{calls, median_ms, p99_ms}; each call must succeed, within 30 seconds."""
        taken = []
        while going_on() or not taken:
            start = time.perf_counter()
            self._lookup(self._request, timeout=30)
            taken.append((time.perf_counter() - start) * 1000)
        taken.sort()
        return {"calls": len(taken), "median_ms": round(statistics.median(taken), 3),
                "p99_ms": round(taken[int(len(taken) * 0.99)], 3)}
