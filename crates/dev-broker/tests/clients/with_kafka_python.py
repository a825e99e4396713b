"""Checks with kafka-python, a client that shares no code with librdkafka."""

from checks import check, fresh
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic


def send(address, topic, count, **config):
    producer = KafkaProducer(bootstrap_servers=address, acks="all", **config)
    sent = [producer.send(topic, b"%d" % i, key=b"k%d" % i, headers=[("h", b"1")]) for i in range(count)]
    for one in sent:
        one.get(20)
    producer.close()


def take(consumer, count):
    messages = []
    for message in consumer:
        messages.append(message)
        if len(messages) == count:
            return messages
    raise AssertionError(f"{len(messages)} of {count} messages")


@check
def a_whole_life(address):
    topic = fresh("topic")
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(topic, 3, 1)])
    send(address, topic, 300, compression_type="gzip")
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=fresh("group"),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=20_000,
    )
    messages = take(consumer, 300)
    assert {int(message.value) for message in messages} == set(range(300))
    assert messages[0].headers == [("h", b"1")]
    consumer.commit()
    partitions = [TopicPartition(topic, partition) for partition in range(3)]
    assert sum(consumer.committed(partition) or 0 for partition in partitions) == 300
    assert sum(consumer.end_offsets(partitions).values()) == 300
    assert sum(consumer.beginning_offsets(partitions).values()) == 0
    consumer.close()
    admin.delete_topics([topic])
    admin.close()


@check
def idempotent_producer(address):
    topic = fresh("topic")
    send(address, topic, 100, enable_idempotence=True)
    reader = KafkaConsumer(bootstrap_servers=address)
    reader_partitions = [TopicPartition(topic, partition) for partition in reader.partitions_for_topic(topic)]
    assert sum(reader.end_offsets(reader_partitions).values()) == 100
    reader.close()


@check
def without_a_group(address):
    topic = fresh("topic")
    send(address, topic, 50)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=address, group_id=None, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    take(consumer, 50)
    consumer.close()
