package dev.turnstone.server;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.Choice.Token;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// The generations of one request: a virtual thread per choice generates, the request's thread
/// reads what arrives. Closing it aborts what still runs.
final class Completion implements AutoCloseable {
  /// How much later than the generation's own timeout a policy may answer.
  private static final Duration SLACK = Duration.ofSeconds(30);

  private final List<Choice> choices = new ArrayList<>();
  private final List<Thread> generators = new ArrayList<>();
  // Bounded by what the choices may generate.
  private final LinkedBlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
  private final Duration timeout;
  private int running;

  /// Starts generating.
  ///
  /// @param maxTokens of each choice, what the context leaves already heeded
  Completion(ChatRequest request, Served served, Tokens prompt, int maxTokens, Duration timeout) {
    this.timeout = timeout;
    Set<Integer> endIds = new HashSet<>(served.format().stopIds());
    endIds.addAll(request.stopIds());
    int turn = (int) request.messages().stream().filter(m -> m.role().equals("assistant")).count();
    for (int i = 0; i < request.n(); i++) {
      Choice choice = new Choice(i, request, served, endIds, turn);
      choices.add(choice);
      Policy.Request generation =
          new Policy.Request(prompt, request.sampling(i), maxTokens, endIds, timeout);
      generators.add(
          Thread.ofVirtual()
              .name(Thread.currentThread().getName() + "-" + i)
              .unstarted(() -> generate(served.policy(), generation, choice)));
    }
    running = generators.size();
    generators.forEach(Thread::start);
  }

  private sealed interface Arrival {
    record Sampled(Choice choice, Token token) implements Arrival {}

    record Ended(Choice choice, FinishReason reason, int cached) implements Arrival {}

    record Failed(Exception why) implements Arrival {}
  }

  private void generate(Policy policy, Policy.Request request, Choice choice) {
    try {
      var generation =
          policy.generate(
              request,
              (id, logprob, version) ->
                  arrivals.add(new Arrival.Sampled(choice, new Token(id, logprob, version))));
      arrivals.add(new Arrival.Ended(choice, generation.finish(), generation.cachedTokens()));
    } catch (InterruptedException e) {
      // Only the request's own thread interrupts: a stop string was found, or nobody waits.
      arrivals.add(new Arrival.Ended(choice, FinishReason.ABORT, 0));
    } catch (PolicyException | RuntimeException e) {
      arrivals.add(new Arrival.Failed(e));
    }
  }

  /// Waits for something new.
  ///
  /// @return the choices that grew or ended; empty when all have ended
  Set<Choice> next() throws InterruptedException, PolicyException {
    Set<Choice> touched = new LinkedHashSet<>();
    if (running == 0) return touched;
    Arrival arrival = arrivals.poll(timeout.plus(SLACK).toMillis(), TimeUnit.MILLISECONDS);
    if (arrival == null) throw new PolicyException("the policy did not answer in " + timeout);
    while (arrival != null) {
      touched.add(take(arrival));
      arrival = arrivals.poll();
    }
    return touched;
  }

  private Choice take(Arrival arrival) throws PolicyException {
    switch (arrival) {
      case Arrival.Sampled(Choice choice, Token token) -> {
        boolean open = choice.finish().isEmpty();
        choice.sampled(token);
        if (open && choice.finish().isPresent()) generators.get(choice.index()).interrupt();
        return choice;
      }
      case Arrival.Ended(Choice choice, FinishReason reason, int cached) -> {
        choice.ended(reason, cached);
        running--;
        return choice;
      }
      case Arrival.Failed(Exception why) ->
          throw why instanceof PolicyException known
              ? known
              : new PolicyException("the policy failed: " + why, why);
    }
  }

  List<Choice> choices() {
    return choices;
  }

  @Override
  public void close() {
    generators.forEach(Thread::interrupt);
  }
}
