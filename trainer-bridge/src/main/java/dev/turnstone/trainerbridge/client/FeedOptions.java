package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.wire.Compression;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Expected;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/// How to reach a run's feed.
///
/// @param server such as `http://127.0.0.1:8000`
/// @param apiKey sent as a bearer token
/// @param consumer a name for the server's logs
/// @param commit last seq of the checkpoint that the trainer starts from; empty lets the server go
///   on after its stored one
/// @param policy what the trainer was made for; another policy is refused
/// @param compression of groups on the wire
/// @param heartbeat how often the server sends one
/// @param beats sees each of them, on the reading thread
public record FeedOptions(
    URI server,
    Optional<String> apiKey,
    String run,
    String consumer,
    OptionalLong commit,
    Optional<PolicyIdentity> policy,
    Expected expected,
    Compression compression,
    Duration heartbeat,
    Consumer<FeedMessage.Heartbeat> beats) {
  /// A trainer without a key or a checkpoint that trusts the server's policy.
  public static FeedOptions of(URI server, String run, String consumer) {
    return new FeedOptions(
        server,
        Optional.empty(),
        run,
        consumer,
        OptionalLong.empty(),
        Optional.empty(),
        Expected.NOTHING,
        Compression.NONE,
        FeedProtocol.HEARTBEAT,
        beat -> {});
  }

  public FeedOptions withCommit(long seq) {
    return new FeedOptions(
        server,
        apiKey,
        run,
        consumer,
        OptionalLong.of(seq),
        policy,
        expected,
        compression,
        heartbeat,
        beats);
  }

  public FeedOptions withApiKey(String key) {
    return new FeedOptions(
        server,
        Optional.of(key),
        run,
        consumer,
        commit,
        policy,
        expected,
        compression,
        heartbeat,
        beats);
  }

  public FeedOptions withCompression(Compression choice) {
    return new FeedOptions(
        server, apiKey, run, consumer, commit, policy, expected, choice, heartbeat, beats);
  }

  /// Asks for heartbeats of the server at that pace, and shows each to `watcher`.
  public FeedOptions withHeartbeat(Duration pace, Consumer<FeedMessage.Heartbeat> watcher) {
    return new FeedOptions(
        server, apiKey, run, consumer, commit, policy, expected, compression, pace, watcher);
  }

  public FeedOptions withPolicy(PolicyIdentity identity) {
    return new FeedOptions(
        server,
        apiKey,
        run,
        consumer,
        commit,
        Optional.of(identity),
        expected,
        compression,
        heartbeat,
        beats);
  }
}
