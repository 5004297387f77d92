package dev.turnstone.sandbox.jail;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Our end of the frames that `frames.py` speaks: a count, then that many fields, each a 4-byte
/// length and its bytes; the first is JSON.
///
/// Every request is followed by a nonce, which the worker reads after it has forked the program,
/// and every answer starts with it. Blocks; anything unexpected is an IOException.
final class Frames {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int NONCE = 16;
  private static final int MAX_FIELDS = 3 * Limits.FILES;
  private static final int MAX_FRAME = 2 * Limits.FETCHED + 4 * Limits.OUTPUT;

  private final DataInputStream in;
  private final DataOutputStream out;
  private final byte[] nonce = new byte[NONCE];

  Frames(InputStream in, OutputStream out) {
    this.in = new DataInputStream(new BufferedInputStream(in, 1 << 16));
    this.out = new DataOutputStream(new BufferedOutputStream(out, 1 << 16));
  }

  /// Says what jail it shall be, before any request.
  void hello(JsonNode wish) throws IOException {
    send(wish, List.of());
    out.flush();
  }

  /// What a new jail says of itself, without a nonce.
  JsonNode greeting() throws IOException {
    List<byte[]> frame = receive();
    if (frame.isEmpty()) throw new IOException("a greeting without a field");
    return json(frame.getFirst());
  }

  void request(JsonNode header, List<byte[]> fields) throws IOException {
    RANDOM.nextBytes(nonce);
    send(header, fields);
    out.write(nonce);
    out.flush();
  }

  /// Cancels the request that runs; a worker that has just answered it passes this over.
  void cancel() throws IOException {
    send(JsonNodeFactory.instance.objectNode().put("op", "cancel"), List.of());
    out.write(new byte[NONCE]);
    out.flush();
  }

  Answer answer() throws IOException {
    List<byte[]> frame = receive();
    if (frame.size() < 2 || !Arrays.equals(frame.getFirst(), nonce))
      throw new IOException("an answer without this request's nonce");
    return new Answer(json(frame.get(1)), List.copyOf(frame.subList(2, frame.size())));
  }

  private static JsonNode json(byte[] field) throws IOException {
    try {
      return JSON.readTree(field);
    } catch (JsonProcessingException e) {
      throw new IOException("an answer that is no JSON", e);
    }
  }

  private void send(JsonNode header, List<byte[]> fields) throws IOException {
    out.writeInt(1 + fields.size());
    field(JSON.writeValueAsBytes(header));
    for (byte[] field : fields) field(field);
  }

  private void field(byte[] bytes) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private List<byte[]> receive() throws IOException {
    int count = in.readInt();
    if (count < 0 || count > MAX_FIELDS) throw new IOException("a frame of " + count + " fields");
    List<byte[]> fields = new ArrayList<>();
    int left = MAX_FRAME;
    for (int i = 0; i < count; i++) {
      int size = in.readInt();
      if (size < 0 || size > left) throw new IOException("a field of " + size + " bytes");
      byte[] field = in.readNBytes(size);
      if (field.length < size) throw new EOFException("the worker's answer was cut off");
      left -= size;
      fields.add(field);
    }
    return fields;
  }
}
