"""Checks with confluent-kafka, that is librdkafka."""

import functools
import os
import threading
import time

from checks import check, fresh, until
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec


@functools.cache
def admin(address):
    """One for all: a client that is collected gives up what it was asked to do."""
    return AdminClient({"bootstrap.servers": address})


def create(address, partitions=1, **config):
    name = fresh("topic")
    topic = NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()})
    admin(address).create_topics([topic])[name].result(20)
    return name


def producer(address, **config):
    return Producer(
        {"bootstrap.servers": address, "enable.idempotence": True, "message.timeout.ms": 20000}
        | {key.replace("_", "."): value for key, value in config.items()}
    )


def send(producer, topic, values, **extra):
    errors = []

    def delivered(error, _message):
        if error:
            errors.append(error)

    for value in values:
        producer.produce(topic, value, on_delivery=delivered, **extra)
        producer.poll(0)
    left = producer.flush(30)
    assert not errors and left == 0, (errors[:3], left)


def consumer(address, **config):
    return Consumer(
        {
            "bootstrap.servers": address,
            "group.id": fresh("group"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 10000,
        }
        | {key.replace("_", "."): value for key, value in config.items()}
    )


def take(consumer, count, limit_s=20):
    """Exactly `count` messages."""
    messages = []
    deadline = time.monotonic() + limit_s
    while len(messages) < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None:
            assert message.error() is None, message.error()
            messages.append(message)
    assert len(messages) == count, f"{len(messages)} of {count} messages"
    return messages


@check
def metadata(address):
    cluster = admin(address).list_topics(timeout=10)
    assert [f"{broker.host}:{broker.port}" for broker in cluster.brokers.values()] == [address]
    assert cluster.controller_id in cluster.brokers


@check
def topic_made_on_first_use(address):
    topic = fresh("topic")
    send(producer(address), topic, [b"x"])
    assert len(admin(address).list_topics(timeout=10).topics[topic].partitions) == 4


@check
def topic_exists(address):
    topic = create(address, 6)
    assert len(admin(address).list_topics(timeout=10).topics[topic].partitions) == 6
    try:
        admin(address).create_topics([NewTopic(topic, 6, 1)])[topic].result(20)
    except KafkaException as error:
        assert error.args[0].name() == "TOPIC_ALREADY_EXISTS", error
    else:
        raise AssertionError("created twice")


def codec(address, name):
    topic = create(address)
    values = [f"{i} ".encode() + b"abc" * 100 for i in range(1000)]
    headers = [("a", b"1"), ("a", b"2"), ("none", None)]
    send(producer(address, compression_type=name, linger_ms=20), topic, values, key=b"k", headers=headers)
    reader = consumer(address)
    reader.subscribe([topic])
    messages = take(reader, len(values))
    reader.close()
    assert [message.value() for message in messages] == values
    assert [message.offset() for message in messages] == list(range(len(values)))
    assert messages[0].headers() == headers and messages[0].key() == b"k"


@check
def codec_none(address):
    codec(address, "none")


@check
def codec_gzip(address):
    codec(address, "gzip")


@check
def codec_snappy(address):
    codec(address, "snappy")


@check
def codec_lz4(address):
    codec(address, "lz4")


@check
def codec_zstd(address):
    codec(address, "zstd")


@check
def null_and_empty_values(address):
    topic = create(address)
    send(producer(address), topic, [None, b""], key=b"k")
    reader = consumer(address)
    reader.subscribe([topic])
    assert [message.value() for message in take(reader, 2)] == [None, b""]
    reader.close()


@check
def a_hundred_partitions(address):
    topic = create(address, 100)
    writer = producer(address, linger_ms=10)
    for i in range(3000):
        writer.produce(topic, b"%d" % i, partition=i % 100)
        writer.poll(0)
    assert writer.flush(30) == 0
    reader = consumer(address)
    reader.subscribe([topic])
    messages = take(reader, 3000)
    reader.close()
    assert {int(message.value()) for message in messages} == set(range(3000))


@check
def group_of_two(address):
    """The second member takes half of the partitions; when it leaves, the first has all again."""
    topic, group = create(address, 6), fresh("group")
    stop = [threading.Event(), threading.Event()]
    owned, seen, errors = [[], []], [set(), set()], []

    def member(i):
        try:
            reader = consumer(address, group_id=group, heartbeat_interval_ms=500)
            reader.subscribe([topic])
            while not stop[i].is_set():
                message = reader.poll(0.1)
                if message is not None and message.error() is None:
                    seen[i].add((message.partition(), message.offset()))
                owned[i] = [assigned.partition for assigned in reader.assignment()]
            reader.close()
            owned[i] = []
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=member, args=(i,), daemon=True) for i in range(2)]
    threads[0].start()
    until(lambda: len(owned[0]) == 6, "the first member owns all")
    threads[1].start()
    until(lambda: [len(one) for one in owned] == [3, 3], "each owns half")
    assert not set(owned[0]) & set(owned[1]), owned
    writer = producer(address)
    for i in range(600):
        writer.produce(topic, b"x", partition=i % 6)
    assert writer.flush(20) == 0
    until(lambda: len(seen[0] | seen[1]) == 600, "all is read")
    assert len(seen[0]) == len(seen[1]) == 300, "and by both"
    stop[1].set()
    until(lambda: len(owned[0]) == 6, "the first owns all again")
    stop[0].set()
    for thread in threads:
        thread.join(15)
    assert not errors, errors


