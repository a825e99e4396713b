// What an operator of the cluster at `Operator BOOTSTRAP` does. Each line of the input is an order, and is answered by a line:
// `create TOPIC`; `allow USER`; `deny TOPIC`, to everybody; `move TOPIC`, the leaders of all partitions to the preferred replicas or, where they are
// there, to the next ones, which it prefers then: answered by how many moved.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class Operator {
    public static void main(String[] args) throws Exception {
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] order = line.split(" ");
                System.out.println(obey(admin, order[0], order[1]));
            }
        }
    }

    private static String obey(Admin admin, String what, String name) throws Exception {
        switch (what) {
            case "create" -> admin.createTopics(
                List.of(new NewTopic(name, Optional.empty(), Optional.empty()))).all().get();
            case "allow" -> admin.createAcls(List.of(
                allow(ResourceType.TOPIC, "*", name),
                allow(ResourceType.CLUSTER, "kafka-cluster", name))).all().get();
            case "deny" -> admin.createAcls(List.of(deny(name))).all().get();
            case "move" -> {
                return Long.toString(move(admin, name));
            }
            default -> throw new IllegalArgumentException(what);
        }
        return "done";
    }

    private static long move(Admin admin, String topic) throws Exception {
        Map<TopicPartition, Optional<NewPartitionReassignment>> turned = new HashMap<>();
        Set<TopicPartition> all = new HashSet<>();
        for (TopicPartitionInfo info : admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions()) {
            TopicPartition partition = new TopicPartition(topic, info.partition());
            all.add(partition);
            List<Integer> replicas = new ArrayList<>(info.replicas().stream().map(Node::id).toList());
            if (info.leader() != null && info.leader().id() == replicas.get(0)) {
                Collections.rotate(replicas, -1);
                turned.put(partition, Optional.of(new NewPartitionReassignment(replicas)));
            }
        }
        admin.alterPartitionReassignments(turned).all().get();
        Map<TopicPartition, Optional<Throwable>> moved = admin.electLeaders(ElectionType.PREFERRED, all).partitions().get();
        return moved.values().stream().filter(Optional::isEmpty).count();
    }

    private static AclBinding allow(ResourceType type, String name, String user) {
        return new AclBinding(
            new ResourcePattern(type, name, PatternType.LITERAL),
            new AccessControlEntry("User:" + user, "*", AclOperation.ALL, AclPermissionType.ALLOW));
    }

    private static AclBinding deny(String topic) {
        return new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
            new AccessControlEntry("User:*", "*", AclOperation.ALL, AclPermissionType.DENY));
    }
}
