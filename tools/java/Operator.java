// What an operator does to cure what keeps records out: `Operator BOOTSTRAP create TOPIC`, `Operator BOOTSTRAP allow USER`.

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class Operator {
    public static void main(String[] args) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            switch (args[1]) {
                case "create" -> admin.createTopics(
                    List.of(new NewTopic(args[2], Optional.empty(), Optional.empty()))).all().get();
                case "allow" -> admin.createAcls(List.of(
                    allow(ResourceType.TOPIC, "*", args[2]),
                    allow(ResourceType.CLUSTER, "kafka-cluster", args[2]))).all().get();
                default -> throw new IllegalArgumentException(args[1]);
            }
        }
    }

    private static AclBinding allow(ResourceType type, String name, String user) {
        return new AclBinding(
            new ResourcePattern(type, name, PatternType.LITERAL),
            new AccessControlEntry("User:" + user, "*", AclOperation.ALL, AclPermissionType.ALLOW));
    }
}