@check
def group_with_cooperative_rebalance(address):
    topic = create(address, 4)
    send(producer(address), topic, [b"a"] * 40)
    reader = consumer(address, partition_assignment_strategy="cooperative-sticky")
    reader.subscribe([topic])
    take(reader, 40)
    reader.close()


@check
def commit_and_resume(address):
    topic, group = create(address, 2), fresh("group")
    partitions = [TopicPartition(topic, partition) for partition in range(2)]
    send(producer(address), topic, [b"old"] * 100)
    reader = consumer(address, group_id=group)
    reader.subscribe([topic])
    take(reader, 100)
    reader.commit(asynchronous=False)
    # A partition that got no records has no offset.
    committed = [one.offset for one in reader.committed(partitions, timeout=10) if one.offset >= 0]
    assert sum(committed) == 100, committed
    reader.close()
    send(producer(address), topic, [b"new"] * 10)
    reader = consumer(address, group_id=group)
    reader.subscribe([topic])
    assert {message.value() for message in take(reader, 10)} == {b"new"}
    reader.close()


@check
def groups_described(address):
    topic, group = create(address), fresh("group")
    send(producer(address), topic, [b"x"] * 5)
    reader = consumer(address, group_id=group)
    reader.subscribe([topic])
    take(reader, 5)
    reader.commit(asynchronous=False)
    client = admin(address)
    assert group in [listed.group_id for listed in client.list_consumer_groups().result(15).valid]
    described = client.describe_consumer_groups([group])[group].result(15)
    assert described.state.name == "STABLE" and len(described.members) == 1, described
    assert described.members[0].assignment.topic_partitions[0].topic == topic
    offsets = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(15)
    assert [(one.topic, one.offset) for one in offsets.topic_partitions] == [(topic, 5)]
    reader.close()
    until(lambda: client.describe_consumer_groups([group])[group].result(15).state.name == "EMPTY", "the group is empty")
    client.delete_consumer_groups([group])[group].result(15)
    assert group not in [listed.group_id for listed in client.list_consumer_groups().result(15).valid]


@check
def offsets_by_time(address):
    topic = create(address)
    base = int(time.time() * 1000) - 100_000
    # Twice the same: in one batch, and in a batch a record.
    for linger_ms in (500, 0):
        writer = producer(address, linger_ms=linger_ms)
        for i in range(50):
            writer.produce(topic, b"%d" % i, timestamp=base + i * 1000)
            if linger_ms == 0:
                assert writer.flush(10) == 0
        assert writer.flush(10) == 0
        base += 50_000
    base -= 100_000
    reader = consumer(address)

    def at(timestamp):
        return reader.offsets_for_times([TopicPartition(topic, 0, timestamp)], timeout=10)[0].offset

    assert [at(base + i * 1000) for i in (0, 20, 49, 50, 70, 99)] == [0, 20, 49, 50, 70, 99]
    assert at(base + 20_001) == 21 and at(base + 10_000_000) == -1 and at(0) == 0
    reader.close()
    newest = admin(address).list_offsets({TopicPartition(topic, 0): OffsetSpec.max_timestamp()})
    assert newest[TopicPartition(topic, 0)].result(10).offset == 99


