"""Prints the first order on a bus on NATS: python consume_nats.py nats://HOST:PORT [PREFIX]"""
import asyncio
import sys

import nats
from blotter.v1.event_pb2 import Event
from google.protobuf.message import DecodeError


async def main(url, prefix="BLOTTER"):
    client = await nats.connect(url)
    subject = f"{prefix}.order.>"
    orders = await client.jetstream().subscribe(subject, stream=prefix, ordered_consumer=True)
    async for message in orders.messages:
        try:
            event = Event.FromString(message.data)
        except DecodeError:
            continue  # Somebody else's.
        if event.WhichOneof("body") == "submit_order":
            order = event.submit_order
            print(event.event_id.hex(), order.instrument, event.source, event.source_seq)
            break
    await client.close()


asyncio.run(main(*sys.argv[1:]))
