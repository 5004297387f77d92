package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.Benchmark;
import dev.turnstone.engine.ModelConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// The embedded engine's speed: a sweep over requests in flight against the machine's floor, then
/// one figure after the other. What takes long can be left out by `--figures`.
public final class EngineSpeed implements Benchmark {
  private static final List<Figure> FIGURES =
      List.of(
          new ContextFigure(),
          new UpdateFigure(),
          new SchedulingFigure(),
          new StartFigure(),
          new TraceFigure(),
          new PeersFigure());

  @Override
  public String name() {
    return "engine";
  }

  @Override
  public String summary() {
    return Options.SUMMARY;
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    Set<String> known = FIGURES.stream().map(Figure::name).collect(Collectors.toSet());
    Options options = Options.parse(arguments, known);
    Path scratch = Files.createTempDirectory("turnstone-bench");
    Path made = scratch.resolve("model");
    try {
      Path folder = options.model().isPresent() ? options.model().get() : Checkpoint.write(made, 1);
      return measure(new Subject(folder, ModelConfig.read(folder), options, scratch));
    } finally {
      Checkpoint.delete(scratch);
    }
  }

  private static ObjectNode measure(Subject subject) throws Exception {
    ObjectNode all = new ObjectMapper().createObjectNode();
    all.put("prompt", subject.options().prompt()).put("generate", subject.options().generate());
    all.put("threads", subject.options().threads());
    ArrayNode results = all.putArray("results");
    ObjectNode prefill = new ObjectMapper().createObjectNode();
    try (var cores = new Cores(subject.options().threads());
        var copy = new CopyBandwidth(cores)) {
      new DecodeSweep(subject, cores, copy).measure(results);
      new PrefillFigure(subject, cores, copy).measure(prefill);
    }
    for (var result : results)
      ((ObjectNode) result).set("prefill_ratio_to_floor", prefill.get("ratio_to_floor"));
    all.set("prefill", prefill);
    System.err.println("results " + results);
    System.err.println("prefill " + prefill);
    for (Figure figure : FIGURES) {
      if (!subject.options().figures().contains(figure.name())) continue;
      ObjectNode found = all.putObject(figure.name());
      figure.measure(subject, found);
      System.err.println(figure.name() + " " + found);
    }
    return all;
  }
}
