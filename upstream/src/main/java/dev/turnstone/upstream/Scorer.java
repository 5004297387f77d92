package dev.turnstone.upstream;

import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.http.EngineCall;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.EngineWire.Scored;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/// Asks one engine how probable the ids of a text are under its weights.
///
/// Engines score a text at temperature 1. At another temperature T an id's log-probability is
/// `logprob / T + c`, with a `c` that is the same for all ids of a position: it is told from any id
/// whose log-probability is known at both, and the most probable ones are what an engine says
/// beside a single token that it samples at T.
final class Scorer {
  /// Positions of a turn that are asked about at once, in the place that it has at its engine.
  private static final int TOGETHER = 8;

  /// For one position.
  private static final Duration LONGEST = Duration.ofSeconds(20);

  private final EngineHttp http;
  private final EngineSpec spec;
  private final Admitted admitted;
  private final String salt;

  Scorer(EngineHttp http, EngineSpec spec, Admitted admitted, String salt) {
    this.http = http;
    this.spec = spec;
    this.admitted = admitted;
    this.salt = salt;
  }

  /// A request that has not been sent.
  record Question(EngineWire.Scoring scoring, EngineCall call) {}

  /// How probable the ids of a text are at temperature 1.
  ///
  /// @param from the first id that is asked about
  /// @param top how many of the most probable ids at each position
  Question question(Tokens ids, int from, int top, Duration patience) {
    String id = "score-" + UUID.randomUUID();
    var scoring = new EngineWire.Scoring(id, admitted.model(), salt, ids, from, top);
    EngineWire wire = admitted.wire();
    return new Question(
        scoring, http.whole(spec.url(), wire.path(), spec.key(), wire.body(scoring), patience));
  }

  Scored ask(Question question) throws EngineFault, InterruptedException {
    EngineHttp.Answer answer = http.answer(question.call());
    if (!answer.ok())
      throw new EngineFault(
          answer.status() / 100 == 4 ? Kind.REFUSED : Kind.GONE,
          "asked for log-probabilities it answers %d: %s"
              .formatted(answer.status(), EngineHttp.excerpt(answer.text())));
    return admitted.wire().scored(question.scoring(), answer.json());
  }

  /// The temperature under which sampled ids are recorded that are scored apart.
  static double temperature(Sampling sampling) {
    boolean raw = sampling.greedy() || sampling.logprobMode() == LogprobMode.RAW;
    return raw ? 1 : sampling.temperature();
  }

  /// The same scores of sampled ids under the distribution that a request records.
  ///
  /// @param scores of `ids` from `from` on, with at least one of the most probable ids each
  /// @param deadline on [System#nanoTime], after which it fails
  /// @param unwanted whether nobody wants them any more
  PromptLogprobs recorded(
      Sampling sampling,
      Tokens ids,
      int from,
      PromptLogprobs scores,
      long deadline,
      BooleanSupplier unwanted)
      throws EngineFault, InterruptedException {
    checkSampled(ids, from, scores.logprobs());
    double temperature = temperature(sampling);
    if (temperature == 1) return scores;
    float[] logprobs = scores.logprobs().toArray();
    List<TopLogprobs> tops = new ArrayList<>(scores.tops());
    List<Map<Integer, Float>> there = next(ids, from, temperature, deadline, unwanted);
    for (int i = from; i < ids.size(); i++) {
      TopLogprobs top = tops.get(i);
      double shift = shift(top, there.get(i - from), temperature);
      logprobs[i] = (float) (logprobs[i] / temperature + shift);
      float[] other = top.logprobs().toArray();
      for (int j = 0; j < other.length; j++) other[j] = (float) (other[j] / temperature + shift);
      tops.set(i, new TopLogprobs(top.ids(), Logprobs.of(other), top.rank()));
    }
    return new PromptLogprobs(Logprobs.roundedToZero(logprobs), tops);
  }

  /// What was sampled was possible.
  private static void checkSampled(Tokens ids, int from, Logprobs logprobs) throws EngineFault {
    for (int i = from; i < ids.size(); i++)
      if (logprobs.get(i) <= EngineWire.IMPOSSIBLE)
        throw EngineFault.broken(
            "it sampled id %d, and scores it %s".formatted(ids.get(i), logprobs.get(i)));
  }

  private static double shift(TopLogprobs at1, Map<Integer, Float> there, double temperature)
      throws EngineFault {
    for (int i = 0; i < at1.ids().size(); i++) {
      Float same = there.get(at1.ids().get(i));
      if (same != null) return same - at1.logprobs().get(i) / temperature;
    }
    throw EngineFault.broken(
        "its most probable ids are %s at temperature 1 and %s at %s"
            .formatted(at1.ids(), there.keySet(), temperature));
  }

  /// The most probable ids at each position, at a temperature. The first failure ends it.
  private List<Map<Integer, Float>> next(
      Tokens ids, int from, double temperature, long deadline, BooleanSupplier unwanted)
      throws EngineFault, InterruptedException {
    Probe probe = new Probe(http, spec, admitted.wire(), admitted.model(), salt, LONGEST);
    Map<Integer, Map<Integer, Float>> all = new ConcurrentHashMap<>();
    AtomicInteger position = new AtomicInteger(from);
    Callable<Boolean> some =
        () -> {
          try {
            for (int i = position.getAndIncrement(); i < ids.size(); i = position.getAndIncrement())
              if (unwanted.getAsBoolean()) throw new EngineFault(Kind.GONE, "it was cut off");
              else all.put(i, probe.next(ids.slice(0, i), temperature));
            return true;
          } finally {
            position.set(ids.size());
          }
        };
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var asking = Collections.nCopies(Math.min(TOGETHER, ids.size() - from), some);
      long left = Math.max(0, deadline - System.nanoTime());
      for (Future<Boolean> one : threads.invokeAll(asking, left, TimeUnit.NANOSECONDS)) one.get();
    } catch (CancellationException e) {
      throw new EngineFault(Kind.GONE, "it does not score in time", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineFault fault) throw fault;
      throw new IllegalStateException("a position could not be asked about", e.getCause());
    }
    List<Map<Integer, Float>> next = new ArrayList<>();
    for (int i = from; i < ids.size(); i++) next.add(Objects.requireNonNull(all.get(i)));
    return next;
  }

  /// Scores without the ids that were only asked for to compare temperatures.
  static PromptLogprobs cut(PromptLogprobs scores, int top) {
    List<TopLogprobs> tops = new ArrayList<>();
    for (TopLogprobs all : scores.tops()) {
      int kept = Math.min(top, all.ids().size());
      tops.add(
          new TopLogprobs(all.ids().slice(0, kept), all.logprobs().slice(0, kept), all.rank()));
    }
    return new PromptLogprobs(scores.logprobs(), tops);
  }
}
