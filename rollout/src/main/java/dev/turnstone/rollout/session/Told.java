package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Message;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;

/// Messages as a live session keeps them until its transcript is written: long texts compressed,
/// for thousands of sessions with a long first message live at once.
final class Told {
  /// Letters from which on a text is compressed.
  static final int LONG = 4096;

  private final List<Entry> entries = new ArrayList<>();

  /// @param message with its text, unless that is packed
  private record Entry(Message message, Optional<byte[]> packed) {}

  Told(List<Message> messages) {
    for (Message message : messages) {
      Optional<byte[]> packed =
          message.content().length() < LONG ? Optional.empty() : packed(message.content());
      entries.add(new Entry(packed.isEmpty() ? message : with(message, ""), packed));
    }
  }

  List<Message> messages() {
    List<Message> messages = new ArrayList<>();
    for (Entry entry : entries)
      messages.add(
          entry.packed.map(bytes -> with(entry.message, text(bytes))).orElse(entry.message));
    return messages;
  }

  private static Message with(Message message, String content) {
    return switch (message) {
      case Message.System _ -> new Message.System(content);
      case Message.User _ -> new Message.User(content);
      case Message.Assistant said ->
          new Message.Assistant(content, said.toolCalls(), said.reasoning());
      case Message.Tool tool -> new Message.Tool(tool.callId(), tool.name(), content);
    };
  }

  /// Empty for what UTF-8 cannot carry, such as half a surrogate pair.
  private static Optional<byte[]> packed(String text) {
    byte[] plain = text.getBytes(StandardCharsets.UTF_8);
    if (!new String(plain, StandardCharsets.UTF_8).equals(text)) return Optional.empty();
    var bytes = new ByteArrayOutputStream(text.length() / 3);
    Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    try (var out = new DeflaterOutputStream(bytes, deflater)) {
      out.write(plain);
    } catch (IOException e) {
      throw new UncheckedIOException("memory takes everything", e);
    } finally {
      deflater.end();
    }
    return Optional.of(bytes.toByteArray());
  }

  private static String text(byte[] packed) {
    try (var in = new InflaterInputStream(new ByteArrayInputStream(packed))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("what was packed here is readable", e);
    }
  }
}