@check
def watermarks(address):
    topic = create(address)
    send(producer(address), topic, [b"x"] * 42)
    reader = consumer(address)
    assert reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 42)
    reader.close()


@check
def seek_into_a_batch(address):
    topic = create(address)
    send(producer(address, linger_ms=200), topic, [b"%d" % i for i in range(1000)])
    reader = consumer(address)
    reader.assign([TopicPartition(topic, 0, 777)])
    assert [message.value() for message in take(reader, 223)] == [b"%d" % i for i in range(777, 1000)]
    reader.close()


@check
def out_of_range_resets(address):
    topic = create(address)
    send(producer(address), topic, [b"a"] * 5)
    reader = consumer(address)
    reader.assign([TopicPartition(topic, 0, 5000)])
    take(reader, 5)
    reader.close()


@check
def tail_without_delay(address):
    """A waiting consumer has a record as soon as it is there, not when its fetch has waited long enough."""
    topic = create(address)
    # A fetch that would wait for a minute, so that a missed wake-up cannot be taken for a slow one.
    reader = consumer(address, fetch_wait_max_ms=60_000, socket_timeout_ms=70_000)
    reader.assign([TopicPartition(topic, 0, 0)])
    reader.poll(0)
    writer = producer(address)
    for _ in range(20):
        send(writer, topic, [b"x"])
        take(reader, 1)
    reader.close()


@check
def large_messages(address):
    topic = create(address)
    writer = producer(address, message_max_bytes=50_000_000, queue_buffering_max_kbytes=400_000)
    values = [os.urandom(mb * 1_000_000) for mb in (1, 5, 20)]
    send(writer, topic, values)
    reader = consumer(address)
    reader.subscribe([topic])
    assert [message.value() for message in take(reader, 3)] == values
    reader.close()


@check
def topic_configs(address):
    topic = create(address, retention_ms="3600000")
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    described = admin(address).describe_configs([resource])[resource].result(15)
    assert described["retention.ms"].value == "3600000" and not described["retention.ms"].is_default
    assert described["segment.bytes"].is_default


@check
def more_partitions(address):
    topic = create(address, 2)
    admin(address).create_partitions([NewPartitions(topic, 5)])[topic].result(20)
    assert len(admin(address).list_topics(timeout=10).topics[topic].partitions) == 5
    writer = producer(address)
    writer.produce(topic, b"x", partition=4)
    assert writer.flush(10) == 0


@check
def records_deleted(address):
    topic = create(address)
    send(producer(address), topic, [b"x"] * 10)
    partition = TopicPartition(topic, 0, 5)
    result = admin(address).delete_records([partition])
    assert [one.result(15).low_watermark for one in result.values()] == [5]
    reader = consumer(address)
    assert reader.get_watermark_offsets(partition, timeout=10) == (5, 10)
    reader.subscribe([topic])
    assert [message.offset() for message in take(reader, 5)] == [5, 6, 7, 8, 9]
    reader.close()


@check
def topic_deleted(address):
    topic = create(address)
    send(producer(address), topic, [b"x"])
    client = admin(address)
    client.delete_topics([topic])[topic].result(20)
    assert topic not in client.list_topics(timeout=10).topics


@check
def transactions_refused_at_once(address):
    started = time.monotonic()
    try:
        producer(address, transactional_id=fresh("transaction")).init_transactions(30)
    except KafkaException as error:
        assert error.args[0].fatal(), error
    else:
        raise AssertionError("transactions are not offered")
    assert time.monotonic() - started < 10
