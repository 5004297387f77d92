package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// New weights that one connection sends, one set at a time, each on a thread of its own: loading
/// them takes long and the connection must stay alive meanwhile.
final class WeightsUpdates {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsUpdates.class);

  private final RunFeed feed;
  private final Consumer<FeedMessage> reply;
  private final Consumer<FeedRefusal> close;
  private final AtomicBoolean updating = new AtomicBoolean();

  /// @param reply takes the answers
  /// @param close ends the connection
  WeightsUpdates(RunFeed feed, Consumer<FeedMessage> reply, Consumer<FeedRefusal> close) {
    this.feed = feed;
    this.reply = reply;
    this.close = close;
  }

  void begin(WeightsRequest request) {
    if (!updating.compareAndSet(false, true)) {
      reply.accept(failed(request, "another update of this connection is under way"));
      return;
    }
    Thread.ofVirtual()
        .name("weights " + request.id().version())
        .start(() -> {
          Optional<FeedMessage> answer = answer(request);
          // Before the answer goes out: its reader may send the next update at once.
          updating.set(false);
          answer.ifPresent(reply);
        });
  }

  /// What becomes of an update; empty if it ends the connection.
  private Optional<FeedMessage> answer(WeightsRequest request) {
    try {
      return Optional.of(outcome(request, feed.weights(request)));
    } catch (FeedRefusal refusal) {
      close.accept(refusal);
      return Optional.empty();
    } catch (LogException e) {
      LOG.error("applied weights could not be logged", e);
      close.accept(new FeedRefusal(CloseCode.INTERNAL, "the log failed"));
      return Optional.empty();
    } catch (RuntimeException e) {
      LOG.error("a weight update failed", e);
      return Optional.of(failed(request, "defect: " + e));
    }
  }

  private static FeedMessage outcome(WeightsRequest request, WeightsOutcome outcome) {
    return switch (outcome) {
      case WeightsOutcome.Applied(var update, _) ->
          new FeedMessage.WeightsApplied(
              update.id().lineage(),
              update.id().version(),
              update.loadMillis(),
              update.pauseMillis());
      case WeightsOutcome.Refused(String why) -> failed(request, why);
      case WeightsOutcome.Busy(String why) -> failed(request, why);
    };
  }

  private static FeedMessage failed(WeightsRequest request, String why) {
    return new FeedMessage.WeightsFailed(request.id().lineage(), request.id().version(), why);
  }
}
