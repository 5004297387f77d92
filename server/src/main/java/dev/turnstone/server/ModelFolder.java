package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.engine.GenerationDefaults;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.WeightFiles;
import dev.turnstone.engine.chat.TemplateChatFormat;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.chat.tools.ReasoningTags;
import dev.turnstone.engine.chat.tools.ToolFormat;
import dev.turnstone.engine.chat.tools.ToolFormats;
import dev.turnstone.engine.chat.tools.TurnParser;
import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.TokenTrie;
import dev.turnstone.engine.hub.Hub;
import dev.turnstone.engine.hub.HubModel;
import dev.turnstone.engine.hub.HubSettings;
import dev.turnstone.engine.hub.ProgressBar;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.completion.TokenizerTexts;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.upstream.TokenSpace;
import java.io.Console;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A policy's folder, as `--model` names it: Hugging Face's layout with safetensors.
record ModelFolder(String name, Path path) {
  private static final Logger log = LoggerFactory.getLogger(ModelFolder.class);

  private static final int HASHED_AT_ONCE = 1 << 18;

  /// Lineage of the weights that a folder brings, before any training.
  private static final String UNTRAINED = "base";

  /// Finds what a command line names, downloading it from the hub if it must.
  static ModelFolder find(String model) {
    return find(model, home(), System.getenv());
  }

  /// Finds a folder by its path, a policy that comes with Turnstone by its name, or a model of the
  /// Hugging Face hub as `org/name` or `org/name@revision`.
  static ModelFolder find(String model, Path home, Map<String, String> environment) {
    return here(model, home)
        .or(() ->
            HubModel.parse(model)
                .map(remote -> new ModelFolder(model, download(remote, environment))))
        .orElseThrow(() -> new StartupError("there is no model folder %s".formatted(model)));
  }

  /// The same without the hub; empty if it is not on this machine.
  static Optional<ModelFolder> here(String model) {
    return here(model, home());
  }

  private static Path home() {
    return Path.of(System.getProperty("turnstone.home", "."));
  }

  private static Optional<ModelFolder> here(String model, Path home) {
    Path given = Path.of(model);
    if (Files.isDirectory(given))
      return Optional.of(
          new ModelFolder(given.toAbsolutePath().normalize().getFileName().toString(), given));
    Path own = home.resolve("models").resolve(model);
    return model.matches("[a-z0-9.-]+") && Files.isDirectory(own)
        ? Optional.of(new ModelFolder(model, own))
        : Optional.empty();
  }

  /// Finds a folder with a tokenizer and a chat template, as [#find] finds a model.
  static ModelFolder findTokenizer(String tokenizer, Map<String, String> environment) {
    return here(tokenizer)
        .or(() ->
            HubModel.parse(tokenizer)
                .map(remote -> new ModelFolder(tokenizer, downloadTokenizer(remote, environment))))
        .orElseThrow(
            () -> new StartupError("there is no tokenizer folder %s".formatted(tokenizer)));
  }

  private static Path downloadTokenizer(HubModel model, Map<String, String> environment) {
    return fetch(
        model, progress -> new Hub(HubSettings.of(environment)).fetchTokenizer(model, progress));
  }

  private static Path download(HubModel model, Map<String, String> environment) {
    return fetch(model, progress -> new Hub(HubSettings.of(environment)).fetch(model, progress));
  }

  @FunctionalInterface
  private interface Download {
    Path run(ProgressBar progress) throws ModelException, InterruptedException;
  }

  private static Path fetch(HubModel model, Download download) {
    boolean terminal =
        Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    var progress = new ProgressBar(System.err, terminal);
    try {
      return download.run(progress);
    } catch (ModelException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartupError("the download of %s was interrupted".formatted(model));
    }
  }

  /// Loads the folder into an engine. The caller closes the policy.
  ///
  /// @param format of tool calls; empty: the one that the chat template teaches
  /// @param tags of reasoning; empty: those of the chat template
  /// @throws StartupError with one sentence, if it cannot be served
  Served load(EngineConfig config, Optional<ToolFormat> format, Optional<ReasoningTags> tags)
      throws InterruptedException {
    try (Ahead<String> sha256 = Ahead.load("weights-sha256", this::weightsSha256);
        Ahead<Engine> loading = Ahead.load("model", () -> engine(sha256, config))) {
      Tokenizer tokenizer = Tokenizer.load(path);
      try {
        TemplateChatFormat chat = TemplateChatFormat.load(path, tokenizer);
        TurnParser parser = parser(chat, format, tags);
        int vocabulary = vocabularyFor(tokenizer);
        Engine engine = loading.take(ModelException.class);
        engine.tokens(() -> texts(tokenizer, vocabulary));
        return served(engine, tokenizer, chat, parser, vocabulary);
      } catch (ModelException | IOException | InterruptedException | RuntimeException e) {
        tokenizer.close();
        throw e;
      }
    } catch (ModelException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new StartupError("the weights in %s cannot be read".formatted(path));
    }
  }

