package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.Fields;
import java.util.Optional;

/// Groups out of binary messages: a large group comes in parts, which are usable only together.
/// Parts of one group come in order, with no other group between them. Confined to its reader.
public final class GroupAssembler {
  private static final long MOST = FeedProtocol.MAX_MESSAGE_BYTES;

  private Optional<ObjectNode> begun = Optional.empty();
  private int parts;
  private int next;

  /// Takes a message.
  ///
  /// @return the group, if it is whole now
  /// @throws IllegalArgumentException with a sentence that says what is wrong with it
  public Optional<GroupFrame> add(byte[] message) {
    Fields fields = Fields.of("", TypedCbor.decode(Compression.unpack(message, MOST)));
    int part = fields.integer("part", 0);
    int count = fields.integer("parts", 1);
    check(fields, part, count);
    if (part == 0) {
      begun = Optional.of((ObjectNode) fields.tree());
      parts = count;
    } else {
      ArrayNode rows = (ArrayNode) begun.orElseThrow().get("rows");
      fields.list("rows").forEach(rows::add);
    }
    next = part + 1;
    if (next < parts) return Optional.empty();
    GroupFrame group = GroupCodec.group(Fields.of("", begun.orElseThrow()));
    begun = Optional.empty();
    return Optional.of(group);
  }

  /// Forgets a group that is not whole: the connection it came over is gone.
  public void reset() {
    begun = Optional.empty();
  }

  private void check(Fields fields, int part, int count) {
    long seq = fields.integer("seq");
    int due = begun.isPresent() ? next : 0;
    if (count < 1 || part != due || (begun.isPresent() && count != parts))
      throw new IllegalArgumentException(
          "part %d of %d of seq %d came when part %d was due".formatted(part, count, seq, due));
    if (begun.isPresent() && begun.get().path("seq").asLong() != seq)
      throw new IllegalArgumentException(
          "seq %d came before all parts of seq %s".formatted(seq, begun.get().path("seq")));
  }
}
