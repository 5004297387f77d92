package dev.turnstone.server.completion;

import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The completions that run now, by the ids under which clients may abort them.
public final class Completions {
  private static final Logger log = LoggerFactory.getLogger(Completions.class);

  private final Served served;
  private final Duration timeout;
  private final Map<Completion, String> running = new ConcurrentHashMap<>();

  /// Completions of one policy.
  ///
  /// @param timeout after which a completion ends with what it has
  public Completions(Served served, Duration timeout) {
    this.served = served;
    this.timeout = timeout;
  }

  /// Writes a completion to a client as it grows; `[DONE]` is not its work.
  @FunctionalInterface
  public interface Streaming {
    void write(Completion completion, EventStream out)
        throws InterruptedException, EventStream.Gone, PolicyException;
  }

  /// Writes a completion that has ended.
  @FunctionalInterface
  public interface Plain {
    Reply reply(List<Choice> choices);
  }

  /// The id of a request: what the client calls it, or a new one.
  public String id(Call call) {
    String named = call.body().path("request_id").asText("");
    if (!named.isEmpty()) return named;
    return call.header("X-Request-Id").orElseGet(Completions::newId);
  }

  public static String newId() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  /// Runs a completion to its end.
  ///
  /// @param id names it for [#abort]
  public Reply plain(String id, List<Ask> asks, Plain plain) throws InterruptedException {
    try (Completion completion = start(id, asks)) {
      return plain.reply(completion.await());
    } catch (PolicyException e) {
      throw failed(e);
    }
  }

  /// Runs a completion while it is written; the stream ends with `[DONE]`.
  public Reply stream(String id, List<Ask> asks, Streaming streaming) {
    return new Reply.Events(out -> {
      try (Completion completion = start(id, asks)) {
        streaming.write(completion, out);
      } catch (PolicyException e) {
        out.data(failed(e).body());
      }
      out.done();
    });
  }

  /// Starts a completion; whoever starts it closes it.
  public Completion start(String id, List<Ask> asks) {
    Completion completion = new Completion(served, asks, timeout, running::remove);
    completion.begin();
    running.put(completion, id);
    return completion;
  }

  /// Ends the completions whose id fits; each answers with the tokens so far.
  ///
  /// @return how many
  public int abort(Predicate<String> id) {
    int aborted = 0;
    for (var entry : running.entrySet())
      if (id.test(entry.getValue())) {
        entry.getKey().abort();
        aborted++;
      }
    return aborted;
  }

  /// A failure of the policy as the client sees it.
  public static Refused failed(PolicyException e) {
    log.error("the policy failed", e);
    return Refused.broken("the policy failed; the server's log says why");
  }
}
