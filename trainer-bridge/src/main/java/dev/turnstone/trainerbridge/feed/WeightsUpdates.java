package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// New weights that one connection sends, one set at a time, each on a thread of its own: loading
/// them takes long and the connection must stay alive meanwhile. Their files may come over the
/// connection before; they are gone with it.
final class WeightsUpdates implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsUpdates.class);

  private final RunFeed feed;
  private final Consumer<FeedMessage> reply;
  private final Consumer<FeedRefusal> close;

  // Guarded by this.
  private boolean updating;
  private boolean closed;
  private Optional<Streamed> streamed = Optional.empty();

  /// The files of a version that have come so far.
  private record Streamed(String lineage, int version, WeightsUpload files) {}

  /// @param reply takes the answers
  /// @param close ends the connection
  WeightsUpdates(RunFeed feed, Consumer<FeedMessage> reply, Consumer<FeedRefusal> close) {
    this.feed = feed;
    this.reply = reply;
    this.close = close;
  }

  /// A file comes next. Another version's files replace those that came before.
  synchronized void file(FeedMessage.WeightsFile file) throws FeedRefusal {
    if (closed) return;
    if (updating)
      throw new FeedRefusal(
          CloseCode.PROTOCOL,
          "weights_file %s while an update is under way".formatted(file.file()));
    try {
      if (streamed
          .filter(
              known -> known.lineage().equals(file.lineage()) && known.version() == file.version())
          .isEmpty()) {
        forget();
        streamed = Optional.of(new Streamed(file.lineage(), file.version(), feed.upload()));
      }
      streamed.orElseThrow().files().begin(file.file(), file.size());
    } catch (WeightsRejected e) {
      throw new FeedRefusal(CloseCode.PROTOCOL, "weights_file: " + e.getMessage());
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /// Bytes of the file that was begun.
  synchronized void bytes(byte[] frame) throws FeedRefusal {
    if (closed) return;
    if (streamed.isEmpty() || updating)
      throw new FeedRefusal(
          CloseCode.PROTOCOL, "a binary frame from the client without a weights_file before it");
    try {
      streamed.get().files().add(frame);
    } catch (WeightsRejected e) {
      throw new FeedRefusal(CloseCode.PROTOCOL, "weights_file: " + e.getMessage());
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private static FeedRefusal failed(IOException e) {
    LOG.error("weights that came over the feed could not be written", e);
    return new FeedRefusal(CloseCode.INTERNAL, "the weights could not be written");
  }

  void begin(WeightsRequest request) {
    Optional<String> why = objection(request);
    if (why.isPresent()) {
      reply.accept(failed(request, why.get()));
      return;
    }
    Thread.ofVirtual()
        .name("weights " + request.id().version())
        .start(() -> {
          Optional<FeedMessage> answer = answer(request);
          // Before the answer goes out: its reader may send the next update at once.
          ended();
          answer.ifPresent(reply);
        });
  }

  /// Why an update cannot begin; nothing else begins after it says that one can.
  private synchronized Optional<String> objection(WeightsRequest request) {
    if (updating) return Optional.of("another update of this connection is under way");
    if (request.streamed() && streamed.filter(known -> isOf(known, request)).isEmpty())
      return Optional.of(
          "no whole files of version %d of lineage %s came over this connection"
              .formatted(request.id().version(), request.id().lineage()));
    updating = true;
    return Optional.empty();
  }

  private static boolean isOf(Streamed known, WeightsRequest request) {
    return known.files().whole()
        && known.lineage().equals(request.id().lineage())
        && known.version() == request.id().version();
  }

  private synchronized WeightsRequest placed(WeightsRequest request) {
    return request.streamed() ? request.in(streamed.orElseThrow().files().folder()) : request;
  }

  private synchronized void ended() {
    updating = false;
    forget();
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (!updating) forget();
  }

  private void forget() {
    streamed.ifPresent(known -> {
      try {
        known.files().close();
      } catch (IOException e) {
        LOG.warn("{} could not be deleted", known.files().folder(), e);
      }
    });
    streamed = Optional.empty();
  }

  /// What becomes of an update; empty if it ends the connection.
  private Optional<FeedMessage> answer(WeightsRequest request) {
    try {
      return Optional.of(outcome(request, feed.weights(placed(request))));
    } catch (FeedRefusal refusal) {
      close.accept(refusal);
      return Optional.empty();
    } catch (LogException e) {
      LOG.error("applied weights could not be logged", e);
      close.accept(new FeedRefusal(CloseCode.INTERNAL, "the log failed"));
      return Optional.empty();
    } catch (RuntimeException | Error e) {
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
