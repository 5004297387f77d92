package dev.turnstone.server.completion;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Refused;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// The generations of one request: a virtual thread per choice generates, the request's thread
/// reads what arrives. A single choice that nobody watches is generated on the request's thread,
/// which saves two changes of threads per event. Closing it aborts what still runs.
///
/// Choice `p * n + i` is the `i`th of prompt `p`.
public final class Completion implements AutoCloseable {
  /// How much later than the generation's own timeout a policy may answer.
  private static final Duration SLACK = Duration.ofSeconds(30);

  private final List<Choice> choices = new ArrayList<>();
  private final List<Thread> generators = new ArrayList<>();
  // Bounded by what the choices may generate.
  private final LinkedBlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
  private final Policy policy;
  private final Pace pace;
  private final Timings timings;
  private final List<Timings.Clock> clocks = new ArrayList<>();
  private final Consumer<List<Choice>> ended;
  private final Consumer<Completion> closed;
  private final List<Policy.Request> requests = new ArrayList<>();
  private int running;
  private boolean aborted; // guarded by generators
  private Optional<Thread> here = Optional.empty(); // guarded by generators

  /// A completion that has not begun.
  ///
  /// @param ended is told when all choices have ended
  /// @param closed is told when it is closed
  /// @throws Refused if the policy cannot serve it
  Completion(
      Served served,
      List<Ask> asks,
      Pace pace,
      Timings timings,
      Consumer<List<Choice>> ended,
      Consumer<Completion> closed) {
    this.ended = ended;
    this.policy = served.policy();
    this.pace = pace;
    this.timings = timings;
    this.closed = closed;
    for (Ask ask : asks) add(served, ask);
    running = generators.size();
  }

  /// How long things may take.
  ///
  /// @param timeout after which a choice ends with what it has
  /// @param ping after which a silent stream says that it lives
  public record Pace(Duration timeout, Duration ping) {}

  private void add(Served served, Ask ask) {
    Set<Integer> endIds = ask.endIds(served);
    for (int i = 0; i < ask.n(); i++) {
      Choice choice = new Choice(choices.size(), i, ask, served, endIds);
      Policy.Request request = ask.request(i, endIds, pace.timeout());
      if (i == 0) check(request);
      requests.add(request);
      generators.add(
          Thread.ofVirtual()
              .name(Thread.currentThread().getName() + "-" + choices.size())
              .unstarted(() -> {
                var _ = generate(request, choice);
              }));
      choices.add(choice);
    }
  }

