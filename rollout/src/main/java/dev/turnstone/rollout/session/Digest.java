package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;

/// 128 bits that stand for the beginning of a conversation.
///
/// Two messages are equal if they say the same. What clients change on their way does not count:
/// ids of calls, spelling and white space of the JSON of arguments, white space around what the
/// policy said, and its reasoning, which many leave out.
record Digest(long high, long low) {
  static final Digest EMPTY = new Digest(0, 0);

  /// The conversation with one more message.
  Digest then(Message message) {
    return then(message, new Parts());
  }

  /// The conversations that end with each of the messages.
  static List<Digest> histories(List<Message> messages) {
    List<Digest> histories = new ArrayList<>(messages.size());
    Parts parts = new Parts();
    Digest at = EMPTY;
    for (Message message : messages) {
      at = at.then(message, parts);
      histories.add(at);
    }
    return histories;
  }

  private Digest then(Message message, Parts parts) {
    parts.add(this).add(message.role());
    switch (message) {
      case Message.Assistant assistant -> {
        parts.add(assistant.content().strip());
        for (ToolCall call : assistant.toolCalls())
          parts.add(call.name()).add(CanonicalJson.of(call.arguments().text()));
      }
      case Message.Tool tool -> parts.add(tool.content());
      case Message.System _, Message.User _ -> parts.add(message.content());
    }
    return parts.digest();
  }

  static Digest of(List<ToolSpec> tools) {
    if (tools.isEmpty()) return EMPTY;
    Parts parts = new Parts();
    for (ToolSpec tool : tools)
      parts
          .add(tool.name())
          .add(tool.description())
          .add(CanonicalJson.of(tool.parameters().text()));
    return parts.digest();
  }

  /// What is digested, in one piece: a history has many short messages, and each call of a digest
  /// costs more than what it reads of one.
  private static final class Parts {
    private final MessageDigest sha256 = sha256();
    private ByteBuffer bytes = ByteBuffer.allocate(1 << 10);

    Parts add(Digest before) {
      room(2 * Long.BYTES).putLong(before.high).putLong(before.low);
      return this;
    }

    /// Each part with its length, so that parts cannot run into each other.
    Parts add(String part) {
      byte[] text = part.getBytes(StandardCharsets.UTF_8);
      room(Integer.BYTES + text.length).putInt(text.length).put(text);
      return this;
    }

    private ByteBuffer room(int more) {
      if (bytes.remaining() < more) {
        int size = Math.max(2 * bytes.capacity(), bytes.position() + more);
        bytes = ByteBuffer.allocate(size).put(bytes.flip());
      }
      return bytes;
    }

    /// Of all parts since the last time.
    Digest digest() {
      sha256.update(bytes.array(), 0, bytes.position());
      bytes.clear();
      ByteBuffer digest = ByteBuffer.wrap(sha256.digest());
      return new Digest(digest.getLong(), digest.getLong());
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
