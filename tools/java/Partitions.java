// Prints the partition that Java's producer chooses for each key: java Partitions.java COUNT < keys in hex, one a line

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.kafka.common.utils.Utils;

public class Partitions {
    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[0]);
        StringBuilder out = new StringBuilder();
        try (BufferedReader keys = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = keys.readLine(); line != null; line = keys.readLine()) {
                byte[] key = HexFormat.of().parseHex(line);
                // As BuiltInPartitioner.partitionForKey and, before it, DefaultPartitioner.
                out.append(Utils.toPositive(Utils.murmur2(key)) % count).append('\n');
            }
        }
        System.out.print(out);
    }
}
