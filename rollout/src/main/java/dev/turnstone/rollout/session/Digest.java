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
    return then(message, sha256());
  }

  /// The conversations that end with each of the messages.
  static List<Digest> histories(List<Message> messages) {
    List<Digest> histories = new ArrayList<>(messages.size());
    MessageDigest sha256 = sha256();
    Digest at = EMPTY;
    for (Message message : messages) {
      at = at.then(message, sha256);
      histories.add(at);
    }
    return histories;
  }

  private Digest then(Message message, MessageDigest sha256) {
    sha256.update(ByteBuffer.allocate(16).putLong(high).putLong(low).flip());
    add(sha256, message.role());
    switch (message) {
      case Message.Assistant assistant -> {
        add(sha256, assistant.content().strip());
        for (ToolCall call : assistant.toolCalls()) {
          add(sha256, call.name());
          add(sha256, CanonicalJson.of(call.arguments().text()));
        }
      }
      case Message.Tool tool -> add(sha256, tool.content());
      case Message.System _, Message.User _ -> add(sha256, message.content());
    }
    return of(sha256);
  }

  static Digest of(List<ToolSpec> tools) {
    if (tools.isEmpty()) return EMPTY;
    MessageDigest sha256 = sha256();
    for (ToolSpec tool : tools) {
      add(sha256, tool.name());
      add(sha256, tool.description());
      add(sha256, CanonicalJson.of(tool.parameters().text()));
    }
    return of(sha256);
  }

  /// Each part with its length, so that parts cannot run into each other.
  private static void add(MessageDigest sha256, String part) {
    byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
    for (int shift = 24; shift >= 0; shift -= 8) sha256.update((byte) (bytes.length >> shift));
    sha256.update(bytes);
  }

  private static Digest of(MessageDigest sha256) {
    ByteBuffer bytes = ByteBuffer.wrap(sha256.digest());
    return new Digest(bytes.getLong(), bytes.getLong());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
