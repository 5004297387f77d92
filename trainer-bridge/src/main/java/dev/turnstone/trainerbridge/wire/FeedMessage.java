package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// One text frame of the feed. Groups themselves are binary frames: [GroupFrame].
public sealed interface FeedMessage {
  /// Who subscribes.
  enum Role {
    /// Drives the run: grants credit, trains, commits. There is one; the newest wins.
    TRAIN,
    /// Only reads.
    OBSERVE
  }

  // From the trainer.

  /// Subscribes; the first message of a connection.
  ///
  /// @param consumer a name for logs
  /// @param expected what the trainer believes of the run; a difference is refused
  /// @param compression of groups, the first of the client's choices that the server knows
  /// @param heartbeat how often the server is to send one
  record Hello(
      String run,
      Role role,
      String consumer,
      Optional<Resume> resume,
      Expected expected,
      Compression compression,
      Duration heartbeat)
      implements FeedMessage {
    public Hello {
      if (heartbeat.compareTo(FeedProtocol.SHORTEST_HEARTBEAT) < 0
          || heartbeat.compareTo(FeedProtocol.SILENCE.dividedBy(2)) > 0)
        throw new IllegalArgumentException(
            "heartbeat_ms is not in [%d, %d]: %d"
                .formatted(
                    FeedProtocol.SHORTEST_HEARTBEAT.toMillis(),
                    FeedProtocol.SILENCE.dividedBy(2).toMillis(),
                    heartbeat.toMillis()));
    }
  }

  /// Where a trainer goes on.
  ///
  /// @param commit last seq in its checkpoint
  /// @param held last seq that it has in memory; a restarted process sends its commit
  record Resume(long commit, long held) {
    public Resume {
      if (commit < 0 || held < commit)
        throw new IllegalArgumentException(
            "resume is not 0 <= commit <= held: commit %d, held %d".formatted(commit, held));
    }
  }

  /// What a hello may say about its run, by the names of [RunSpec]'s JSON; absent is no opinion.
  record Expected(ObjectNode fields) {
    private static final List<String> NAMES =
        List.of(
            "group_size",
            "max_staleness",
            "groups_per_version",
            "incomplete",
            "zero_variance",
            "overlong",
            "tokenizer_sha256",
            "chat_template_sha256",
            "vocab_size");

    public static final Expected NOTHING = new Expected(JsonText.object());

    /// Keeps of a hello what concerns its run.
    static Expected of(ObjectNode hello) {
      return new Expected(hello.deepCopy().retain(NAMES));
    }

    /// The first field that the run has otherwise.
    public Optional<String> difference(RunSpec spec, PolicyIdentity policy) {
      ObjectNode actual = spec.toJson();
      actual.put("tokenizer_sha256", policy.tokenizerSha256());
      actual.put("chat_template_sha256", policy.chatTemplateSha256());
      actual.put("vocab_size", policy.vocabSize());
      return fields.properties().stream()
          .filter(field -> !agrees(field.getValue(), actual.path(field.getKey())))
          .map(field ->
              "the run's %s is %s, not %s"
                  .formatted(field.getKey(), actual.path(field.getKey()), field.getValue()))
          .findFirst();
    }

    /// An object need only name the fields that it has an opinion of.
    private static boolean agrees(JsonNode expected, JsonNode actual) {
      if (expected.isNumber() && actual.isNumber())
        return expected.doubleValue() == actual.doubleValue();
      if (!expected.isObject()) return expected.isNull() || expected.equals(actual);
      return expected.properties().stream()
          .allMatch(field -> agrees(field.getValue(), actual.path(field.getKey())));
    }
  }

  /// Allows that many more groups and bytes.
  record Credit(long groups, long bytes) implements FeedMessage {}

  /// Groups up to `seq` are held in memory.
  record Received(long seq) implements FeedMessage {}

  /// Groups up to `seq` were trained, into `version`.
  record Trained(long epoch, long seq, int version) implements FeedMessage {}

  /// Groups up to `seq` are in a durable checkpoint.
  record Commit(long epoch, long seq, int version, String checkpoint) implements FeedMessage {}

  /// The trainer cannot use a group.
  record Nack(long seq, String reason) implements FeedMessage {}

  /// New weights.
  record Weights(WeightsRequest request) implements FeedMessage {}

  /// A file of weights; its bytes follow in binary frames.
  record WeightsFile(String lineage, int version, String file, long size) implements FeedMessage {}

  /// Figures of a training step, shown to people.
  record Stats(ObjectNode figures) implements FeedMessage {}

  // From the server.

  /// Answers hello.
  ///
  /// @param epoch that trained, commit and weights must carry
  /// @param head highest seq there is
  /// @param commit the run's stored commit
  /// @param version newest applied weights, of `lineage`
  record Welcome(
      long epoch,
      long head,
      long commit,
      int version,
      String lineage,
      PolicyIdentity policy,
      String logprobMode,
      Compression compression,
      Limits limits)
      implements FeedMessage {}

  /// What the server allows, and the run's figures.
  record Limits(
      long messageBytes, long rowBytes, int maxStaleness, int groupsPerVersion, int groupSize) {}

  /// A group that will not come, so that the trainer's data cursor advances.
  ///
  /// @param lengths ids of each finished rollout
  /// @param rewards of the same rollouts; empty where unscored
  record Dropped(
      long seq, String group, String reason, List<Integer> lengths, List<OptionalDouble> rewards)
      implements FeedMessage {
    public Dropped {
      lengths = List.copyOf(lengths);
      rewards = List.copyOf(rewards);
    }
  }

  /// The new weights serve.
  record WeightsApplied(String lineage, int version, long loadMillis, long pauseMillis)
      implements FeedMessage {}

  /// The new weights were refused; the old ones go on serving.
  record WeightsFailed(String lineage, int version, String reason) implements FeedMessage {}

  /// No task will follow and everything was delivered.
  record End(long head) implements FeedMessage {}

  /// A sign of life, from either side.
  ///
  /// @param atMillis the sender's clock when it was sent, since 1970; 0 if it does not say
  record Heartbeat(long atMillis) implements FeedMessage {
    /// One that is sent now.
    public static Heartbeat now() {
      return new Heartbeat(System.currentTimeMillis());
    }
  }
}
