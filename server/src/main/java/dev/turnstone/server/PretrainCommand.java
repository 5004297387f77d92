package dev.turnstone.server;

import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.Safetensors;
import dev.turnstone.engine.chat.TemplateChatFormat;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.trainer.Pretraining;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `turnstone pretrain`: makes the tiny policy from nothing.
@Command(
    name = "pretrain",
    description = {
      "Makes a tiny policy: trains it from nothing on dialogues that it makes up itself.",
      "The same seed and machine give the same weights."
    },
    mixinStandardHelpOptions = true)
final class PretrainCommand implements Callable<Integer> {
  private static final int REPORT_EVERY = 10;
  private static final int BAR = 30;

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "New model folder.")
  private Path out = Path.of("");

  @Option(names = "--steps", paramLabel = "N", description = "${DEFAULT-VALUE}.")
  private int steps = 2500;

  @Option(names = "--seed", paramLabel = "N", description = "${DEFAULT-VALUE}.")
  private long seed = 1;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    if (steps < 1) throw new StartupError("--steps < 1: " + steps);
    Path tiny = ModelFolder.find("tiny").path();
    try (Tokenizer tokenizer = Tokenizer.load(tiny);
        Pretraining pretraining =
            new Pretraining(
                TemplateChatFormat.load(tiny, tokenizer), tokenizer::encode, steps, seed)) {
      train(pretraining);
      Files.createDirectories(out);
      for (String file :
          List.of(
              "tokenizer.json",
              "tokenizer_config.json",
              "special_tokens_map.json",
              "chat_template.jinja"))
        Files.copy(tiny.resolve(file), out.resolve(file), StandardCopyOption.REPLACE_EXISTING);
      Files.writeString(
          out.resolve("config.json"),
          Pretraining.configJson(
              tokenizer.added("<|im_end|>").orElseThrow(),
              tokenizer.added("<|endoftext|>").orElseThrow()));
      Safetensors.write(
          out.resolve("model.safetensors"), pretraining.weights(), Safetensors.Dtype.BF16);
      spec.commandLine().getOut().printf("wrote %s%n", out);
      return 0;
    } catch (ModelException | IOException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private void train(Pretraining pretraining) {
    PrintWriter bar = spec.commandLine().getErr();
    double smoothed = 0;
    for (int step = 1; step <= steps; step++) {
      double loss = pretraining.step();
      smoothed = step == 1 ? loss : 0.95 * smoothed + 0.05 * loss;
      if (step % REPORT_EVERY != 0 && step != steps) continue;
      int done = BAR * step / steps;
      bar.printf(
          "\r[%s%s] step %d/%d, loss %.4f",
          "#".repeat(done), "-".repeat(BAR - done), step, steps, smoothed);
      bar.flush();
    }
    bar.println();
  }
}