  /// The engine under the name of the weights that the folder brings.
  private Engine engine(Ahead<String> sha256, EngineConfig config)
      throws ModelException, InterruptedException {
    return Engine.load(
        path, () -> new WeightsId(UNTRAINED, 0, sha256.take(ModelException.class)), config);
  }

  /// How the makers of the model want it sampled where nothing else is said.
  ///
  /// @throws StartupError with one sentence, if that cannot be
  Sampling makersSampling() {
    try {
      Sampling sampling = GenerationDefaults.read(path);
      if (!sampling.equals(Sampling.FULL))
        log.info("requests that do not say are sampled as {} wants: {}", path, sampling);
      return sampling;
    } catch (ModelException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  /// Reads the folder's tokenizer and chat template for a policy that generates elsewhere.
  ///
  /// @throws StartupError with one sentence, if it cannot be served
  Served serve(Elsewhere elsewhere, Optional<ToolFormat> format, Optional<ReasoningTags> tags) {
    try {
      Tokenizer tokenizer = Tokenizer.load(path);
      try {
        TemplateChatFormat chat = TemplateChatFormat.load(path, tokenizer);
        TurnParser parser = parser(chat, format, tags);
        int vocabulary = vocabulary(tokenizer);
        Constraints constraints = new Constraints();
        TrainablePolicy policy =
            elsewhere.open(
                new TokenSpace(
                    vocabulary,
                    text -> tokenizer.encode(text, false),
                    ids -> tokenizer.decode(ids, false),
                    constraints::grammar));
        return served(policy, tokenizer, chat, parser, vocabulary);
      } catch (ModelException | IOException | RuntimeException e) {
        tokenizer.close();
        throw e;
      }
    } catch (ModelException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new StartupError("the configuration in %s cannot be read".formatted(path));
    }
  }

  /// A policy that has no weights here.
  @FunctionalInterface
  interface Elsewhere {
    /// Opens it.
    TrainablePolicy open(TokenSpace space);
  }

  /// As many ids as the model has, which may be more than its tokenizer's.
  private int vocabulary(Tokenizer tokenizer) throws IOException {
    Path config = path.resolve("config.json");
    if (!Files.exists(config)) return tokenizer.vocabularySize();
    JsonNode json = Wire.JSON.readTree(config.toFile());
    int size = json.path("vocab_size").asInt(json.path("text_config").path("vocab_size").asInt(0));
    return Math.max(size, tokenizer.vocabularySize());
  }

  private Served served(
      TrainablePolicy policy,
      Tokenizer tokenizer,
      TemplateChatFormat format,
      TurnParser parser,
      int vocabulary) {
    return new Served(
        name,
        policy,
        format,
        parser,
        new TokenizerTexts(tokenizer, parser),
        new PolicyIdentity(tokenizer.sha256(), format.templateSha256(), vocabulary));
  }

  private TurnParser parser(
      TemplateChatFormat chat, Optional<ToolFormat> format, Optional<ReasoningTags> tags) {
    TurnParser taught = chat.parser();
    TurnParser parser =
        new TurnParser(format.orElse(taught.format()), tags.orElse(taught.reasoning()));
    if (format.isEmpty() && taught.format().equals(ToolFormats.NONE))
      log.warn(
          "the chat template in {} teaches no known format of tool calls, so none are read:"
              + " --tool-parser names one",
          path);
    return parser;
  }

  /// The model's number of ids, which its tokenizer must not exceed.
  private int vocabularyFor(Tokenizer tokenizer) throws ModelException, IOException {
    int vocabulary = ModelConfig.read(path).vocabulary();
    if (tokenizer.vocabularySize() > vocabulary)
      throw new StartupError(
          "the tokenizer in %s has %d ids, but its model only %d"
              .formatted(path, tokenizer.vocabularySize(), vocabulary));
    return vocabulary;
  }

  /// The bytes of each id as constraints know them.
  private static byte[][] texts(Tokenizer tokenizer, int vocabulary) {
    byte[][] bytes = new byte[vocabulary][];
    for (int id = 0; id < vocabulary; id++)
      bytes[id] =
          tokenizer.isSpecial(id)
              ? TokenTrie.special(tokenizer.bytes(id))
              : TokenTrie.text(tokenizer.bytes(id));
    return bytes;
  }

  /// Names the weights of a folder without a manifest: one hash over its safetensors in order.
  private String weightsSha256() throws ModelException {
    MessageDigest digest = sha256();
    try {
      byte[] piece = new byte[HASHED_AT_ONCE];
      for (Path file : WeightFiles.in(path))
        try (InputStream in = new FileInputStream(file.toFile())) {
          for (int count = in.read(piece); count >= 0; count = in.read(piece))
            digest.update(piece, 0, count);
        }
    } catch (IOException e) {
      throw new ModelException("the weights in %s cannot be read".formatted(path), e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
