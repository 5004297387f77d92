package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.net.URI;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// New weights that someone asks for: the body of `POST /v1/weights` and the feed's `weights`.
///
/// @param run whose trainer asks; empty only while no run owns the policy's weights
/// @param epoch of that run, if a trainer ever connected to it
/// @param id its sha256 is that of the manifest's bytes
/// @param folder as the client named it, not yet checked; [#STREAMED] if the files came over the
///   feed
/// @param probe what the new weights must give before they serve
public record WeightsRequest(
    Optional<String> run,
    OptionalLong epoch,
    WeightsId id,
    Path folder,
    Optional<Pause> pause,
    Optional<Kv> kv,
    Optional<Probe> probe) {
  /// Stands for the files that came over the same connection of the feed.
  public static final Path STREAMED = Path.of("feed:");

  public WeightsRequest {
    RunSpec.requireName("lineage", id.lineage());
    if (id.version() < 0) throw new IllegalArgumentException("version < 0: " + id.version());
    if (!id.sha256().matches("[0-9a-f]{64}"))
      throw new IllegalArgumentException(
          "manifest_sha256 is not 64 lower-case hexadecimal digits: " + id.sha256());
  }

  /// Without a probe.
  public WeightsRequest(
      Optional<String> run,
      OptionalLong epoch,
      WeightsId id,
      Path folder,
      Optional<Pause> pause,
      Optional<Kv> kv) {
    this(run, epoch, id, folder, pause, kv, Optional.empty());
  }

  /// Reads the body of `POST /v1/weights`.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static WeightsRequest parse(JsonNode body) {
    Fields fields = Fields.of("", body);
    int version =
        fields
            .optionalInt("version")
            .orElseThrow(() -> new IllegalArgumentException("version is missing"));
    return new WeightsRequest(
        fields.optionalText("run"),
        fields.optionalInteger("epoch"),
        new WeightsId(fields.text("lineage"), version, fields.text("manifest_sha256")),
        folder(fields.text("uri")),
        fields.choice("pause", Pause.class),
        fields.choice("kv", Kv.class),
        fields.object("probe").map(WeightsRequest::probe));
  }

  /// Reads a probe as requests and manifests have it.
  public static Probe probe(Fields fields) {
    int[] ids = fields.list("ids").stream().mapToInt(id -> id.asInt(-1)).toArray();
    List<JsonNode> given = fields.list("logprobs");
    float[] logprobs = new float[given.size()];
    for (int i = 0; i < logprobs.length; i++)
      logprobs[i] = given.get(i).isNumber() ? given.get(i).floatValue() : Float.NaN;
    return new Probe(
        Tokens.of(ids), Logprobs.of(logprobs), fields.number("tolerance", Probe.USUAL_TOLERANCE));
  }

  /// A probe as a request has it.
  public static ObjectNode probeJson(Probe probe) {
    ObjectNode node = JsonText.object();
    ArrayNode ids = node.putArray("ids");
    for (int id : probe.ids().toArray()) ids.add(id);
    ArrayNode logprobs = node.putArray("logprobs");
    for (float logprob : probe.logprobs().toArray()) logprobs.add(logprob);
    return node.put("tolerance", probe.tolerance());
  }

  /// The body that [#parse] reads back.
  public ObjectNode toJson() {
    ObjectNode node = JsonText.object();
    run.ifPresent(name -> node.put("run", name));
    epoch.ifPresent(number -> node.put("epoch", number));
    node.put("lineage", id.lineage()).put("version", id.version());
    node.put("uri", streamed() ? STREAMED.toString() : folder.toUri().toString());
    node.put("manifest_sha256", id.sha256());
    pause.ifPresent(mode -> node.put("pause", Fields.wire(mode)));
    kv.ifPresent(mode -> node.put("kv", Fields.wire(mode)));
    probe.ifPresent(expected -> node.set("probe", probeJson(expected)));
    return node;
  }

  public boolean streamed() {
    return folder.equals(STREAMED);
  }

  /// The same with its files in a folder.
  public WeightsRequest in(Path other) {
    return new WeightsRequest(run, epoch, id, other, pause, kv, probe);
  }

  public WeightsRequest from(String owner, long current) {
    return new WeightsRequest(
        Optional.of(owner), OptionalLong.of(current), id, folder, pause, kv, probe);
  }

  private static Path folder(String uri) {
    try {
      Path folder = uri.startsWith("file:") ? Path.of(URI.create(uri)) : Path.of(uri);
      if (folder.isAbsolute() || folder.equals(STREAMED)) return folder;
    } catch (IllegalArgumentException | FileSystemNotFoundException e) {
      throw new IllegalArgumentException("uri is not a path or file URI: " + uri, e);
    }
    throw new IllegalArgumentException("uri is not absolute: " + uri);
  }
}
