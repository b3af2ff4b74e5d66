import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.io.BufferedReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.utils.SecurityUtils;

/**
 * Adds what lines of kafka-acls.sh on stdin say. That tool is in an artifact of its own which needs many others;
 * names are read by the class that it reads them with.
 */
final class Acls {
    public static void main(String[] arguments) throws Exception {
        Properties client = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            client.load(file);
        }
        List<AclBinding> bindings = new ArrayList<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            if (line.startsWith("kafka-acls.sh ")) {
                bindings.addAll(read(line.split(" +")));
            }
        }
        try (Admin admin = Admin.create(client)) {
            admin.createAcls(bindings).all().get();
            // The controller has them; the broker is told.
            while (admin.describeAcls(AclBindingFilter.ANY).values().get().size() < bindings.size()) {
                Thread.onSpinWait();
            }
        }
        System.out.println(bindings.size());
    }

    private static List<AclBinding> read(String[] words) {
        List<AclOperation> operations = new ArrayList<>();
        String principal = null;
        String name = null;
        ResourceType type = null;
        PatternType pattern = null;
        for (int at = 1; at < words.length; at++) {
            switch (words[at]) {
                case "--allow-principal" -> principal = words[++at];
                case "--operation" -> operations.add(SecurityUtils.operation(words[++at]));
                case "--resource-pattern-type" -> pattern = PatternType.fromString(words[++at].toUpperCase(Locale.ROOT));
                case "--topic" -> {
                    type = ResourceType.TOPIC;
                    name = words[++at];
                }
                case "--group" -> {
                    type = ResourceType.GROUP;
                    name = words[++at];
                }
                case "--transactional-id" -> {
                    type = ResourceType.TRANSACTIONAL_ID;
                    name = words[++at];
                }
                case "--bootstrap-server", "--command-config" -> at++;
                case "--add" -> { }
                default -> throw new IllegalArgumentException(words[at]);
            }
        }
        ResourcePattern resource = new ResourcePattern(type, name, pattern);
        List<AclBinding> bindings = new ArrayList<>();
        for (AclOperation operation : operations) {
            bindings.add(new AclBinding(resource,
                new AccessControlEntry(principal, "*", operation, AclPermissionType.ALLOW)));
        }
        return bindings;
    }
}
