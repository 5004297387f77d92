package dev.turnstone.server.completion;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.server.completion.Choice.Token;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// The generations of one request: a virtual thread per choice generates, the request's thread
/// reads what arrives. Closing it aborts what still runs.
///
/// Choice `p * n + i` is the `i`th of prompt `p`.
public final class Completion implements AutoCloseable {
  /// How much later than the generation's own timeout a policy may answer.
  private static final Duration SLACK = Duration.ofSeconds(30);

  private final List<Choice> choices = new ArrayList<>();
  private final List<Thread> generators = new ArrayList<>();
  // Bounded by what the choices may generate.
  private final LinkedBlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
  private final Duration timeout;
  private final Consumer<Completion> closed;
  private int running;

  /// A completion that has not begun.
  ///
  /// @param closed is told when it is closed
  Completion(Served served, List<Ask> asks, Duration timeout, Consumer<Completion> closed) {
    this.timeout = timeout;
    this.closed = closed;
    for (Ask ask : asks) add(served, ask);
    running = generators.size();
  }

  /// Starts generating.
  void begin() {
    generators.forEach(Thread::start);
  }

  private void add(Served served, Ask ask) {
    Set<Integer> endIds = new HashSet<>(ask.ends().ids());
    if (!ask.ends().ignoreFormat()) endIds.addAll(served.format().stopIds());
    for (int i = 0; i < ask.n(); i++) {
      Choice choice = new Choice(choices.size(), ask, served, endIds);
      Policy.Request generation =
          new Policy.Request(ask.prompt(), ask.sampling(i), ask.maxTokens(), endIds, timeout);
      generators.add(
          Thread.ofVirtual()
              .name(Thread.currentThread().getName() + "-" + choices.size())
              .unstarted(() -> generate(served.policy(), generation, choice)));
      choices.add(choice);
    }
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
      // Somebody who knows interrupts: a stop string was found, an abort was asked for, or nobody
      // waits any more.
      arrivals.add(new Arrival.Ended(choice, FinishReason.ABORT, 0));
    } catch (PolicyException | RuntimeException e) {
      arrivals.add(new Arrival.Failed(e));
    }
  }

  /// Waits for something new.
  ///
  /// @return the choices that grew or ended; empty when all have ended
  public Set<Choice> next() throws InterruptedException, PolicyException {
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

  /// Waits for the end of all choices.
  public List<Choice> await() throws InterruptedException, PolicyException {
    while (!next().isEmpty()) {}
    return choices;
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

  public List<Choice> choices() {
    return choices;
  }

  /// Ends all choices as `ABORT` with the tokens so far. Any thread may call it.
  public void abort() {
    generators.forEach(Thread::interrupt);
  }

  @Override
  public void close() {
    closed.accept(this);
    abort();
  }
}
