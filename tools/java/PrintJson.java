// Prints export requests of standard input with protobuf-java's JsonFormat:
// java -cp 'LIBS/*' PrintJson.java JAR-OF-OPENTELEMETRY-PROTO-1.0.0
// In: signal (1 byte, 0 to 3), length (4 bytes, big-endian), protobuf. Out: 0 and JSON, or 1 and why not, with its length.

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import com.google.protobuf.util.JsonFormat;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;
import io.opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

public class PrintJson {
    private static final List<Parser<? extends com.google.protobuf.Message>> PARSERS = List.of(
        ExportTraceServiceRequest.parser(), ExportMetricsServiceRequest.parser(),
        ExportLogsServiceRequest.parser(), ExportProfilesServiceRequest.parser());
    private static final List<Descriptor> REQUESTS = List.of(
        ExportTraceServiceRequest.getDescriptor(), ExportMetricsServiceRequest.getDescriptor(),
        ExportLogsServiceRequest.getDescriptor(), ExportProfilesServiceRequest.getDescriptor());

    public static void main(String[] args) throws Exception {
        JsonFormat.Printer printer = JsonFormat.printer().preservingProtoFieldNames()
            .includingDefaultValueFields(withDefaults(first(args[0]))).omittingInsignificantWhitespace();
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
        for (int signal = in.read(); signal >= 0; signal = in.read()) {
            byte[] wire = new byte[in.readInt()];
            in.readFully(wire);
            String said;
            try {
                said = printer.print(PARSERS.get(signal).parseFrom(wire));
                out.write(0);
            } catch (InvalidProtocolBufferException refused) {
                said = refused.toString();
                out.write(1);
            }
            byte[] text = said.getBytes(StandardCharsets.UTF_8);
            out.writeInt(text.length);
            out.write(text);
            out.flush();
        }
    }

    // Fields that are printed at their default: those of version 1.0.0, and all of messages that it did not have.
    private static Set<FieldDescriptor> withDefaults(Map<String, Descriptor> first) {
        Map<String, Descriptor> current = new HashMap<>();
        REQUESTS.forEach(request -> collect(request, current));
        Set<FieldDescriptor> fields = new HashSet<>();
        for (Descriptor message : current.values()) {
            Descriptor old = first.get(message.getFullName());
            for (FieldDescriptor field : message.getFields()) {
                if (old == null || old.findFieldByNumber(field.getNumber()) != null) {
                    fields.add(field);
                }
            }
        }
        return fields;
    }

    private static void collect(Descriptor message, Map<String, Descriptor> all) {
        if (all.putIfAbsent(message.getFullName(), message) != null) {
            return;
        }
        for (FieldDescriptor field : message.getFields()) {
            if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                collect(field.getMessageType(), all);
            }
        }
    }

    // The messages of version 1.0.0, from its classes, which have the names of those that print.
    private static Map<String, Descriptor> first(String jar) throws Exception {
        URL[] urls = {Path.of(jar).toUri().toURL()};
        Map<String, Descriptor> all = new HashMap<>();
        try (URLClassLoader loader = new URLClassLoader(urls, PrintJson.class.getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                if (!name.startsWith("io.opentelemetry.")) {
                    return super.loadClass(name, resolve);
                }
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }) {
            for (String signal : List.of("trace.v1.TraceService", "metrics.v1.MetricsService", "logs.v1.LogsService")) {
                Class<?> file = loader.loadClass("io.opentelemetry.proto.collector." + signal + "Proto");
                FileDescriptor descriptor = (FileDescriptor) file.getMethod("getDescriptor").invoke(null);
                for (Descriptor message : descriptor.getMessageTypes()) {
                    collect(message, all);
                }
            }
        }
        if (all.isEmpty() || all.get("opentelemetry.proto.trace.v1.Span").findFieldByNumber(16) != null) {
            throw new IllegalStateException(jar + " is not version 1.0.0");
        }
        return all;
    }
}
