package dev.turnstone.engine.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The Hugging Face hub, or a mirror of it, behind its cache on this machine.
///
/// Protocol and layout are those of `huggingface_hub`, so both use each other's downloads. Only
/// what the engine reads is downloaded: configs, tokenizer, template, and safetensors that
/// [WeightFiles] would take. Configs come first, so that a model that cannot be served is refused
/// before its weights are on the way.
public final class Hub {
  private static final Set<String> SMALL =
      Set.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          "model.safetensors.index.json");

  private final HubSettings settings;
  private final Duration pause;

  public Hub(HubSettings settings) {
    this(settings, Duration.ofSeconds(1));
  }

  /// @param pause before the second attempt, longer before each further
  Hub(HubSettings settings, Duration pause) {
    this.settings = settings;
    this.pause = pause;
  }

  /// A folder with the model's files, downloaded as far as they are not here.
  ///
  /// @throws ModelException saying in one sentence why not and what to do
  public Path fetch(HubModel model, Progress progress) throws ModelException, InterruptedException {
    return fetch(model, progress, true);
  }

  /// The same without the weights: configs, tokenizer and template.
  ///
  /// @throws ModelException as [#fetch]
  public Path fetchTokenizer(HubModel model, Progress progress)
      throws ModelException, InterruptedException {
    return fetch(model, progress, false);
  }

  private Path fetch(HubModel model, Progress progress, boolean weights)
      throws ModelException, InterruptedException {
    var cache = new HubCache(settings.cache(), model.repository());
    if (settings.offline()) return cached(model, cache, weights);
    try (var http = new HubHttp(settings)) {
      try {
        return fetch(model, cache, http, progress, weights);
      } catch (IOException e) {
        throw http.unreachable(model, e);
      }
    }
  }

  private Path fetch(
      HubModel model, HubCache cache, HubHttp http, Progress progress, boolean withWeights)
      throws IOException, ModelException, InterruptedException {
    HubHttp.Listing listing = http.list(model);
    String commit = listing.commit();
    for (String needed : List.of("config.json", "tokenizer.json"))
      if (listing.files().stream().noneMatch(file -> file.name().equals(needed)))
        throw new ModelException("%s has no %s on %s".formatted(model, needed, http.host()));
    for (HubFile file : listing.files())
      if (SMALL.contains(file.name())) bring(model, cache, http, commit, file, progress);
    if (withWeights) bringWeights(model, cache, http, listing, progress);
    cache.remember(model.revision(), commit);
    return cache.snapshot(commit);
  }

  private void bringWeights(
      HubModel model, HubCache cache, HubHttp http, HubHttp.Listing listing, Progress progress)
      throws IOException, ModelException, InterruptedException {
    String commit = listing.commit();
    ModelConfig.read(cache.snapshot(commit));
    Set<String> weights = weights(listing, cache.snapshot(commit));
    if (weights.isEmpty())
      throw new ModelException("%s has no safetensors weights on %s".formatted(model, http.host()));
    for (HubFile file : listing.files())
      if (weights.contains(file.name())) bring(model, cache, http, commit, file, progress);
    WeightFiles.in(cache.snapshot(commit)); // every shard of the index is here
  }

  private void bring(
      HubModel model, HubCache cache, HubHttp http, String commit, HubFile file, Progress progress)
      throws IOException, ModelException, InterruptedException {
    new BlobDownload(http, cache, model, commit, file, progress, pause).run();
    cache.link(commit, file);
  }

  /// Names of the weight files: those of the index, else the whole model's, else all.
  private static Set<String> weights(HubHttp.Listing listing, Path snapshot) throws IOException {
    var all = new HashSet<String>();
    for (HubFile file : listing.files()) if (file.weights()) all.add(file.name());
    Path index = snapshot.resolve("model.safetensors.index.json");
    if (Files.exists(index)) {
      var named = new HashSet<String>();
      for (JsonNode shard : new ObjectMapper().readTree(index.toFile()).path("weight_map"))
        named.add(shard.asText());
      return named;
    }
    return all.contains("model.safetensors") ? Set.of("model.safetensors") : all;
  }

  private Path cached(HubModel model, HubCache cache, boolean withWeights) throws ModelException {
    try {
      Path snapshot =
          cache
              .commit(model.revision())
              .map(cache::snapshot)
              .filter(Files::isDirectory)
              .orElseThrow(() ->
                  new ModelException(
                      "%s is not in the cache %s, and HF_HUB_OFFLINE forbids to download it"
                          .formatted(model, settings.cache())));
      if (withWeights) WeightFiles.in(snapshot);
      return snapshot;
    } catch (IOException e) {
      throw new ModelException("cannot read the cache of " + model + ": " + e.getMessage(), e);
    }
  }
}
