// Prints all records of a topic as JSON lines, checksums checked: java Consume.java BOOTSTRAP TOPIC

import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Consume {
    public static void main(String[] args) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("check.crcs", "true");
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<byte[], byte[]>(properties, bytes, bytes)) {
            List<TopicPartition> all = consumer.partitionsFor(args[1]).stream()
                .map(info -> new TopicPartition(info.topic(), info.partition())).collect(Collectors.toList());
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            consumer.assign(all);
            consumer.seekToBeginning(all);
            while (all.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
                StringBuilder out = new StringBuilder();
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    line(record, out);
                }
                System.out.print(out);
            }
        }
    }

    private static void line(ConsumerRecord<byte[], byte[]> record, StringBuilder out) {
        List<String> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add("[" + hex(header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8)) + ","
                + hex(header.value()) + "]");
        }
        out.append("{\"partition\":").append(record.partition()).append(",\"offset\":").append(record.offset())
            .append(",\"timestamp\":").append(record.timestamp()).append(",\"key\":").append(hex(record.key()))
            .append(",\"value\":").append(hex(record.value())).append(",\"headers\":[")
            .append(String.join(",", headers)).append("]}\n");
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "null" : '"' + HexFormat.of().formatHex(bytes) + '"';
    }
}
