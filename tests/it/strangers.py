"""Writes into a bus what it is not meant to take.

nats|kafka URL PREFIX        every kind of it once, and a burst
nats|kafka URL PREFIX storm  garbage again and again, until it is told to stop
"""
import asyncio
import sys
from time import time_ns

from trade import trade

HOUR_NS = 3_600_000_000_000
BURST = 20


def offers():
    late = trade("python-skewed", 1, "BINANCE-SPOT:BTCUSDT", 1, 1)
    late.event_time = time_ns() + 24 * HOUR_NS
    other = trade("python-alpha", 1, "BINANCE-SPOT:BTCUSDT", 1, 99)
    yield b"\xff\xfe garbage"
    yield late.SerializeToString()
    yield other.SerializeToString()
    yield trade("risk/PAPER", 1, "BINANCE-SPOT:BTCUSDT", 1, 1).SerializeToString()
    yield trade("python-beta", 7, "BINANCE-SPOT:BTCUSDT", 1, 1).SerializeToString()
    yield bytes(100_000)


def astray():
    event = trade("risk/PAPER", 1, "BINANCE-SPOT:BTCUSDT", 1, 1)
    event.time = time_ns() + 24 * 365 * HOUR_NS
    yield event.SerializeToString()
    yield from (b"garbage %d" % number for number in range(BURST))


async def nats(url, prefix, storm=None):
    import nats

    client = await nats.connect(url)
    stream = client.jetstream()
    while storm:
        await stream.publish(f"{prefix}.x", b"garbage")
        await asyncio.sleep(0.3)
    for offer in offers():
        await stream.publish(f"{prefix}.in.python", offer)
    for number, garbage in enumerate(astray()):
        places = ["market.0.risk.PAPER", "order.1.somebody", "progress.$.risk.PAPER", "x"]
        await stream.publish(f"{prefix}.{places[number % 4]}", garbage)
    await client.close()


async def kafka(brokers, prefix, storm=None):
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": brokers})
    while storm:
        producer.produce(f"{prefix}.log", b"garbage", key="who")
        producer.flush()
        await asyncio.sleep(0.3)
    for offer in offers():
        producer.produce(f"{prefix}.in", offer)
    for number, garbage in enumerate(astray()):
        topics = ["market", "order", "log", "ops"]
        producer.produce(f"{prefix}.{topics[number % 4]}", garbage, partition=0, key="who")
    assert producer.flush(30) == 0


asyncio.run({"nats": nats, "kafka": kafka}[sys.argv[1]](*sys.argv[2:]))
