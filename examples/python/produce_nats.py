"""Offers trades to a bus on NATS: python produce_nats.py nats://HOST:PORT SOURCE FIRST LAST [PREFIX]"""
import asyncio
import sys

import nats
from trade import trade


async def main(url, source, first, last, prefix="BLOTTER"):
    # Answers come where the user `producer` may listen.
    client = await nats.connect(url, inbox_prefix="_INBOX_producer")
    stream = client.jetstream()
    for number in range(int(first), int(last) + 1):
        event = trade(source, number, "BINANCE-SPOT:BTCUSDT", 61_773_550_000_000, 1)
        # One after the other: a number is taken once those before it were. The id lets the server
        # drop what is sent again; what it does not recognise any more Blotter does.
        headers = {"Nats-Msg-Id": event.event_id.hex()}
        await stream.publish(f"{prefix}.in.{source}", event.SerializeToString(), headers=headers)
        print(event.event_id.hex())
    await client.close()


asyncio.run(main(*sys.argv[1:]))
