"""A trade as the event that a producer outside offers: who says it, its number there, what happened."""
from hashlib import sha256

from blotter.v1.event_pb2 import Event


def id_of(domain, *parts):
    """16 bytes of SHA-256 over the parts, each behind its length in four bytes."""
    hashed = sha256()
    for part in (domain.encode(), *parts):
        hashed.update(len(part).to_bytes(4, "little") + part)
    return hashed.digest()[:16]


def trade(source, number, instrument, price, quantity, event_time=None):
    """`price` in 1e-9 of the quote currency, `quantity` in whole units; numbers count from 1.

    `event_time` is the venue's, in nanoseconds. The same number says the same whenever it is sent.
    """
    event_id = id_of("foreign", source.encode(), number.to_bytes(8, "little"))
    event = Event(event_id=event_id, trace_id=id_of("trace", event_id), key=instrument)
    event.source, event.source_seq = source, number
    if event_time is not None:
        event.event_time = event_time
    body = event.market_trade
    body.instrument, body.price, body.trade_id = instrument, price, f"T{number}"
    body.quantity.mantissa = quantity
    return event
