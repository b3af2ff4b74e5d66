"""Offers trades to a bus on Kafka: python produce_kafka.py HOST:PORT SOURCE FIRST LAST [PREFIX [SETTINGS]]"""
import sys

from confluent_kafka import Producer
from trade import trade


def main(brokers, source, first, last, prefix="blotter", settings=None):
    # A file with a setting of the client in each line, as what it is let in with.
    lines = open(settings).read().splitlines() if settings else []
    # Idempotence keeps what is sent in order, also when it is sent again: a number is taken once
    # those before it were.
    ours = {"bootstrap.servers": brokers, "enable.idempotence": True}
    producer = Producer(dict(line.split("=", 1) for line in lines) | ours)
    failed = []
    for number in range(int(first), int(last) + 1):
        event = trade(source, number, "BINANCE-SPOT:BTCUSDT", 61_773_550_000_000, 1)
        told = lambda error, _: error and failed.append(error)
        producer.produce(f"{prefix}.in", event.SerializeToString(), key=source, on_delivery=told)
        print(event.event_id.hex())
    if producer.flush(30) or failed:
        sys.exit(f"not stored: {failed}")


main(*sys.argv[1:])
