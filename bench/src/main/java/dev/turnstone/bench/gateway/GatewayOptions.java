package dev.turnstone.bench.gateway;

import dev.turnstone.bench.ServerJvm;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the gateway's benchmark is run with; printed with its figures.
///
/// @param model whose tokenizer and chat template are served
/// @param phases that are run
/// @param seconds that a phase measures
/// @param warmup seconds before, in which the server's code is compiled
/// @param clients agents at once
/// @param startTokens of a session's first prompt
/// @param endTokens of its last
/// @param turns of a session, between them
/// @param maxTokens sampled in a turn
/// @param perEvent tokens in one event of the engine's stream
/// @param rate turns per second where latency is measured
/// @param sessions that are held
/// @param heldTokens of each of them
/// @param holdRate turns per second meanwhile
/// @param settleSeconds before stalls are measured
/// @param longPrompts that are tokenised at once
/// @param longPrompt their tokens
/// @param probeSeconds that others are probed meanwhile
/// @param java options of the server's JVM
/// @param venv of Python with the peers; empty: without them
/// @param peers that are measured, by their names on PyPI
record GatewayOptions(
    String model,
    List<String> phases,
    int seconds,
    int warmup,
    int clients,
    int startTokens,
    int endTokens,
    int turns,
    int maxTokens,
    int perEvent,
    int rate,
    int sessions,
    int heldTokens,
    int holdRate,
    int settleSeconds,
    int longPrompts,
    int longPrompt,
    int probeSeconds,
    String java,
    String venv,
    List<String> peers) {
  private static final List<String> PEERS =
      Arrays.stream(Peer.values()).map(Peer::distribution).toList();

  static final String HELP =
      "model=DIR phases=turns,latency,stream,tokenise,hold,peers seconds= warmup= clients= turns="
          + " rate= sessions= java=\"JVM options\" venv=DIR peers="
          + String.join(",", PEERS)
          + " as far as they are installed in venv";

  static GatewayOptions parse(List<String> arguments) {
    Map<String, String> said = new HashMap<>();
    for (String argument : arguments) {
      int at = argument.indexOf('=');
      if (at < 0)
        throw new IllegalArgumentException("arguments are NAME=VALUE, but one is " + argument);
      said.put(argument.substring(0, at), argument.substring(at + 1));
    }
    GatewayOptions options =
        new GatewayOptions(
            text(said, "model", System.getProperty("turnstone.home", ".") + "/models/tiny"),
            List.of(
                text(said, "phases", "turns,latency,stream,tokenise,hold,peers").split(",", -1)),
            number(said, "seconds", 15),
            number(said, "warmup", 70),
            number(said, "clients", 32),
            number(said, "start_tokens", 1000),
            number(said, "end_tokens", 8000),
            number(said, "turns", 32),
            number(said, "max_tokens", 64),
            number(said, "per_event", 16),
            number(said, "rate", 500),
            number(said, "sessions", 10_000),
            number(said, "held_tokens", 8000),
            number(said, "hold_rate", 200),
            number(said, "settle_s", 12),
            number(said, "long_prompts", 8),
            number(said, "long_prompt", 128_000),
            number(said, "probe_s", 12),
            text(said, "java", String.join(" ", ServerJvm.OPTIONS)),
            text(said, "venv", ""),
            List.of(text(said, "peers", String.join(",", PEERS)).split(",", -1)));
    if (!said.isEmpty())
      throw new IllegalArgumentException("there is no " + said.keySet() + "; there are " + HELP);
    return options;
  }

  private static String text(Map<String, String> said, String name, String usual) {
    String value = said.remove(name);
    return value == null ? usual : value;
  }

  private static int number(Map<String, String> said, String name, int usual) {
    String value = text(said, name, Integer.toString(usual));
    try {
      int number = Integer.parseInt(value);
      if (number > 0) return number;
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(name + " must be an integer above 0, but is " + value);
  }

  boolean does(String phase) {
    return phases.contains(phase);
  }

  /// Tokens that an observation has, so that a session ends where it should.
  int observationTokens() {
    return Math.max(1, (endTokens - startTokens) / turns - maxTokens);
  }
}