  private void check(Policy.Request request) {
    try {
      policy.check(request);
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }

  /// Starts generating; what is not watched may wait for [#await].
  void begin(boolean watched) {
    for (int i = 0; i < choices.size(); i++) clocks.add(timings.new Clock());
    // A stop string is found by whoever reads, and what it ends must be running elsewhere.
    if (!watched && choices.size() == 1 && choices.getFirst().ask().ends().strings().isEmpty())
      return;
    generators.forEach(Thread::start);
  }

  /// Generates the only choice on this thread.
  ///
  /// @throws InterruptedException if somebody else than [#abort] interrupts
  private void generateHere() throws InterruptedException {
    Choice only = choices.getFirst();
    synchronized (generators) {
      if (aborted) {
        arrivals.add(new Arrival.Aborted(only));
        return;
      }
      here = Optional.of(Thread.currentThread());
    }
    boolean ended = generate(requests.getFirst(), only);
    synchronized (generators) {
      here = Optional.empty();
      boolean interrupted = Thread.interrupted() || !ended;
      if (interrupted && !aborted) throw new InterruptedException();
    }
  }

  private sealed interface Arrival {
    record Sampled(Choice choice, Token token, long at) implements Arrival {}

    record Ended(Choice choice, Generation generation) implements Arrival {}

    record Aborted(Choice choice) implements Arrival {}

    record Failed(Exception why) implements Arrival {}
  }

  /// @return false if it was interrupted
  private boolean generate(Policy.Request request, Choice choice) {
    try {
      arrivals.add(new Arrival.Ended(choice, policy.generate(request, listener(choice))));
    } catch (InterruptedException e) {
      // Somebody who knows interrupts: a stop string was found, an abort was asked for, or nobody
      // waits any more.
      arrivals.add(new Arrival.Aborted(choice));
      return false;
    } catch (PolicyException | RuntimeException e) {
      arrivals.add(new Arrival.Failed(e));
    }
    return true;
  }

  private Policy.TokenListener listener(Choice choice) {
    return new Policy.TokenListener() {
      @Override
      public void sampled(int id, float logprob, int version) {
        sampled(id, logprob, version, TopLogprobs.NONE);
      }

      @Override
      public void sampled(int id, float logprob, int version, TopLogprobs top) {
        Token token = new Token(id, logprob, version, top);
        arrivals.add(new Arrival.Sampled(choice, token, System.nanoTime()));
      }

      @Override
      public void admitted() {
        clocks.get(choice.index()).admitted();
      }
    };
  }

  /// Waits for something new, and keeps a stream alive meanwhile.
  ///
  /// @return the choices that grew or ended; empty when all have ended
  public Set<Choice> next(EventStream out)
      throws InterruptedException, PolicyException, EventStream.Gone {
    if (running == 0) return Set.of();
    long deadline = System.nanoTime() + pace.timeout().plus(SLACK).toNanos();
    while (System.nanoTime() - deadline < 0) {
      Arrival arrival = arrivals.poll(pace.ping().toMillis(), TimeUnit.MILLISECONDS);
      if (arrival != null) return takeAll(arrival);
      out.ping();
    }
    throw silent();
  }

  /// Waits for the end of all choices.
  public List<Choice> await() throws InterruptedException, PolicyException {
    if (generators.getFirst().getState() == Thread.State.NEW) generateHere();
    while (running > 0) {
      Arrival arrival = arrivals.poll(pace.timeout().plus(SLACK).toMillis(), TimeUnit.MILLISECONDS);
      if (arrival == null) throw silent();
      takeAll(arrival);
    }
    return choices;
  }

  /// Waits for the end of all choices, which run on threads of their own, but not for long.
  ///
  /// @return whether they ended
  public boolean await(Duration patience) throws InterruptedException, PolicyException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (running > 0) {
      Arrival arrival = arrivals.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (arrival == null) return false;
      takeAll(arrival);
    }
    return true;
  }

  private PolicyException silent() {
    return new PolicyException("the policy did not answer in " + pace.timeout());
  }

  private Set<Choice> takeAll(Arrival first) throws PolicyException {
    Set<Choice> touched = new LinkedHashSet<>();
    for (Arrival arrival = first; arrival != null; arrival = arrivals.poll())
      touched.add(take(arrival));
    if (running == 0) ended.accept(choices);
    return touched;
  }

  private Choice take(Arrival arrival) throws PolicyException {
    switch (arrival) {
      case Arrival.Sampled(Choice choice, Token token, long at) -> {
        clocks.get(choice.index()).sampled(at);
        boolean open = choice.finish().isEmpty();
        choice.sampled(token);
        if (open && choice.finish().isPresent()) generators.get(choice.index()).interrupt();
        return choice;
      }
      case Arrival.Ended(Choice choice, Generation generation) -> {
        choice.ended(generation);
        return ended(choice);
      }
      case Arrival.Aborted(Choice choice) -> {
        choice.ended(FinishReason.ABORT, policy.weights().lineage());
        return ended(choice);
      }
      // What an engine elsewhere refuses of a request is the client's to change.
      case Arrival.Failed(IllegalArgumentException why) ->
          throw Refused.bad(String.valueOf(why.getMessage()));
      case Arrival.Failed(Exception why) ->
          throw why instanceof PolicyException known
              ? known
              : new PolicyException("the policy failed: " + why, why);
    }
  }

  private Choice ended(Choice choice) {
    running--;
    clocks.get(choice.index()).ended(choice);
    return choice;
  }

  public List<Choice> choices() {
    return choices;
  }

  /// Ends all choices as `ABORT` with the tokens so far. Any thread may call it.
  public void abort() {
    synchronized (generators) {
      aborted = true;
      here.ifPresent(Thread::interrupt);
      generators.forEach(Thread::interrupt);
    }
  }

  @Override
  public void close() {
    closed.accept(this);
    abort();
  }
}
