"""Prints the first order on a bus on Kafka: python consume_kafka.py HOST:PORT [PREFIX]"""
import sys

from blotter.v1.event_pb2 import Event
from confluent_kafka import Consumer
from google.protobuf.message import DecodeError


def main(brokers, prefix="blotter"):
    settings = {"bootstrap.servers": brokers, "group.id": f"{prefix}.example"}
    # What a unit that was given up left behind is no event.
    settings |= {"isolation.level": "read_committed", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([f"{prefix}.order"])
    while True:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        try:
            event = Event.FromString(message.value())
        except DecodeError:
            continue  # Somebody else's.
        if event.WhichOneof("body") == "submit_order":
            order = event.submit_order
            print(event.event_id.hex(), order.instrument, event.source, event.source_seq)
            break
    consumer.close()


main(*sys.argv[1:])
