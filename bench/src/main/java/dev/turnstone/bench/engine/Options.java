package dev.turnstone.bench.engine;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// What `bench engine` was asked for.
///
/// @param model empty: random weights of SmolLM2-135M's shape
/// @param figures names of [Figure]s besides the sweep over `concurrency`
/// @param seconds how long a figure that repeats something may go on
/// @param llamaServer llama.cpp's server program
/// @param vllm vLLM's program
record Options(
    Optional<Path> model,
    List<Integer> concurrency,
    int prompt,
    int generate,
    int threads,
    int seconds,
    Set<String> figures,
    Optional<Path> llamaServer,
    Optional<Path> vllm) {
  static final String SUMMARY =
      "[--model DIR] [--concurrency 1,4,16,64] [--prompt 256] [--generate 128] [--threads CORES]"
          + " [--figures all|none|NAME,…] [--llama-server PROGRAM] [--vllm PROGRAM]:"
          + " the engine against its floor and its peers";

  static Options parse(List<String> arguments, Set<String> known) {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < arguments.size(); i += 2) {
      String name = arguments.get(i);
      if (!name.startsWith("--") || i + 1 == arguments.size())
        throw new IllegalArgumentException("%s needs a value; takes %s".formatted(name, SUMMARY));
      given.put(name.substring(2), arguments.get(i + 1));
    }
    Options options =
        new Options(
            folder(given, "model"),
            numbers(take(given, "concurrency", "1,4,16,64")),
            positive(given, "prompt", 256),
            positive(given, "generate", 128),
            positive(given, "threads", Runtime.getRuntime().availableProcessors()),
            positive(given, "seconds", 20),
            figures(take(given, "figures", "all"), known),
            folder(given, "llama-server"),
            folder(given, "vllm"));
    if (!given.isEmpty())
      throw new IllegalArgumentException(
          "there is no --%s; takes %s".formatted(given.keySet().iterator().next(), SUMMARY));
    return options;
  }

  private static String take(Map<String, String> given, String name, String usual) {
    return Optional.ofNullable(given.remove(name)).orElse(usual);
  }

  private static Optional<Path> folder(Map<String, String> given, String name) {
    Optional<Path> path = Optional.ofNullable(given.remove(name)).map(Path::of);
    path.filter(file -> !file.toFile().exists())
        .ifPresent(file -> {
          throw new IllegalArgumentException("--%s %s does not exist".formatted(name, file));
        });
    return path;
  }

  private static int positive(Map<String, String> given, String name, int usual) {
    return positive("--" + name, take(given, name, "" + usual));
  }

  private static int positive(String name, String text) {
    try {
      int value = Integer.parseInt(text);
      if (value > 0) return value;
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(name + " must be an integer above 0, but is " + text);
  }

  private static List<Integer> numbers(String text) {
    return Stream.of(text.split(",")).map(part -> positive("--concurrency", part)).toList();
  }

  private static Set<String> figures(String text, Set<String> known) {
    if (text.equals("all")) return known;
    if (text.equals("none")) return Set.of();
    var chosen = new TreeSet<>(List.of(text.split(",")));
    for (String name : chosen)
      if (!known.contains(name))
        throw new IllegalArgumentException(
            "there is no figure %s, only %s".formatted(name, new TreeSet<>(known)));
    return chosen;
  }
}
