package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What a weights folder holds: its `manifest.json`.
///
/// @param dtype of the tensors as safetensors names it, or `mixed`
/// @param files by name
/// @param tensors by name: `{"dtype", "shape"}` each
/// @param base what a part of the weights belongs to
/// @param scale of an adapter: alpha / rank
/// @param wish how to apply them, unless the request says otherwise
public record WeightsManifest(
    String lineage,
    int version,
    String dtype,
    Map<String, Checked> files,
    Map<String, JsonNode> tensors,
    Kind kind,
    Optional<WeightsId> base,
    double scale,
    Wish wish) {
  static final String NAME = "manifest.json";

  /// What a file in the folder may be called.
  static final String FILE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}";

  /// How weights are to be applied, and what they must give before they serve.
  record Wish(Optional<Pause> pause, Optional<Kv> kv, Optional<Probe> probe) {
    static final Wish NONE = new Wish(Optional.empty(), Optional.empty(), Optional.empty());
  }

  public WeightsManifest {
    files = Map.copyOf(files);
    tensors = Map.copyOf(tensors);
    if (kind != Kind.FULL && base.isEmpty())
      throw new IllegalArgumentException(
          "the manifest is of kind %s and names no base".formatted(Fields.wire(kind)));
    if (!Double.isFinite(scale))
      throw new IllegalArgumentException("manifest.scale is not finite: " + scale);
    for (String file : files.keySet())
      if (!file.matches(FILE_NAME))
        throw new IllegalArgumentException("the manifest's file is not a plain name: " + file);
  }

  /// What of the weights the folder holds.
  enum Kind {
    FULL,
    /// Adapters to a base.
    LORA,
    /// The numbers of a base that changed.
    DELTA
  }

  /// What a file's bytes must be.
  record Checked(long size, String sha256) {}

  static WeightsManifest parse(String text) {
    Fields fields = Fields.of("manifest", JsonText.parse(text));
    Map<String, Checked> files = new TreeMap<>();
    Fields listed = object(fields, "files");
    for (String name : listed.names()) {
      Fields file = object(listed, name);
      files.put(name, new Checked(file.integer("size"), file.text("sha256")));
    }
    Map<String, JsonNode> tensors = new TreeMap<>();
    object(fields, "tensors")
        .tree()
        .properties()
        .forEach(tensor -> tensors.put(tensor.getKey(), tensor.getValue()));
    return new WeightsManifest(
        fields.text("lineage"),
        fields
            .optionalInt("version")
            .orElseThrow(() -> new IllegalArgumentException("manifest.version is missing")),
        fields.text("dtype"),
        files,
        tensors,
        fields.choice("kind", Kind.class).orElse(Kind.FULL),
        fields.object("base").map(WeightsManifest::id),
        fields.number("scale", 1),
        new Wish(
            fields.choice("pause", Pause.class),
            fields.choice("kv", Kv.class),
            fields.object("probe").map(WeightsRequest::probe)));
  }

  private static WeightsId id(Fields base) {
    return new WeightsId(
        base.text("lineage"),
        base.optionalInt("version")
            .orElseThrow(() -> new IllegalArgumentException("manifest.base.version is missing")),
        base.text("sha256"));
  }

  String write() {
    ObjectNode node = JsonText.object();
    node.put("lineage", lineage).put("version", version).put("dtype", dtype);
    ObjectNode listed = node.putObject("files");
    files.forEach((name, file) ->
        listed.putObject(name).put("size", file.size()).put("sha256", file.sha256()));
    node.putObject("tensors").setAll(tensors);
    if (kind != Kind.FULL) node.put("kind", Fields.wire(kind)).put("scale", scale);
    base.ifPresent(known ->
        node.putObject("base")
            .put("lineage", known.lineage())
            .put("version", known.version())
            .put("sha256", known.sha256()));
    wish.pause().ifPresent(mode -> node.put("pause", Fields.wire(mode)));
    wish.kv().ifPresent(mode -> node.put("kv", Fields.wire(mode)));
    wish.probe().ifPresent(probe -> node.set("probe", WeightsRequest.probeJson(probe)));
    return JsonText.canonical(node);
  }

  private static Fields object(Fields fields, String name) {
    return fields
        .object(name)
        .orElseThrow(() -> new IllegalArgumentException("manifest." + name + " is missing"));
  }
}
