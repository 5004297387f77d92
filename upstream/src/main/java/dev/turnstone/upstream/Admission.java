package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.wire.BadWords;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineHttp.Answer;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.SglangWire;
import dev.turnstone.upstream.wire.VllmCompletions;
import dev.turnstone.upstream.wire.VllmWire;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds out whether an engine may serve the policy: whether it has the policy's tokenizer and
/// vocabulary, gives ids, and says their log-probabilities under the right distribution.
final class Admission {
  private static final Logger LOG = LoggerFactory.getLogger(Admission.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final double TEMPERATURE = 2;

  /// Between them they tell most tokenizers apart: words, spaces, digits, code, scripts, emoji.
  private static final List<String> TEXTS =
      List.of(
          "The quick brown fox jumps over 13 lazy dogs.",
          "def f(x):\n    return x ** 2  # naïve\n\n",
          "Ünïcödé 東京 Привет \uD83D\uDE80 1234567890");

  private final EngineHttp http;
  private final TokenSpace space;

  Admission(EngineHttp http, TokenSpace space) {
    this.http = http;
    this.space = space;
  }

  /// An engine that may serve.
  ///
  /// @param model as it calls what it serves
  /// @param contextLength tokens that a prompt and its generation may have together
  /// @param label what it calls its weights; empty if it does not say
  record Admitted(EngineWire wire, String model, int contextLength, String label) {
    Admitted calling(String value) {
      return new Admitted(wire, model, contextLength, value);
    }
  }

  /// Asks the engine everything.
  ///
  /// @param readiness lets it go on
  /// @throws EngineFault saying in one sentence what it lacks
  Admitted admit(EngineSpec spec, Fleet.Readiness readiness)
      throws EngineFault, InterruptedException {
    JsonNode served = served(spec);
    String model = served.path("id").asText("default");
    int context = served.path("max_model_len").asInt(0);
    if (context < 1) throw EngineFault.broken("its /v1/models says no max_model_len");
    checkTokenizer(spec, model);
    EngineControl control = new EngineControl(http, spec);
    String label = control.label();
    if (WeightsLabel.underWay(label, EngineWeights.now()))
      throw new EngineFault(Kind.BUSY, "another server is bringing it weights: " + label);
    readiness.goOn(spec);
    EngineWire wire = wire(spec);
    String salt = readiness.salt();
    Probe probe = new Probe(http, spec, wire, model, salt);
    try {
      checkMode(spec, probe);
    } catch (EngineFault e) {
      if (!(wire instanceof VllmWire) || !e.why().startsWith("it answers 404")) throw e;
      LOG.info(
          "engine {} has no /inference/v1/generate (vLLM: --enable-scale-out): its completions are"
              + " used",
          spec.name());
      wire = new VllmCompletions(words());
      probe = new Probe(http, spec, wire, model, salt);
      checkMode(spec, probe);
    }
    checkVocabulary(probe);
    return new Admitted(wire, model, context, label);
  }

  private JsonNode served(EngineSpec spec) throws EngineFault, InterruptedException {
    Answer answer = http.get(spec.url(), "/v1/models", spec.key(), PATIENCE);
    if (answer.status() == 503) throw new EngineFault(Kind.GONE, "it is starting");
    if (!answer.ok())
      throw EngineFault.broken("its /v1/models answers %d".formatted(answer.status()));
    JsonNode data = answer.json().path("data");
    if (data.isEmpty()) throw EngineFault.broken("its /v1/models lists no model: " + answer.text());
    return data.path(0);
  }

  private BadWords words() {
    return new BadWords(space.encode(), space.decode());
  }

  private EngineWire wire(EngineSpec spec) {
    return switch (spec.kind()) {
      case VLLM -> new VllmWire(words());
      case SGLANG -> new SglangWire();
    };
  }

  private void checkTokenizer(EngineSpec spec, String model)
      throws EngineFault, InterruptedException {
    for (String text : TEXTS) {
      ObjectNode body = EngineHttp.JSON.createObjectNode().put("model", model);
      body.put("prompt", text).put("add_special_tokens", false);
      Answer answer = http.post(spec.url(), "/tokenize", spec.key(), body, PATIENCE);
      if (answer.missing()) {
        LOG.warn("engine {} has no /tokenize, so its tokenizer is taken on trust", spec.name());
        return;
      }
      if (!answer.ok())
        throw EngineFault.broken("its /tokenize answers %d".formatted(answer.status()));
      Tokens ours = space.encode().apply(text);
      JsonNode theirs = answer.json().path("tokens");
      boolean same = theirs.size() == ours.size();
      for (int i = 0; same && i < ours.size(); i++) same = theirs.path(i).asInt(-1) == ours.get(i);
      if (!same)
        throw EngineFault.broken(
            "it has another tokenizer: \"%s\" is %s there and %s here"
                .formatted(text.strip(), theirs, ours));
    }
  }

  /// @throws EngineFault naming the flag that would set it right
  private void checkMode(EngineSpec spec, Probe probe) throws EngineFault, InterruptedException {
    for (String text : TEXTS) {
      Tokens prompt = space.encode().apply(text);
      Map<Integer, Float> one = probe.next(prompt, 1);
      Map<Integer, Float> other = probe.next(prompt, TEMPERATURE);
      Optional<ProbedMode> mode = ProbedMode.of(one, other, TEMPERATURE);
      if (mode.isEmpty()) continue;
      if (mode.get() == ProbedMode.SCALED) return;
      throw EngineFault.broken(wrong(spec.kind(), mode.get()));
    }
    throw EngineFault.broken("its log-probabilities say nothing about their temperature");
  }

  private static String wrong(EngineSpec.Kind kind, ProbedMode mode) {
    String what =
        mode == ProbedMode.RAW
            ? "its log-probabilities do not follow the temperature"
            : "it returns logits instead of log-probabilities";
    return what
        + switch (kind) {
          case VLLM -> ": start it with --logprobs-mode processed_logprobs";
          case SGLANG -> ": start it without SGLANG_RETURN_ORIGINAL_LOGPROB";
        };
  }

  /// The largest id must be one of its ids.
  private void checkVocabulary(Probe probe) throws EngineFault, InterruptedException {
    try {
      probe.next(Tokens.of(space.vocabulary() - 1), 1);
    } catch (EngineFault e) {
      if (e.kind() != Kind.REFUSED) throw e;
      throw EngineFault.broken(
          "it has another vocabulary: it does not take id %d (%s)"
              .formatted(space.vocabulary() - 1, e.why()));
    }
  }
}
