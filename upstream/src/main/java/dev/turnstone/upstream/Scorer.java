package dev.turnstone.upstream;

import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.EngineWire.Scored;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import okhttp3.Call;

/// Asks one engine how probable the ids of a text are under its weights.
///
/// Engines score a text at temperature 1. At another temperature T an id's log-probability is
/// `logprob / T + c`, with a `c` that is the same for all ids of a position: it is told from any id
/// whose log-probability is known at both, and the most probable ones are what an engine says
/// beside a single token that it samples at T.
final class Scorer {
  /// Positions that are asked about at once.
  private static final int TOGETHER = 8;

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
  record Question(EngineWire.Scoring scoring, Call call) {}

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
          answer.status() / 100 == 4 ? EngineFault.Kind.REFUSED : EngineFault.Kind.GONE,
          "asked for log-probabilities it answers %d: %s"
              .formatted(answer.status(), EngineHttp.excerpt(answer.text())));
    return admitted.wire().scored(question.scoring(), answer.json());
  }

  /// The temperature under which sampled ids are recorded that are scored apart.
  static double temperature(Sampling sampling) {
    boolean raw = sampling.greedy() || sampling.logprobMode() == LogprobMode.RAW;
    return raw ? 1 : sampling.temperature();
  }

  /// The same scores under the distribution that a request records.
  ///
  /// @param scores of `ids` from `from` on, with at least one of the most probable ids each
  PromptLogprobs recorded(Sampling sampling, Tokens ids, int from, PromptLogprobs scores)
      throws EngineFault, InterruptedException {
    double temperature = temperature(sampling);
    if (temperature == 1) return scores;
    float[] logprobs = scores.logprobs().toArray();
    List<TopLogprobs> tops = new ArrayList<>(scores.tops());
    List<Map<Integer, Float>> there = next(ids, from, temperature);
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

  /// The most probable ids at each position, at a temperature.
  private List<Map<Integer, Float>> next(Tokens ids, int from, double temperature)
      throws EngineFault, InterruptedException {
    Probe probe = new Probe(http, spec, admitted.wire(), admitted.model(), salt);
    Semaphore together = new Semaphore(TOGETHER);
    List<Future<Map<Integer, Float>>> asked = new ArrayList<>();
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    try {
      for (int i = from; i < ids.size(); i++) {
        Tokens before = ids.slice(0, i);
        Callable<Map<Integer, Float>> one = () -> probe.next(before, temperature);
        together.acquire();
        asked.add(
            threads.submit(() -> {
              try {
                return one.call();
              } finally {
                together.release();
              }
            }));
      }
      List<Map<Integer, Float>> all = new ArrayList<>();
      for (Future<Map<Integer, Float>> one : asked) all.add(one.get());
      return all;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineFault fault) throw fault;
      throw new IllegalStateException("a position could not be asked about", e.getCause());
    } finally {
      threads.shutdownNow();
    }
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
