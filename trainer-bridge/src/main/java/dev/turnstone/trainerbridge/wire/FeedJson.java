package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.wire.FeedMessage.Commit;
import dev.turnstone.trainerbridge.wire.FeedMessage.Credit;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedMessage.End;
import dev.turnstone.trainerbridge.wire.FeedMessage.Expected;
import dev.turnstone.trainerbridge.wire.FeedMessage.Heartbeat;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Limits;
import dev.turnstone.trainerbridge.wire.FeedMessage.Nack;
import dev.turnstone.trainerbridge.wire.FeedMessage.Received;
import dev.turnstone.trainerbridge.wire.FeedMessage.Resume;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedMessage.Stats;
import dev.turnstone.trainerbridge.wire.FeedMessage.Trained;
import dev.turnstone.trainerbridge.wire.FeedMessage.Weights;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsApplied;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsFailed;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsFile;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;

/// Feed messages as JSON text frames: `{"type": "hello", …}`.
public final class FeedJson {
  /// Characters of a trainer's figures, which stay in memory for those who watch.
  private static final int MOST_STATS = 1 << 16;

  /// Types of messages that no client sends.
  private static final Set<String> OF_SERVERS =
      Set.of("welcome", "dropped", "weights_applied", "weights_failed", "end");

  private FeedJson() {}

  /// Writes a message as it travels.
  public static String encode(FeedMessage message) {
    ObjectNode node = JsonText.object();
    switch (message) {
      case Hello hello -> hello(node, hello);
      case Credit(long groups, long bytes) ->
          node.put("type", "credit").put("groups", groups).put("bytes", bytes);
      case Received(long seq) -> node.put("type", "received").put("seq", seq);
      case Trained(long epoch, long seq, int version) ->
          node.put("type", "trained").put("epoch", epoch).put("seq", seq).put("version", version);
      case Commit commit -> commit(node, commit);
      case Nack(long seq, String reason) ->
          node.put("type", "nack").put("seq", seq).put("reason", reason);
      case Weights(WeightsRequest request) -> node.put("type", "weights").setAll(request.toJson());
      case WeightsFile file ->
          node.put("type", "weights_file")
              .put("lineage", file.lineage())
              .put("version", file.version())
              .put("file", file.file())
              .put("size", file.size());
      case Stats(ObjectNode figures) -> node.put("type", "stats").setAll(figures.deepCopy());
      case Welcome welcome -> welcome(node, welcome);
      case Dropped dropped -> dropped(node.put("type", "dropped"), dropped);
      case WeightsApplied applied -> applied(node.put("type", "weights_applied"), applied);
      case WeightsFailed(String lineage, int version, String reason) ->
          node.put("type", "weights_failed")
              .put("lineage", lineage)
              .put("version", version)
              .put("reason", reason);
      case End(long head) -> node.put("type", "end").put("head", head);
      case Heartbeat(long at) -> node.put("type", "heartbeat").put("at_ms", at);
    }
    return JsonText.write(node);
  }

