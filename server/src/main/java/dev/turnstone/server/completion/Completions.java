package dev.turnstone.server.completion;

import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.server.completion.Completion.Pace;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.ErrorShape;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
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

  /// Choices of one request, over all its prompts.
  private static final int MOST_CHOICES = 4096;

  private final Served served;
  private final Pace pace;
  private final Timings timings;
  private final Map<Completion, String> running = new ConcurrentHashMap<>();

  public Completions(Served served, Pace pace, Timings timings) {
    this.served = served;
    this.pace = pace;
    this.timings = timings;
  }

  /// Writes a completion to a client as it grows.
  @FunctionalInterface
  public interface Streaming {
    void write(Completion completion, EventStream out)
        throws InterruptedException, EventStream.Gone, PolicyException;
  }

  /// Tells a client that what it reads broke off.
  @FunctionalInterface
  public interface Failing {
    void write(Refused failure, EventStream out) throws InterruptedException, EventStream.Gone;
  }

  /// Writes a completion that has ended.
  @FunctionalInterface
  public interface Plain {
    Reply reply(List<Choice> choices);
  }

  /// The id of a request: what the client calls it in its body or header, or a new one.
  public static String id(Call call) {
    String named = call.body().path("request_id").asText("");
    if (!named.isEmpty()) return named;
    return call.header("X-Request-Id").filter(id -> !id.isBlank()).orElseGet(Completions::newId);
  }

  public static String newId() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  /// Runs a completion to its end.
  ///
  /// @param id names it for [#abort]
  public Reply plain(String id, List<Ask> asks, Plain plain) throws InterruptedException {
    try (Completion completion = prepare(asks)) {
      begin(id, completion, false);
      return plain.reply(completion.await());
    } catch (PolicyException e) {
      throw failed(e);
    }
  }

  /// Runs a completion while it is written as OpenAI's streams are: `[DONE]` ends it.
  ///
  /// @param errors how the wire says that something broke on the way
  /// @throws Refused before the first byte of the stream, if the policy cannot serve it
  public Reply stream(String id, List<Ask> asks, ErrorShape errors, Streaming streaming) {
    return stream(
        id,
        asks,
        (completion, out) -> {
          streaming.write(completion, out);
          out.done();
        },
        (failure, out) -> {
          out.data(errors.body(failure));
          out.done();
        });
  }

  /// Runs a completion while it is written.
  ///
  /// @throws Refused before the first byte of the stream, if the policy cannot serve it
  public Reply stream(String id, List<Ask> asks, Streaming streaming, Failing failing) {
    Completion prepared = prepare(asks);
    return new Reply.Events(out -> {
      try (prepared) {
        begin(id, prepared, true);
        streaming.write(prepared, out);
      } catch (PolicyException e) {
        failing.write(failed(e), out);
      } catch (Refused e) {
        failing.write(e, out);
      }
    });
  }

  /// A completion that has not begun; whoever asks for it closes it.
  ///
  /// @throws Refused if the policy cannot serve it
  public Completion prepare(List<Ask> asks) {
    int choices = asks.stream().mapToInt(Ask::n).sum();
    if (choices > MOST_CHOICES)
      throw Refused.bad(
          "a request may have %d choices over all its prompts, but this asks for %d"
              .formatted(MOST_CHOICES, choices),
          "n");
    if (!Recorder.CURRENT.isBound())
      return new Completion(served, asks, pace, timings, ended -> {}, running::remove);
    Recorder recorder = Recorder.CURRENT.get();
    List<Ask> kept = asks.stream().map(ask -> recorder.ask(ask.withLogprobs(true))).toList();
    return new Completion(served, kept, pace, timings, recorder::ended, running::remove);
  }

  /// Starts a prepared completion.
  ///
  /// @param watched whether it is read while it grows, with [Completion#next]
  public void begin(String id, Completion completion, boolean watched) {
    completion.begin(watched);
    running.put(completion, id);
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

  /// How many run.
  public int count() {
    return running.size();
  }

  /// A failure of the policy as the client sees it.
  public static Refused failed(PolicyException e) {
    log.error("the policy failed", e);
    return Refused.broken("the policy failed; the server's log says why");
  }
}
