package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.StringJoiner;

/// Our end of the frames that `worker.py` speaks: 4-byte length, JSON header, announced bytes.
///
/// Every answer must carry the run's nonce, which the worker reads after it has forked the program.
/// Blocks; anything unexpected is an IOException.
final class WorkerChannel {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MAX_HEADER = 16 << 20;

  private final DataInputStream in;
  private final DataOutputStream out;
  private final byte[] nonce = new byte[16];

  WorkerChannel(InputStream in, OutputStream out) {
    this.in = new DataInputStream(in);
    this.out = new DataOutputStream(new BufferedOutputStream(out, 1 << 16));
    RANDOM.nextBytes(nonce);
  }

  /// Returns when the worker says that it is process 1 of its jail.
  boolean awaitReady() throws IOException {
    JsonNode frame = header();
    if (frame.path("ready").asInt() != 1) throw new IOException("not a ready worker: " + frame);
    return true;
  }

  /// Hands the program over and returns once it has started, or with why it could not be stored.
  Optional<String> begin(RunRequest request) throws IOException {
    byte[] code = request.code().getBytes(UTF_8);
    byte[] stdin = request.stdin().getBytes(UTF_8);
    byte[] head = JSON.writeValueAsBytes(head(request, code.length, stdin.length));
    out.writeInt(head.length);
    out.write(head);
    out.write(code);
    out.write(stdin);
    for (byte[] content : request.files().values()) out.write(content);
    out.write(nonce);
    out.flush();
    JsonNode answer = signedHeader();
    if (answer.has("error")) return Optional.of("files: " + answer.get("error").asText());
    if (!answer.path("started").asBoolean()) throw new IOException("not a start: " + answer);
    return Optional.empty();
  }

  private static ObjectNode head(RunRequest request, int code, int stdin) {
    double seconds = request.runTimeout().toNanos() / 1e9;
    ObjectNode head = JsonNodeFactory.instance.objectNode();
    head.put("language", request.language().label).put("program", request.language().path);
    head.put("code", code).put("stdin", stdin).put("run_timeout", seconds);
    head.put("output_limit", Limits.OUTPUT).put("fetch_limit", Limits.FETCHED);
    ArrayNode files = head.putArray("files");
    request.files().forEach((path, bytes) -> files.addArray().add(path).add(bytes.length));
    ArrayNode fetch = head.putArray("fetch_files");
    request.fetchFiles().forEach(fetch::add);
    head.putObject("limits")
        .put("CORE", 0)
        .put("NOFILE", Limits.OPEN_FILES)
        .put("FSIZE", Limits.FILE_SIZE)
        .put("NPROC", Limits.PROCESSES)
        .put("CPU", (long) Math.ceil(seconds) + 1)
        .put("AS", (long) request.memoryMb() << 20);
    return head;
  }

  /// What the program did, once it has ended.
  RunResponse result() throws IOException {
    JsonNode head = signedHeader();
    if (head.has("error")) return RunResponse.sandboxError(head.get("error").asText());
    boolean timedOut = head.path("timed_out").asBoolean();
    CommandResult run =
        new CommandResult(
            timedOut ? CommandResult.Status.TIME_LIMIT_EXCEEDED : CommandResult.Status.FINISHED,
            head.path("execution_time").asDouble(),
            timedOut ? OptionalInt.empty() : OptionalInt.of(head.path("return_code").asInt()),
            new String(bytes(head.path("stdout")), UTF_8),
            new String(bytes(head.path("stderr")), UTF_8));
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (JsonNode file : head.path("files")) files.put(file.path(0).asText(), bytes(file.path(1)));
    StringJoiner refused = new StringJoiner("; ");
    for (JsonNode file : head.path("refused"))
      refused.add("not fetched: " + file.path(0).asText() + ": " + file.path(1).asText());
    return new RunResponse(refused.toString(), Optional.of(run), files);
  }

  private byte[] bytes(JsonNode announced) throws IOException {
    int size = announced.asInt(-1);
    if (size < 0 || size > Limits.FETCHED) throw new IOException("frame of " + announced);
    byte[] bytes = in.readNBytes(size);
    if (bytes.length < size) throw new IOException("the worker's answer was cut off");
    return bytes;
  }

  private JsonNode signedHeader() throws IOException {
    JsonNode header = header();
    if (!header.path("nonce").asText().equals(HexFormat.of().formatHex(nonce)))
      throw new IOException("an answer without this run's nonce");
    return header;
  }

  private JsonNode header() throws IOException {
    int size = in.readInt();
    if (size < 0 || size > MAX_HEADER) throw new IOException("a header of " + size + " bytes");
    return JSON.readTree(in.readNBytes(size));
  }
}
