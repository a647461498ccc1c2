package slotkeeper;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;

/** What one request becomes: the number, and the octets of the command and of the audit record. */
record Decision(long counter, byte[] command, byte[] audit) {

    static final String REQUESTS = "srv-6.21-requests";

    /** Octets of a command besides its certificates: headers, control fields, signature, MAC. */
    private static final int OTHER_OCTETS = 184;

    private static final String ACB = "90-B3-D5-1F-30-00-00-02";
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Decides a request, where {@code stored} is the device's last number, 0 if it has none.
     *
     * <p>The hint is the request's own, or the clock in milliseconds where it carries none.
     */
    static Decision of(byte[] value, String device, int partition, long offset, long stored, long nowMs) {
        try {
            JsonNode request = JSON.readTree(value);
            JsonNode hint = request.path("originator_counter");
            long counter = Math.max(stored + 1, hint.isTextual() ? Long.parseLong(hint.asText()) : nowMs);
            String now = Instant.ofEpochMilli(nowMs).truncatedTo(ChronoUnit.MILLIS).toString();
            return new Decision(
                    counter,
                    JSON.writeValueAsBytes(command(request, device, partition, offset, stored, counter, now)),
                    JSON.writeValueAsBytes(audit(request, device, partition, offset, stored, counter, now)));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static ObjectNode command(
            JsonNode request, String device, int partition, long offset, long stored, long counter, String now)
            throws IOException {
        ObjectNode command = JSON.createObjectNode();
        command.set("request_id", request.path("request_id"));
        command.put("device_id", device);
        command.set("remote_party_role", request.path("remote_party_role"));
        command.put("originator_id", ACB);
        command.put("originator_counter", Long.toString(counter));
        command.put("recorded_counter", stored == 0 ? null : Long.toString(stored));
        command.put("reason", reason(stored, counter));
        command.put("message_code", "0104");
        command.put("signing_key_identifier", "0000000000000000");
        command.put("gbcs_payload", Base64.getEncoder().encodeToString(payload(request, counter)));
        ObjectNode source = command.putObject("source");
        source.put("stream", REQUESTS);
        source.put("partition", partition);
        source.put("offset", offset);
        command.put("issued_at", now);
        return command;
    }

    private static ObjectNode audit(
            JsonNode request, String device, int partition, long offset, long stored, long counter, String now) {
        ObjectNode audit = JSON.createObjectNode();
        audit.put("kind", "decision");
        audit.put("stream", REQUESTS);
        audit.put("partition", partition);
        audit.put("offset", offset);
        audit.put("device_id", device);
        audit.set("remote_party_role", request.path("remote_party_role"));
        audit.set("request_id", request.path("request_id"));
        audit.put("disposition", "ISSUED");
        audit.put("reason", reason(stored, counter));
        audit.put("recorded_counter", stored == 0 ? null : Long.toString(stored));
        audit.put("originator_counter", Long.toString(counter));
        audit.put("decided_at", now);
        return audit;
    }

    /** The number, the certificates of the request, and zeros in place of all else. */
    private static byte[] payload(JsonNode request, long counter) throws IOException {
        ByteArrayOutputStream octets = new ByteArrayOutputStream(2048);
        octets.write(ByteBuffer.allocate(OTHER_OCTETS).putLong(counter).array());
        for (JsonNode certificate : request.path("replacement_certificates")) {
            if (certificate.isTextual()) {
                octets.write(certificate.binaryValue());
            }
        }
        for (JsonNode certificate : request.path("certification_path_certificates")) {
            octets.write(certificate.binaryValue());
        }
        return octets.toByteArray();
    }

    private static String reason(long stored, long counter) {
        return counter == stored + 1 ? "ISSUED_EXCEEDED" : "NATURAL";
    }
}
