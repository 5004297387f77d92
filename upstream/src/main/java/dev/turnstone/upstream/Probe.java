package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.Ask;
import dev.turnstone.upstream.wire.Chunk;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.EventLines;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/// Asks one engine for single tokens and looks at their log-probabilities.
final class Probe {
  private static final int TOP = 5;
  private static final int SEEDS = 4;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final EngineHttp http;
  private final EngineSpec spec;
  private final EngineWire wire;
  private final String model;
  private final String salt;
  private final Duration patience;

  Probe(EngineHttp http, EngineSpec spec, EngineWire wire, String model, String salt) {
    this(http, spec, wire, model, salt, PATIENCE);
  }

  /// For whoever has a time of its own.
  ///
  /// @param patience for each token
  Probe(
      EngineHttp http,
      EngineSpec spec,
      EngineWire wire,
      String model,
      String salt,
      Duration patience) {
    this.http = http;
    this.spec = spec;
    this.wire = wire;
    this.model = model;
    this.salt = salt;
    this.patience = patience;
  }

  /// The log-probabilities of the most probable next ids, and of those that were sampled.
  Map<Integer, Float> next(Tokens prompt, double temperature)
      throws EngineFault, InterruptedException {
    Map<Integer, Float> all = new TreeMap<>();
    for (int seed = 1; seed <= SEEDS; seed++) {
      all.putAll(once(prompt, temperature, seed));
      if (all.size() > 2) break;
    }
    return all;
  }

  private Map<Integer, Float> once(Tokens prompt, double temperature, int seed)
      throws EngineFault, InterruptedException {
    Sampling sampling =
        new Sampling(temperature, 0, 1, 0, OptionalLong.of(seed))
            .withLogprobMode(LogprobMode.POLICY);
    Request request =
        new Request(prompt, sampling, 1, Set.of(), patience)
            .withScores(new Scores(TOP, OptionalInt.empty()));
    String id = "probe-" + UUID.randomUUID();
    Ask ask = new Ask(id, model, prompt, request, 0, salt);
    Map<Integer, Float> all = new TreeMap<>();
    URI url = spec.url();
    try (EventLines events =
        EventLines.open(http.call(url, wire.path(), spec.key(), wire.body(ask), patience))) {
      EngineWire.Reader reader = wire.reader(ask);
      for (Optional<JsonNode> event = events.next(); event.isPresent(); event = events.next()) {
        Chunk chunk = reader.read(event.get());
        for (int i = 0; i < chunk.ids().size(); i++) {
          all.put(chunk.ids().get(i), chunk.logprobs().get(i));
          if (!chunk.tops().isEmpty()) add(all, chunk.tops().get(i));
        }
      }
    }
    if (all.isEmpty()) throw new EngineFault(Kind.BROKEN, "it generates nothing");
    return all;
  }

  private static void add(Map<Integer, Float> all, TopLogprobs top) {
    for (int i = 0; i < top.ids().size(); i++)
      if (top.logprobs().get(i) > -100) all.put(top.ids().get(i), top.logprobs().get(i));
  }
}