  /// Reads a text frame.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static FeedMessage decode(String text) {
    Fields fields = Fields.of("", JsonText.parse(text));
    return decode(fields, fields.text("type"), text.length());
  }

  /// The same of what a client may send.
  public static FeedMessage decodeFromClient(String text) {
    Fields fields = Fields.of("", JsonText.parse(text));
    String type = fields.text("type");
    if (OF_SERVERS.contains(type))
      throw new IllegalArgumentException("only a server sends " + type);
    return decode(fields, type, text.length());
  }

  private static FeedMessage decode(Fields fields, String type, int length) {
    return switch (type) {
      case "hello" -> hello(fields);
      case "credit" -> new Credit(count(fields, "groups"), count(fields, "bytes"));
      case "received" -> new Received(count(fields, "seq"));
      case "trained" ->
          new Trained(count(fields, "epoch"), count(fields, "seq"), number(fields, "version"));
      case "commit" ->
          new Commit(
              count(fields, "epoch"),
              count(fields, "seq"),
              number(fields, "version"),
              fields.text("checkpoint"));
      case "nack" -> new Nack(count(fields, "seq"), fields.text("reason"));
      case "weights" -> new Weights(WeightsRequest.parse(fields.tree()));
      case "weights_file" ->
          new WeightsFile(
              fields.text("lineage"),
              number(fields, "version"),
              fields.text("file"),
              count(fields, "size"));
      case "stats" -> stats(fields, length);
      case "welcome" -> welcome(fields);
      case "dropped" -> dropped(fields);
      case "weights_applied" ->
          new WeightsApplied(
              fields.text("lineage"),
              number(fields, "version"),
              count(fields, "load_ms"),
              count(fields, "pause_ms"));
      case "weights_failed" ->
          new WeightsFailed(
              fields.text("lineage"), number(fields, "version"), fields.text("reason"));
      case "end" -> new End(count(fields, "head"));
      case "heartbeat" -> new Heartbeat(fields.optionalInteger("at_ms").orElse(0));
      default -> throw new IllegalArgumentException("type is not a feed message: " + type);
    };
  }

  public static ObjectNode dropped(ObjectNode node, Dropped dropped) {
    node.put("seq", dropped.seq()).put("group", dropped.group()).put("reason", dropped.reason());
    dropped.lengths().forEach(node.putArray("lengths")::add);
    return rewards(node, dropped.rewards());
  }

  public static ObjectNode rewards(ObjectNode node, List<OptionalDouble> rewards) {
    ArrayNode list = node.putArray("rewards");
    for (OptionalDouble reward : rewards)
      if (reward.isPresent()) list.add(reward.getAsDouble());
      else list.addNull();
    return node;
  }

  public static ObjectNode applied(ObjectNode node, WeightsApplied applied) {
    node.put("lineage", applied.lineage()).put("version", applied.version());
    return node.put("load_ms", applied.loadMillis()).put("pause_ms", applied.pauseMillis());
  }

  private static void hello(ObjectNode node, Hello hello) {
    node.put("type", "hello").put("run", hello.run()).put("role", Fields.wire(hello.role()));
    node.put("consumer", hello.consumer());
    hello
        .resume()
        .ifPresent(resume ->
            node.putObject("resume").put("commit", resume.commit()).put("held", resume.held()));
    if (hello.compression() != Compression.NONE)
      node.putArray("compress").add(Fields.wire(hello.compression()));
    if (!hello.heartbeat().equals(FeedProtocol.HEARTBEAT))
      node.put("heartbeat_ms", hello.heartbeat().toMillis());
    node.setAll(hello.expected().fields().deepCopy());
  }

  private static Hello hello(Fields fields) {
    return new Hello(
        fields.text("run"),
        fields
            .choice("role", Role.class)
            .orElseThrow(() -> new IllegalArgumentException("role is missing")),
        fields.text("consumer"),
        fields.object("resume").map(r -> new Resume(count(r, "commit"), count(r, "held"))),
        Expected.of((ObjectNode) fields.tree()),
        compression(fields),
        Duration.ofMillis(
            fields.optionalInteger("heartbeat_ms").orElse(FeedProtocol.HEARTBEAT.toMillis())));
  }

  /// The first of the client's choices that is known; none is always known.
  private static Compression compression(Fields fields) {
    if (!fields.has("compress")) return Compression.NONE;
    for (JsonNode choice : fields.list("compress"))
      for (Compression known : Compression.values())
        if (Fields.wire(known).equals(choice.asText())) return known;
    return Compression.NONE;
  }

  private static void commit(ObjectNode node, Commit commit) {
    node.put("type", "commit").put("epoch", commit.epoch()).put("seq", commit.seq());
    node.put("version", commit.version()).put("checkpoint", commit.checkpoint());
  }

  private static Stats stats(Fields fields, int length) {
    if (length > MOST_STATS)
      throw new IllegalArgumentException(
          "stats of %d characters: at most %d are kept for people".formatted(length, MOST_STATS));
    ObjectNode figures = JsonText.object();
    figures.setAll((ObjectNode) fields.tree());
    figures.remove("type");
    return new Stats(figures);
  }

  private static void welcome(ObjectNode node, Welcome welcome) {
    node.put("type", "welcome").put("epoch", welcome.epoch()).put("head", welcome.head());
    node.put("commit", welcome.commit()).put("version", welcome.version());
    node.put("lineage", welcome.lineage());
    node.put("tokenizer_sha256", welcome.policy().tokenizerSha256());
    node.put("chat_template_sha256", welcome.policy().chatTemplateSha256());
    node.put("vocab_size", welcome.policy().vocabSize());
    node.put("logprob_mode", welcome.logprobMode());
    node.put("compression", Fields.wire(welcome.compression()));
    Limits limits = welcome.limits();
    node.putObject("limits")
        .put("max_message_bytes", limits.messageBytes())
        .put("max_row_bytes", limits.rowBytes())
        .put("max_staleness", limits.maxStaleness())
        .put("groups_per_version", limits.groupsPerVersion())
        .put("group_size", limits.groupSize());
  }

  private static Welcome welcome(Fields fields) {
    Fields limits =
        fields
            .object("limits")
            .orElseThrow(() -> new IllegalArgumentException("limits is missing"));
    return new Welcome(
        count(fields, "epoch"),
        count(fields, "head"),
        count(fields, "commit"),
        number(fields, "version"),
        fields.text("lineage"),
        new PolicyIdentity(
            fields.text("tokenizer_sha256"),
            fields.text("chat_template_sha256"),
            number(fields, "vocab_size")),
        fields.text("logprob_mode"),
        fields.choice("compression", Compression.class).orElse(Compression.NONE),
        new Limits(
            limits.integer("max_message_bytes"),
            limits.integer("max_row_bytes"),
            number(limits, "max_staleness"),
            number(limits, "groups_per_version"),
            number(limits, "group_size")));
  }

  private static Dropped dropped(Fields fields) {
    List<Integer> lengths = new ArrayList<>();
    List<OptionalDouble> rewards = new ArrayList<>();
    for (JsonNode length : fields.list("lengths")) lengths.add(length.asInt());
    for (JsonNode reward : fields.list("rewards"))
      rewards.add(
          reward.isNull() ? OptionalDouble.empty() : OptionalDouble.of(reward.doubleValue()));
    return new Dropped(
        count(fields, "seq"), fields.text("group"), fields.text("reason"), lengths, rewards);
  }

  private static long count(Fields fields, String name) {
    long value = fields.integer(name);
    if (value < 0) throw new IllegalArgumentException(name + " < 0: " + value);
    return value;
  }

  private static int number(Fields fields, String name) {
    return fields
        .optionalInt(name)
        .orElseThrow(() -> new IllegalArgumentException(name + " is missing"));
  }
}
